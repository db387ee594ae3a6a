// Credit as coloured bars: to the right praise, to the left blame, all turns of a group on one scale.

import { h, signed } from "./dom.js";

export function bar(value, largest) {
  const kind =
    value === null || value === undefined ? "none" : value > 0 ? "good" : value < 0 ? "bad" : "nil";
  const share = kind === "none" ? 0 : Math.abs(value) / largest;
  const filled = h("span", { class: "filled", style: { "--share": share } });
  return h(
    "span",
    { class: `bar ${kind}` },
    h("span", { class: "track" }, filled),
    h("span", { class: "value" }, signed(value)),
  );
}

// How strongly a cell is tinted by its credit.
export function tint(value, largest) {
  if (value === null || value === undefined || value === 0) return {};
  return {
    "--credit": value > 0 ? "var(--good)" : "var(--bad)",
    "--strength": `${Math.round((100 * Math.abs(value)) / largest)}%`,
  };
}
