// The episodes of one task side by side, a column each, with the turns marked that share their state.

import { tint } from "./bars.js";
import { companyParts, isPicked } from "./company.js";
import { badge, entries, h, line, number, signed, size } from "./dom.js";
import { opinions, remarks } from "./opinions.js";
import { group } from "./source.js";
import { chip, letters } from "./states.js";

const COLUMNS = 64;

export async function groupView(context) {
  const { table, number: n, picker } = context;
  const task = table.get("task", n);
  const view = new GroupView(context, entries((await group(table.run, n, task)).members));
  return {
    element: h(
      "section",
      { class: "group" },
      title(table.tasks[task], view.all.length),
      picker(() => view.load()),
      view.tools(),
      view.problems,
      view.all.length > COLUMNS && h("p", { class: "quiet" }, tooMany(view.all.length)),
      h("div", { class: "wide" }, view.grid()),
      view.company,
    ),
    ready: view.load().catch((error) => view.problems.append(h("li", {}, line(error.message)))),
    keys: view.keys(),
  };
}

class GroupView {
  constructor({ table, methods, number: n }, members) {
    Object.assign(this, { table, methods, n, all: members, members: members.slice(0, COLUMNS) });
    this.deepest = (members.find((each) => each.keys)?.keys.length ?? 1) - 1;
    [this.depth, this.cell, this.method, this.opinions] = [0, null, methods.at(-1), []];
    [this.body, this.problems] = [h("tbody"), h("ul", { class: "notes" })];
    [this.meaning, this.company] = [h("span", { class: "quiet" }), h("aside", { class: "company" })];
    this.shading = h("select", { "aria-label": "tint cells by the credit of" });
    this.shading.addEventListener("change", () => this.set({ method: this.shading.value }));
    this.slider = h("input", {
      type: "range",
      min: 0,
      max: this.deepest,
      value: 0,
      "aria-label": "depth of the common history",
    });
    this.slider.addEventListener("input", () => this.deepen(Number(this.slider.value)));
    this.draw();
  }

  tools() {
    const [depth, tinted] = [
      h("label", {}, "common history ", this.slider),
      h("label", {}, "tint by ", this.shading),
    ];
    return h("div", { class: "tools" }, depth, this.meaning, tinted);
  }

  grid() {
    const heads = this.members.map((each) => memberHead(each, this.table.run));
    const head = h("tr", {}, h("th", { scope: "col" }, "turn"), heads);
    const style = { "--members": this.members.length };
    return h("table", { class: "members", style }, h("thead", {}, head), this.body);
  }

  async load() {
    this.opinions = await opinions(this.table, this.n, this.methods);
    this.problems.replaceChildren(...remarks(this.opinions));
    const method = this.methods.includes(this.method) ? this.method : this.methods.at(-1);
    const option = (value) => h("option", { value, selected: value === method }, value);
    this.shading.replaceChildren(...this.methods.map(option), h("option", { value: "" }, "no method"));
    this.set({ method });
  }

  set(change) {
    Object.assign(this, change);
    this.draw();
  }

  draw() {
    const states = letters(this.all, this.depth);
    const opinion = this.opinions.find((each) => each.method === this.method && each.credit);
    const longest = this.members.reduce((most, each) => Math.max(most, size(each.actions)), 0);
    const rows = Array.from({ length: longest }, (_, t) => this.row(t, states, opinion));
    this.body.replaceChildren(...rows);
    this.meaning.replaceChildren(depthMeaning(this.depth));
    this.company.replaceChildren(...companyParts(this, states));
  }

  row(t, states, opinion) {
    const cells = this.members.map((member, column) => {
      const marks = [isPicked(this.cell, column, t) && "picked", this.shares(member, t) && "same"];
      const state = states.get(member.keys?.[this.depth][t]);
      return cell(member, t, state, opinion, marks, () => this.set({ cell: [column, t] }));
    });
    return h("tr", {}, h("th", { scope: "row" }, t), cells);
  }

  // Whether a turn is in the state of the one that is picked.
  shares(member, t) {
    const key = this.cell && this.members[this.cell[0]].keys?.[this.depth][this.cell[1]];
    return typeof key === "number" && member.keys?.[this.depth][t] === key;
  }

  deepen(depth) {
    this.set({ depth: Math.max(0, Math.min(depth, this.deepest)) });
    this.slider.value = this.depth;
  }

  move(across, down) {
    const [column, t] = this.cell ?? [0, -1];
    const to = Math.max(0, Math.min(column + across, this.members.length - 1));
    if (this.members.length === 0) return;
    this.set({ cell: [to, Math.max(0, Math.min(t + down, size(this.members[to].actions) - 1))] });
  }

  keys() {
    const [down, up] = [() => this.move(0, 1), () => this.move(0, -1)];
    const [left, right] = [() => this.move(-1, 0), () => this.move(1, 0)];
    const moves = {
      j: down,
      ArrowDown: down,
      k: up,
      ArrowUp: up,
      h: left,
      ArrowLeft: left,
      l: right,
      ArrowRight: right,
    };
    return { ...moves, "+": () => this.deepen(this.depth + 1), "-": () => this.deepen(this.depth - 1) };
  }
}

function title(task, episodes) {
  const count = h("span", { class: "quiet" }, `${episodes} episodes of one task`);
  return h("div", { class: "heading" }, h("h1", {}, line(task)), count);
}

function tooMany(episodes) {
  return `the first ${COLUMNS} of ${episodes} episodes; states and credit are those of all`;
}

function memberHead(member, run) {
  const end = h("span", { class: "quiet" }, `reward ${number(member.reward)}, ${size(member.actions)} turns`);
  return h(
    "th",
    { scope: "col" },
    h("a", { href: `#/${run}/episode/${member.number}` }, `member ${member.member}`),
    " ",
    badge(member.status, member.success),
    h("br"),
    end,
  );
}

function cell(member, t, state, opinion, marks, pick) {
  const action = entries(member.actions)[t];
  if (action === undefined) return h("td", { class: "past" });
  const [value, reward] = [opinion?.credit[member.number]?.[t], entries(member.rewards)[t]];
  const classes = ["cell", !entries(member.valid)[t] && "invalid", ...marks].filter(Boolean).join(" ");
  const told = opinion ? `${opinion.method} ${signed(value)}` : null;
  const content = h(
    "div",
    {},
    member.keys ? chip(state) : null,
    h("span", { class: "what" }, line(action)),
    reward ? h("span", { class: "badge untold" }, number(reward)) : null,
  );
  const style = tint(value, opinion?.largest);
  return h("td", { class: classes, style, title: told, on: { click: pick } }, content);
}

function depthMeaning(depth) {
  if (depth === 0) return "equal letters: the same state (GiGPO's groups, HGPO's level 0)";
  const past = depth === 1 ? "state" : `${depth} states`;
  return `equal letters: the same state after the same ${past} (HGPO's level ${depth})`;
}
