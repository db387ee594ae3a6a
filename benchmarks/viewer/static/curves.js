// What training runs logged, step by step, several runs over each other.

import { chart } from "./chart.js";
import { h, line } from "./dom.js";
import { curves } from "./source.js";

const FIRST = ["success", "reward", "turns", "policy_loss", "valid", "grad_norm"];
const COLOURS = ["#2f6fb3", "#d0602a", "#2a8c63", "#9a4fb0", "#b38a00", "#c2395a", "#3d9ab0", "#7a6a58"];
const chosen = { metrics: null, hidden: new Set() };

export async function curvesView({ overview }) {
  const logged = overview.runs.map((run, number) => ({ ...run, number })).filter((run) => run.curves);
  const logs = await Promise.all(
    logged.map(async (run, i) => ({
      ...run,
      colour: COLOURS[i % COLOURS.length],
      ...(await curves(run.number)),
    })),
  );
  const names = metricNames(logs);
  chosen.metrics ??= new Set(FIRST.filter((name) => names.includes(name)));
  if (!chosen.metrics.size) names.slice(0, 4).forEach((name) => chosen.metrics.add(name));

  const charts = h("div", { class: "charts" });
  const draw = () => {
    const shown = logs.filter((log) => !chosen.hidden.has(log.number));
    charts.replaceChildren(
      ...names.filter((name) => chosen.metrics.has(name)).map((name) => chart(name, series(shown, name))),
    );
  };
  draw();
  return {
    element: h(
      "section",
      { class: "curves" },
      h(
        "div",
        { class: "heading" },
        h("h1", {}, "training curves"),
        h("span", { class: "quiet" }, "lines: training; dots: evaluation, with the 95 % interval of success"),
      ),
      faults(logs),
      legend(logs, draw),
      metricPicker(names, draw),
      logs.length ? charts : h("p", {}, "No run here logged a training."),
    ),
    keys: {},
    tick: async () => {
      const fresh = await Promise.all(logs.map((log) => curves(log.number)));
      const grown = fresh.some((each, i) => JSON.stringify(each.stages) !== JSON.stringify(logs[i].stages));
      fresh.forEach((each, i) => Object.assign(logs[i], each));
      if (grown) draw();
    },
  };
}

function metricNames(logs) {
  const names = logs.flatMap((log) => Object.values(log.stages).flatMap(Object.keys));
  const known = new Set(names.filter((name) => !["step", "low", "high"].includes(name)));
  return [
    ...FIRST.filter((name) => known.has(name)),
    ...[...known].filter((name) => !FIRST.includes(name)).sort(),
  ];
}

function series(logs, name) {
  return logs.flatMap((log) =>
    Object.entries(log.stages)
      .filter(([, columns]) => columns[name])
      .map(([stage, columns]) => oneSeries(log, stage, columns, name)),
  );
}

function oneSeries(log, stage, columns, name) {
  const points = columns.step
    .map((step, i) => [step, columns[name][i]])
    .filter(([, value]) => typeof value === "number");
  const interval = name === "success" && columns.low && columns.high;
  const band = interval
    ? columns.step
        .map((step, i) => [step, columns.low[i], columns.high[i]])
        .filter((each) => each.every((value) => typeof value === "number"))
    : null;
  return { name: `${log.name} ${stage}`, colour: log.colour, points, band, dots: stage === "eval" };
}

function legend(logs, draw) {
  const entry = (log) =>
    toggle(log.name, !chosen.hidden.has(log.number), h("i", { style: { background: log.colour } }), (on) => {
      if (on) chosen.hidden.delete(log.number);
      else chosen.hidden.add(log.number);
      draw();
    });
  return h("div", { class: "chips", role: "group", "aria-label": "runs" }, logs.map(entry));
}

function metricPicker(names, draw) {
  const entry = (name) =>
    toggle(name, chosen.metrics.has(name), null, (on) => {
      if (on) chosen.metrics.add(name);
      else chosen.metrics.delete(name);
      draw();
    });
  return h("div", { class: "chips", role: "group", "aria-label": "metrics" }, names.map(entry));
}

// A button that stays pressed.
export function toggle(label, pressed, mark, changed) {
  const press = (event) => {
    const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(on));
    changed(on);
  };
  return h(
    "button",
    { class: "chip", "aria-pressed": String(pressed), on: { click: press } },
    mark,
    line(label),
  );
}

function faults(logs) {
  const told = logs.flatMap((log) => log.faults.map((fault) => `${log.name}: ${fault}`));
  return told.length
    ? h(
        "ul",
        { class: "notes" },
        told.map((text) => h("li", {}, line(text))),
      )
    : null;
}
