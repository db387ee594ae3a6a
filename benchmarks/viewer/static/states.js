// Letters and colours for the states that turns of a group share.

import { h } from "./dom.js";

// For each key that several turns have, a letter in the order of first appearance; keys are numbers per turn.
export function letters(members, depth) {
  const counts = new Map();
  for (const { keys } of members)
    for (const key of keys?.[depth] ?? []) counts.set(key, (counts.get(key) ?? 0) + 1);
  const shared = [...counts].filter(([, count]) => count > 1).map(([key]) => key);
  return new Map(
    shared.map((key, i) => [
      key,
      { letter: letter(i), hue: Math.round(i * 137.5) % 360, turns: counts.get(key) },
    ]),
  );
}

function letter(i) {
  return i < 26 ? String.fromCharCode(65 + i) : letter(Math.floor(i / 26) - 1) + letter(i % 26);
}

export function chip(state) {
  if (!state)
    return h("span", { class: "state alone", title: "no other turn of the group shares this state" }, "·");
  const title = `${state.turns} turns of the group share this state`;
  return h("span", { class: "state", title, style: { "--hue": state.hue } }, state.letter);
}

// How many states before these two turns are equal, counting back until they differ; null where the states differ.
export function commonPast(members, [a, i], [b, j]) {
  const [one, other] = [members[a].keys[0], members[b].keys[0]];
  if (one[i] !== other[j]) return null;
  let past = 0;
  while (i - past > 0 && j - past > 0 && one[i - past - 1] === other[j - past - 1]) past += 1;
  return past;
}
