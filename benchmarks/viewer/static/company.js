// The turns that share the state of the one that is picked: what each did, how much past they have in common with
// it, and what every method makes of it.

import { entries, h, line, signed } from "./dom.js";
import { chip, commonPast } from "./states.js";

export function companyParts({ all, depth, cell, opinions, table }, states) {
  if (!cell) return [h("p", { class: "quiet" }, "Pick a turn to see which others were taken in its state.")];
  const key = all[cell[0]].keys?.[depth][cell[1]];
  if (key === undefined) return [h("p", {}, "This episode failed; credit leaves it out.")];
  const told = opinions.filter((each) => each.credit);
  const found = sharing(all, depth, key);
  const rows = found.map((place) => companyRow(all, place, cell, told, table.run));
  const intro =
    found.length > 1 ? `${found.length} turns share this state` : "No other turn shares this state";
  const grid = h("table", {}, h("thead", {}, companyHead(told)), h("tbody", {}, rows));
  return [
    h("h2", {}, chip(states.get(key)), ` ${intro}`),
    h("div", { class: "wide" }, grid),
    h("p", { class: "quiet" }, "Common past: how many states before them are equal, counting back."),
  ];
}

// Member and turn of every turn with the key.
function sharing(members, depth, key) {
  return members.flatMap(({ keys }, m) =>
    (keys?.[depth] ?? []).flatMap((other, t) => (other === key ? [[m, t]] : [])),
  );
}

function companyHead(told) {
  const labels = ["member, turn", "action", "common past", ...told.map((each) => each.method)];
  const heading = (label, i) => h("th", { scope: "col", class: i > 1 ? "number" : null }, line(label));
  return h("tr", {}, labels.map(heading));
}

function companyRow(members, [m, t], cell, told, run) {
  const [member, picked] = [members[m], isPicked(cell, m, t)];
  const link = h("a", { href: `#/${run}/episode/${member.number}/${t}` }, `${member.member}, ${t}`);
  return h(
    "tr",
    { class: picked ? "at" : null },
    h("td", {}, link),
    h("td", { class: "action" }, line(entries(member.actions)[t])),
    h("td", { class: "number" }, picked ? "–" : commonPast(members, cell, [m, t])),
    told.map((each) => h("td", { class: "number" }, signed(each.credit[member.number]?.[t]))),
  );
}

export function isPicked(cell, m, t) {
  return cell?.[0] === m && cell?.[1] === t;
}
