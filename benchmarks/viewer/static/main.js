// The frame around the views: which run, which view, keys. An address after # names what is shown:
// /RUN, /RUN/episode/NUMBER/TURN, /RUN/group/NUMBER, /curves.

import { curvesView, toggle } from "./curves.js";
import { h, line } from "./dom.js";
import { episodeView } from "./episode.js";
import { groupView } from "./group.js";
import { listView, newChoice } from "./list.js";
import { live, overview } from "./source.js";
import { Table } from "./table.js";

const REFRESH = 3000; // milliseconds
const HELP =
  "j k turns or rows, ← → pages or members, Enter opens, n p episodes, g group, + − history, / search, Esc back";

const about = await overview();
const shelves = about.runs.map((_, run) => ({ table: new Table(run), choice: newChoice(), loaded: null }));
const methods = [...about.methods];
const offered = [...new Set([...about.methods, ...about.offered])];
const top = document.querySelector("#top");
const stage = document.querySelector("#view");
let current = { keys: {} };
let shown = 0;

function go(view, number) {
  location.hash = `#/${address().run}/${view}/${number}`;
}

function address() {
  const [first, view, number, turn] = location.hash.replace(/^#\/?/, "").split("/");
  const start = about.runs.findIndex((run) => run.episodes);
  if (first === "curves" || (first === "" && start < 0)) return { view: "curves", run: Math.max(start, 0) };
  const run = Number(first) in about.runs ? Number(first) : start;
  return {
    view: view || "list",
    run,
    number: Number(number),
    turn: turn === undefined ? null : Number(turn),
  };
}

async function made({ view, run, number, turn }) {
  if (view === "curves") return curvesView({ overview: about });
  const { table, choice } = shelves[run];
  shelves[run].loaded ??= table.refresh();
  await shelves[run].loaded;
  const context = { table, choice, methods, number, turn, go, picker };
  if (view === "list") return listView(context);
  if (!(number >= 0 && number < table.size))
    throw new Error(`there is no episode ${number}; there are ${table.size}`);
  return view === "group" ? groupView(context) : episodeView(context);
}

async function show() {
  const mine = (shown += 1);
  const where = address();
  drawTop(where);
  let view;
  try {
    view = await made(where);
  } catch (error) {
    view = { element: h("p", { class: "problem", role: "alert" }, line(error.message)), keys: {} };
  }
  if (mine !== shown) return;
  current = view;
  stage.replaceChildren(view.element);
  stage.dataset.view = where.view;
  await view.ready;
  stage.dataset.ready = String(mine);
}

function drawTop({ run, view }) {
  const option = (each, i) => h("option", { value: i, selected: i === run }, each.name);
  const pick = h(
    "select",
    { "aria-label": "run", on: { change: (event) => (location.hash = `#/${event.target.value}`) } },
    about.runs.map(option),
  );
  const tab = (label, href, here) => h("a", { href, "aria-current": here ? "page" : null }, label);
  const facts =
    view === "curves"
      ? []
      : about.runs[run].facts.map(([label, text]) => h("span", {}, h("small", {}, label), " ", line(text)));
  const name = about.runs.length > 1 ? pick : h("strong", {}, line(about.runs[0].name));
  top.replaceChildren(
    h("a", { class: "brand", href: `#/${run}` }, "turngym"),
    h("span", { hidden: view === "curves" }, name),
    h(
      "nav",
      {},
      tab("episodes", `#/${run}`, view !== "curves"),
      about.runs.some((each) => each.curves) ? tab("curves", "#/curves", view === "curves") : null,
    ),
    h("div", { class: "facts" }, facts),
    h(
      "span",
      { class: "help", title: HELP, tabindex: "0", role: "note", "aria-label": `keys: ${HELP}` },
      "keys",
    ),
  );
}

// Buttons for the credit methods on offer and, where a server can answer, a field for any other.
function picker(changed) {
  const choose = (method, on) => {
    if (on) methods.push(method);
    else methods.splice(methods.indexOf(method), 1);
    changed();
  };
  const buttons = offered.map((method) =>
    toggle(method, methods.includes(method), null, (on) => choose(method, on)),
  );
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": "credit methods" },
    h("span", { class: "quiet" }, "credit"),
    buttons,
    live ? field(choose) : null,
  );
}

function field(choose) {
  const add = (event) => {
    event.preventDefault();
    const method = event.target.elements.method.value.trim();
    if (!method || methods.includes(method)) return;
    if (!offered.includes(method)) offered.push(method);
    event.target.before(toggle(method, true, null, (on) => choose(method, on)));
    event.target.reset();
    choose(method, true);
  };
  return h(
    "form",
    { on: { submit: add } },
    h("input", { name: "method", "aria-label": "another method", placeholder: '{name = "hgpo", depth = 4}' }),
  );
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape") return typing ? event.target.blur() : up();
  if (typing) return;
  if (event.key === "/") {
    event.preventDefault();
    return find();
  }
  const action = current.keys[event.key];
  if (!action || (event.key === "Enter" && event.target.matches("a, button, summary"))) return;
  event.preventDefault();
  action();
}

function up() {
  const { view, run } = address();
  if (view !== "list") location.hash = `#/${run}`;
}

async function find() {
  if (!current.focus) {
    up();
    await show();
  }
  current.focus?.();
}

window.addEventListener("hashchange", show);
document.addEventListener("keydown", pressed);
if (live) setInterval(() => document.hidden || current.tick?.().catch(() => {}), REFRESH);
await show();
