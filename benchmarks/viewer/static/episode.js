// One episode: its turns with the credit that methods give them, and the chosen turn in full.

import { bar } from "./bars.js";
import { badge, entries, h, line, number, size } from "./dom.js";
import { opinions, remarks } from "./opinions.js";
import { episode, group, whole } from "./source.js";
import { chip, letters } from "./states.js";
import { endParts, turnParts } from "./turn.js";

export async function episodeView(context) {
  const { table, number: n, picker } = context;
  const view = new EpisodeView(context, await episode(table.run, n));
  return {
    element: h(
      "section",
      { class: "episode" },
      heading(table, view.record, n, (step) => view.beside(step)),
      h("div", { class: "columns" }, view.left(picker), view.detail),
    ),
    ready: view.load(),
    keys: view.keys(),
  };
}

class EpisodeView {
  constructor({ table, choice, methods, number: n, turn, go }, record) {
    Object.assign(this, { table, choice, methods, n, go, record });
    this.turns = entries(record.turns);
    this.at = Math.min(Math.max(turn ?? 0, 0), this.turns.length);
    [this.opinions, this.states, this.mine] = [[], null, null];
    [this.list, this.head, this.problems] = [h("tbody"), h("tr"), h("ul", { class: "notes" })];
    this.detail = h("article", { class: "turn", tabindex: "-1" });
    this.drawList();
    this.drawTurn();
  }

  left(picker) {
    const grid = h("table", { class: "turns" }, h("thead", {}, this.head), this.list);
    const methods = picker(() => this.loadCredit());
    return h("div", {}, methods, this.problems, h("div", { class: "wide" }, grid));
  }

  // What is known only from the whole group comes after the episode itself.
  load() {
    const failed = (error) => this.problems.append(h("li", {}, line(error.message)));
    return Promise.all([this.loadCredit(), this.loadStates()]).catch(failed);
  }

  async loadCredit() {
    this.opinions = await opinions(this.table, this.n, this.methods);
    this.problems.replaceChildren(...remarks(this.opinions));
    this.drawList();
  }

  async loadStates() {
    const members = entries((await group(this.table.run, this.n, this.table.get("task", this.n))).members);
    this.mine = members.find((each) => each.number === this.n);
    this.states = letters(members, 0);
    this.drawList();
    this.drawTurn();
  }

  drawList() {
    const rows = this.turns.map((turn, t) => this.row(turn, t));
    this.head.replaceChildren(...headings(this.opinions));
    this.list.replaceChildren(
      ...rows,
      lastRow(this.record, () => this.choose(this.turns.length)),
    );
    this.mark();
  }

  row(turn, t) {
    const bars = this.opinions
      .filter((each) => each.credit)
      .map((each) => bar(each.credit[this.n]?.[t], each.largest));
    const state = this.states && this.mine?.keys ? chip(this.state(t)) : null;
    return turnRow(turn, t, state, bars, () => this.choose(t));
  }

  drawTurn() {
    const [turn, rest] = [this.turns[this.at], whole(this.table.run, this.n)];
    const context = { whole: rest, state: this.state(this.at), count: this.turns.length };
    this.detail.replaceChildren(...(turn ? turnParts(turn, this.at, context) : endParts(this.record, rest)));
  }

  state(t) {
    return this.states?.get(this.mine?.keys?.[0]?.[t]);
  }

  mark() {
    [...this.list.children].forEach((row, t) => row.classList.toggle("at", t === this.at));
  }

  choose(t) {
    this.at = Math.max(0, Math.min(t, this.turns.length));
    history.replaceState(null, "", `#/${this.table.run}/episode/${this.n}/${this.at}`);
    this.mark();
    this.drawTurn();
    this.list.children[this.at].scrollIntoView({ block: "nearest" });
  }

  // To a neighbour among the episodes that pass the list's filters.
  beside(step) {
    const place = this.choice.numbers.indexOf(this.n);
    const next = place < 0 ? undefined : this.choice.numbers[place + step];
    if (next !== undefined) this.go("episode", next);
  }

  keys() {
    const [down, up] = [() => this.choose(this.at + 1), () => this.choose(this.at - 1)];
    return {
      j: down,
      ArrowDown: down,
      k: up,
      ArrowUp: up,
      Home: () => this.choose(0),
      End: () => this.choose(this.turns.length),
      n: () => this.beside(1),
      p: () => this.beside(-1),
      g: () => this.go("group", this.n),
    };
  }
}

function heading(table, record, n, beside) {
  const members = table.members[table.get("task", n)].length;
  const end = record.status.replaceAll("_", " ");
  const facts = [
    `reward ${number(record.reward)}`,
    `${size(record.turns)} turns`,
    `ended: ${end}`,
    record.category && `kind: ${record.category}`,
  ];
  return h(
    "div",
    { class: "heading" },
    h("h1", {}, line(record.task), h("small", {}, ` member ${record.member}`)),
    badge(record.status, record.success),
    h("span", { class: "quiet" }, line(facts.filter(Boolean).join(", "))),
    h(
      "span",
      { class: "links" },
      h(
        "a",
        { href: `#/${table.run}/group/${n}` },
        members > 1 ? `group of ${members}` : "alone in its group",
      ),
      h("button", { title: "key p", on: { click: () => beside(-1) } }, "‹ episode"),
      h("button", { title: "key n", on: { click: () => beside(1) } }, "episode ›"),
    ),
  );
}

function headings(opinions) {
  const methods = opinions
    .filter((each) => each.credit)
    .map((each) => h("th", { scope: "col", class: "credit", title: each.method }, line(each.method)));
  return [
    h("th", { scope: "col" }, "turn"),
    h("th", { scope: "col", title: "equal letters: the same state" }, "state"),
    h("th", { scope: "col" }, "action"),
    h("th", { scope: "col" }, "reward"),
    ...methods,
  ];
}

function turnRow(turn, t, state, bars, choose) {
  return h(
    "tr",
    { class: turn.valid ? "" : "invalid", on: { click: choose } },
    h("td", { class: "number" }, t),
    h("td", {}, state),
    h("td", { class: "action" }, line(turn.action)),
    h("td", { class: "number" }, turn.reward === 0 ? "" : number(turn.reward)),
    bars.map((each) => h("td", { class: "credit" }, each)),
  );
}

function lastRow(record, choose) {
  return h(
    "tr",
    { class: "end", on: { click: choose } },
    h("td", {}, "end"),
    h("td"),
    h("td", { class: "action", colspan: "99" }, record.error ? line(record.error) : line(record.final_obs)),
  );
}
