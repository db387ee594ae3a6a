// One turn in full: what was seen, said and done, and what could have been done.

import { badge, block, entries, h, line, number, size, visible } from "./dom.js";
import { chip } from "./states.js";
import { reply } from "./tokens.js";

// Which folded parts of a turn the reader opened; they stay open from turn to turn.
const unfolded = new Set(["admissible actions"]);

export function turnParts(turn, t, { whole, state, count }) {
  const calls = entries(turn.calls);
  return [
    h("h2", {}, `turn ${t} `, h("small", {}, `of ${count}`), state ? chip(state) : null, marks(turn)),
    part("observation", block(turn.obs, whole)),
    ...calls.flatMap((call, i) =>
      callParts(call, calls.length > 1 ? ` ${i + 1} of ${calls.length}` : "", whole),
    ),
    part(
      "action",
      h(
        "code",
        { class: turn.valid ? "action" : "action invalid" },
        visible(turn.action.head ?? turn.action),
      ),
      turn.valid ? null : h("span", { class: "warn" }, " invalid"),
    ),
    turn.admissible ? fold("admissible actions", admissible(turn), `${size(turn.admissible)}`) : null,
    fold("state", block(stateText(turn.state), null), "what GiGPO and HGPO compare"),
  ].filter(Boolean);
}

function callParts(call, which, whole) {
  const aside = call.chosen === false ? " (a candidate that was not acted on)" : "";
  const said = call.spoken ? block(message(call.spoken.reply), whole) : reply(call);
  const asked = call.spoken
    ? entries(call.spoken.messages).map((each) => block(message(each), whole))
    : prompt(call, whole);
  return [
    part(`reply${which}${aside}`, said),
    fold(
      `prompt${which}`,
      asked,
      `exactly as ${call.spoken ? "it was sent" : "the model saw it"}, ${number(promptSize(call))} tokens`,
    ),
  ];
}

// A chat message as its role and content; what is more than text stays JSON.
function message({ role, content, ...more }) {
  if (content?.head !== undefined) return content;
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 1);
  const rest = Object.keys(more).length ? `\n${JSON.stringify(more, null, 1)}` : "";
  return `${role}: ${text}${rest}`;
}

function marks(turn) {
  const marked = [
    turn.reward !== 0 && `reward ${number(turn.reward)}`,
    turn.terminated && "terminated",
    turn.truncated && "truncated",
  ];
  return marked.filter(Boolean).map((text) => h("span", { class: "badge untold" }, text));
}

export function endParts(record, whole) {
  return [
    h("h2", {}, "end ", badge(record.status, record.success)),
    record.error ? part("error", block(record.error, whole)) : null,
    part("last observation", block(record.final_obs, whole)),
  ].filter(Boolean);
}

function part(title, ...content) {
  return h("section", { class: "part" }, h("h3", {}, title), content);
}

function fold(title, content, note = "") {
  const remember = (event) => (event.target.open ? unfolded.add(title) : unfolded.delete(title));
  return h(
    "details",
    { class: "part", open: unfolded.has(title), on: { toggle: remember } },
    h("summary", {}, title, " ", h("span", { class: "quiet" }, note)),
    content,
  );
}

function prompt(call, whole) {
  if (call.prompt) return block(call.prompt, whole, specials);
  return block(`${entries(call.prompt_ids).join(" ")}`, null);
}

function promptSize(call) {
  return call.spoken ? call.spoken.prompt_tokens : (call.prompt_tokens ?? size(call.prompt_ids));
}

// A prompt with the template's own tokens set apart.
function specials(text) {
  return text
    .split(/(<[|｜][^<>|｜]*[|｜]>)/)
    .flatMap((each, i) => (i % 2 ? [h("span", { class: "special" }, each)] : visible(each)));
}

function admissible(turn) {
  const actions = entries(turn.admissible);
  const chosen = (action) => action === turn.action;
  const item = (action) =>
    h(
      "li",
      { class: chosen(action) ? "chosen" : null, "aria-current": chosen(action) ? "true" : null },
      line(action),
    );
  const absent = actions.some(chosen) ? null : h("p", { class: "warn" }, "the action is not one of them");
  return h("div", {}, absent, h("ul", { class: "actions" }, actions.map(item)));
}

function stateText(state) {
  if (state === null || state === undefined) return "the observation";
  return typeof state === "string"
    ? state
    : state.head !== undefined
      ? state
      : JSON.stringify(state, null, 1);
}
