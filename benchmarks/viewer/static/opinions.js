// What credit methods say of the turns of a group.

import { h, line } from "./dom.js";
import { credit } from "./source.js";

// The methods' answers for the group of an episode, each with the largest credit it gives there, either way.
export async function opinions(table, number, methods) {
  const told = await credit(table.run, number, table.get("task", number), methods);
  return told.map((each) => ({ ...each, largest: largest(each) }));
}

function largest(opinion) {
  const values = Object.values(opinion.credit ?? {}).flat();
  return values.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0) || 1;
}

// Why methods did not answer, and what they want known, as items of a list.
export function remarks(opinions) {
  const faults = opinions.filter((each) => each.error).map((each) => `${each.method}: ${each.error}`);
  const notes = new Set(opinions.flatMap((each) => each.notes ?? []));
  return [...faults, ...notes].map((text) => h("li", {}, line(text)));
}
