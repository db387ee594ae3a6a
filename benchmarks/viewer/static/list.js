// The list of episodes: filters, order, pages of fifty.

import { badge, h, line, number } from "./dom.js";
import { search } from "./source.js";

const PAGE = 50;
const HEADINGS = [
  ["number", "#"],
  ["task", "task"],
  ["member", "member"],
  ["success", "success"],
  ["status", "ended"],
  ["reward", "reward"],
  ["turns", "turns"],
  ["invalid", "invalid"],
  ["tokens", "tokens"],
  ["error", "error"],
];
const NOTHING = {
  text: "",
  success: "",
  status: "",
  task: "",
  reward: ["", ""],
  turns: ["", ""],
  found: null,
};

// What the reader chose, kept while other views are shown; `numbers` are the episodes that pass.
export function newChoice() {
  return { filters: { ...NOTHING }, sort: { by: "number", descending: false }, page: 0, at: 0, numbers: [] };
}

export function listView({ table, choice, go }) {
  const notes = h("div");
  const count = h("p", { class: "count", role: "status" });
  const body = h("tbody");
  const head = h("tr");
  const pager = h("nav", { class: "pager", "aria-label": "pages" });
  const form = filters(table, choice, () => restart());

  const restart = () => {
    choice.page = choice.at = 0;
    draw();
  };
  const draw = () => {
    choice.numbers = table.chosen(choice.filters, choice.sort);
    const pages = Math.max(1, Math.ceil(choice.numbers.length / PAGE));
    choice.page = Math.min(choice.page, pages - 1);
    const shown = choice.numbers.slice(choice.page * PAGE, (choice.page + 1) * PAGE);
    choice.at = Math.max(0, Math.min(choice.at, shown.length - 1));
    notes.replaceChildren(...noteList(table));
    count.replaceChildren(counted(choice.numbers.length, table));
    head.replaceChildren(...HEADINGS.map((heading) => column(heading, choice.sort, restart)));
    body.replaceChildren(...shown.map((n, i) => row(table, n, i === choice.at, () => go("episode", n))));
    pager.replaceChildren(...pagerParts(choice, pages, shown.length, (page) => turn(page)));
  };
  const turn = (page) => {
    [choice.page, choice.at] = [page, 0];
    draw();
  };
  const move = (step) => {
    choice.at = Math.max(0, Math.min(choice.at + step, body.children.length - 1));
    [...body.children].forEach((each, i) => each.classList.toggle("at", i === choice.at));
    body.children[choice.at]?.scrollIntoView({ block: "nearest" });
  };
  const keys = {
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    ArrowRight: () => turn(choice.page + 1),
    ArrowLeft: () => turn(Math.max(0, choice.page - 1)),
    Enter: () => body.children[choice.at]?.click(),
  };

  draw();
  const grid = h("table", { class: "episodes" }, h("thead", {}, head), body);
  return {
    element: h(
      "section",
      { class: "list" },
      form,
      notes,
      h("div", { class: "bar-of-pages" }, count, pager),
      h("div", { class: "wide" }, grid),
    ),
    keys,
    focus: () => form.querySelector("[name=text]").focus(),
    tick: async () => (await table.refresh()) && draw(),
  };
}

function counted(passed, table) {
  const all = table.size.toLocaleString("en");
  const kept = table.stored > table.size ? ` (the first of ${table.stored.toLocaleString("en")} stored)` : "";
  return passed === table.size
    ? `${all} episodes${kept}`
    : `${passed.toLocaleString("en")} of ${all} episodes${kept}`;
}

function noteList(table) {
  if (!table.notes?.length) return [];
  return [
    h(
      "ul",
      { class: "notes" },
      table.notes.map((note) => h("li", {}, line(note))),
    ),
  ];
}

