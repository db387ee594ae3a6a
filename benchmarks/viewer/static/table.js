// The episodes of a run as columns, which grow while the run does, and the choice of them that a list shows.

import { rows } from "./source.js";

export class Table {
  constructor(run) {
    this.run = run;
    this.restart(0);
  }

  restart(generation) {
    this.generation = generation;
    this.columns = {};
    this.tasks = [];
    this.size = 0;
    this.numberOf = new Map();
    this.members = [];
  }

  // Take in what was added, and say whether anything was.
  async refresh() {
    const answer = await rows(this.run, this.size, this.generation);
    if (answer.generation !== this.generation) this.restart(answer.generation);
    const before = this.size;
    if (answer.after === this.size) this.append(answer);
    const changed = this.size !== before || String(answer.notes) !== String(this.notes);
    this.notes = answer.notes;
    this.stored = answer.stored;
    return changed;
  }

  append({ tasks, columns }) {
    const renumbered = tasks.map((task) => this.taskNumber(task));
    const task = columns.task.map((each) => renumbered[each]);
    for (const [name, values] of Object.entries({ ...columns, task })) {
      this.columns[name] = (this.columns[name] ?? []).concat(values);
    }
    task.forEach((each, i) => this.members[each].push(this.size + i));
    this.size += task.length;
  }

  taskNumber(task) {
    if (!this.numberOf.has(task)) {
      this.numberOf.set(task, this.tasks.length);
      this.tasks.push(task);
      this.members.push([]);
    }
    return this.numberOf.get(task);
  }

  get(name, number) {
    return name === "number" ? number : this.columns[name][number];
  }

  // The numbers of all episodes that pass, sorted by a column.
  chosen({ success, status, task, reward, turns, found }, { by, descending }) {
    const words = task.toLowerCase();
    const named = this.tasks.map((each) => each.toLowerCase().includes(words));
    const passes = (n) =>
      (success === "" || String(this.columns.success[n]) === success) &&
      (status === "" || this.columns.status[n] === status) &&
      within(this.columns.reward[n], reward) &&
      within(this.columns.turns[n], turns) &&
      named[this.columns.task[n]] &&
      (found === null || found.has(n));
    const numbers = Array.from({ length: this.size }, (_, n) => n).filter(passes);
    return by === "number" && !descending ? numbers : numbers.sort(order(this, by, descending));
  }

  counts(name) {
    const counts = new Map();
    for (const value of this.columns[name] ?? []) counts.set(value, (counts.get(value) ?? 0) + 1);
    return counts;
  }
}

// Bounds are texts of input fields; an empty one bounds nothing.
function within(value, [low, high]) {
  return (low === "" || value >= Number(low)) && (high === "" || value <= Number(high));
}

// What has no number comes last either way; equals stay in the order of the file.
function order(table, by, descending) {
  const key = by === "task" ? (n) => table.tasks[table.columns.task[n]] : (n) => table.get(by, n);
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === y) return a - b;
    if (x === null || y === null) return x === null ? 1 : -1;
    return x < y ? -sign : sign;
  };
}
