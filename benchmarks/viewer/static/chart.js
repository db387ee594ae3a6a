// A line chart in SVG: several series over one axis of steps, read off under the pointer.

import { h, number, svg } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [460, 230, 52, 12, 10, 26];

// Series: { name, colour, points: [[x, y]], band: [[x, low, high]], dots }.
export function chart(title, series) {
  const points = series.flatMap((each) => each.points);
  const heights = [
    ...points.map(([, y]) => y),
    ...series.flatMap((each) => each.band ?? []).flatMap(([, low, high]) => [low, high]),
  ];
  const x = axis(extent(points.map(([at]) => at)), LEFT, WIDTH - RIGHT);
  const y = axis(padded(extent(heights)), HEIGHT - BOTTOM, TOP);
  const readout = h("p", { class: "readout quiet" }, " ");
  const rule = svg("line", { class: "rule", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} by step` },
    grid(x, y),
    series.map((each) => drawn(each, x, y)),
    rule,
  );
  drawing.addEventListener("pointermove", (event) => point(event, drawing, series, x, rule, readout));
  drawing.addEventListener("pointerleave", () => {
    rule.setAttribute("visibility", "hidden");
    readout.replaceChildren(" ");
  });
  return h("figure", {}, h("figcaption", {}, title), drawing, readout);
}

function drawn({ points, band, colour, dots }, x, y) {
  const path = points.map(([at, value], i) => `${i ? "L" : "M"}${x.place(at)} ${y.place(value)}`).join("");
  const marks = dots
    ? points.map(([at, value]) => svg("circle", { cx: x.place(at), cy: y.place(value), r: 3, fill: colour }))
    : [];
  return svg(
    "g",
    {},
    area(band, colour, x, y),
    svg("path", { d: path, stroke: colour, class: dots ? "series sparse" : "series" }),
    marks,
  );
}

function area(band, colour, x, y) {
  if (!band?.length) return null;
  const there = band.map(([at, low]) => `${x.place(at)} ${y.place(low)}`);
  const back = [...band].reverse().map(([at, , high]) => `${x.place(at)} ${y.place(high)}`);
  return svg("path", { d: `M${[...there, ...back].join("L")}Z`, fill: colour, class: "band" });
}

function grid(x, y) {
  const across = y.ticks.map((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y.place(value), y2: y.place(value) }),
    svg("text", { x: LEFT - 6, y: y.place(value) + 4, "text-anchor": "end" }, number(value)),
  ]);
  const below = x.ticks.map((value) =>
    svg("text", { x: x.place(value), y: HEIGHT - 8, "text-anchor": "middle" }, number(value)),
  );
  return [across, below];
}

function extent(values) {
  if (!values.length) return [0, 1];
  return values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

function padded([low, high]) {
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - room, high + room];
}

function axis([low, high], from, to) {
  const span = high - low || 1;
  const place = (value) => Math.round((from + ((value - low) / span) * (to - from)) * 10) / 10;
  const value = (at) => low + ((at - from) / (to - from)) * span;
  return { place, value, ticks: ticks(low, high) };
}

// About five round numbers between two.
function ticks(low, high) {
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function point(event, drawing, series, x, rule, readout) {
  const box = drawing.getBoundingClientRect();
  const at = x.value(((event.clientX - box.left) / box.width) * WIDTH);
  const steps = series.flatMap((each) => each.points.map(([step]) => step));
  const nearest = steps.reduce(
    (best, step) => (Math.abs(step - at) < Math.abs(best - at) ? step : best),
    steps[0],
  );
  if (nearest === undefined) return;
  for (const end of ["x1", "x2"]) rule.setAttribute(end, x.place(nearest));
  rule.setAttribute("visibility", "visible");
  const told = series.flatMap(({ name, colour, points }) => {
    const found = points.find(([step]) => step === nearest);
    return found
      ? [
          h(
            "span",
            { class: "reading" },
            h("i", { style: { background: colour } }),
            `${name} ${number(found[1])}`,
          ),
        ]
      : [];
  });
  readout.replaceChildren(`step ${nearest}: `, ...told);
}