function filters(table, { filters: chosen }, changed) {
  const input = (name, label, more, set) =>
    h(
      "label",
      {},
      label,
      h("input", {
        name,
        value: chosen[name] ?? "",
        ...more,
        on: { input: (event) => set(event.target.value) },
      }),
    );
  const keep = (name) => (value) => {
    chosen[name] = value;
    changed();
  };
  const bound = (name, place) => {
    const set = (value) => {
      chosen[name] = chosen[name].with(place, value);
      changed();
    };
    const label = `${name} ${place ? "at most" : "at least"}`;
    return h("input", {
      type: "number",
      step: "any",
      "aria-label": label,
      placeholder: place ? "max" : "min",
      value: chosen[name][place],
      on: { input: (event) => set(event.target.value) },
    });
  };
  return h(
    "form",
    { class: "filters", on: { submit: (event) => event.preventDefault() } },
    input(
      "text",
      "text",
      { type: "search", placeholder: "in observations, replies, actions  ( / )" },
      finder(table, chosen, changed),
    ),
    input("task", "task", { type: "search", placeholder: "part of its id" }, keep("task")),
    choices(
      "success",
      [
        ["", "any"],
        ["true", "success"],
        ["false", "no success"],
        ["null", "not told"],
      ],
      chosen,
      keep("success"),
    ),
    choices("ended", [["", "any"], ...ends(table)], chosen, keep("status"), "status"),
    h("label", {}, "reward", h("span", { class: "pair" }, bound("reward", 0), bound("reward", 1))),
    h("label", {}, "turns", h("span", { class: "pair" }, bound("turns", 0), bound("turns", 1))),
  );
}

function ends(table) {
  return [...table.counts("status")]
    .sort()
    .map(([status, count]) => [status, `${status.replaceAll("_", " ")} (${count.toLocaleString("en")})`]);
}

function choices(label, options, chosen, set, name = label) {
  const option = ([value, text]) => h("option", { value, selected: chosen[name] === value }, text);
  return h(
    "label",
    {},
    label,
    h("select", { name, on: { change: (event) => set(event.target.value) } }, options.map(option)),
  );
}

// Asks for the episodes that contain a text once typing rests; an answer to an older text is dropped.
function finder(table, chosen, changed) {
  let waiting = 0;
  return (text) => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const found = text === "" ? null : new Set(await search(table.run, text));
      [chosen.text, chosen.found] = [text, found];
      changed();
    }, 200);
  };
}

function column([name, label], sort, changed) {
  const here = sort.by === name;
  const press = () => {
    sort.descending = here ? !sort.descending : ["reward", "turns", "invalid", "tokens"].includes(name);
    sort.by = name;
    changed();
  };
  const arrow = here ? (sort.descending ? " ↓" : " ↑") : "";
  const direction = here ? (sort.descending ? "descending" : "ascending") : null;
  return h(
    "th",
    { scope: "col", "aria-sort": direction, class: `of-${name}` },
    h("button", { on: { click: press } }, label + arrow),
  );
}

function row(table, n, at, open) {
  const get = (name) => table.columns[name][n];
  return h(
    "tr",
    { class: at ? "at" : null, on: { click: open } },
    h("td", { class: "number" }, h("a", { href: `#/${table.run}/episode/${n}` }, n)),
    h("td", { class: "task" }, line(table.tasks[get("task")])),
    h("td", { class: "number" }, get("member")),
    h("td", {}, badge(get("status"), get("success"))),
    h("td", { class: "quiet ended" }, get("status").replaceAll("_", " ")),
    h("td", { class: "number" }, number(get("reward"))),
    h("td", { class: "number" }, number(get("turns"))),
    h("td", { class: "number" }, get("invalid") ? h("span", { class: "warn" }, get("invalid")) : "0"),
    h("td", { class: "number" }, number(get("tokens"))),
    h("td", { class: "error" }, line(get("error"))),
  );
}

function pagerParts({ page }, pages, shown, turn) {
  const button = (label, name, to) =>
    h(
      "button",
      { "aria-label": name, disabled: to < 0 || to >= pages || to === page, on: { click: () => turn(to) } },
      label,
    );
  const range = shown ? `${page * PAGE + 1} to ${page * PAGE + shown}` : "none";
  return [
    button("«", "first page", 0),
    button("‹", "page before", page - 1),
    h("span", {}, range),
    button("›", "next page", page + 1),
    button("»", "last page", pages - 1),
  ];
}
