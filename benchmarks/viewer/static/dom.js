// Elements are made here alone: strings become text nodes, never markup.

export function h(name, options = {}, ...children) {
  return filled(document.createElement(name), options, children);
}

export function svg(name, options = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), options, children);
}

function filled(element, { on = {}, style = {}, ...attributes }, children) {
  for (const [type, listener] of Object.entries(on)) element.addEventListener(type, listener);
  for (const [property, value] of Object.entries(style)) element.style.setProperty(property, value);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

// Characters that a browser would obey or hide instead of showing: controls, directions of writing, invisible
// spaces and tags, and halves of pairs. Tab and line end stay.
const UNSEEN =
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}\p{Cs}]/gu;

// The text as nodes, with what would not be seen written as its code point.
export function visible(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(UNSEEN)) {
    nodes.push(text.slice(end, match.index), codePoint(match[0]));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

function codePoint(character) {
  const hex = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return h("span", { class: "code-point" }, `U+${hex}`);
}

// A text in one line, for cells and labels.
export function line(value) {
  const text = typeof value === "string" ? value : value.head;
  return h("bdi", {}, visible(text.length > 300 ? `${text.slice(0, 300)}…` : text));
}

// What was sent of a list that may have been cut.
export function entries(value) {
  return Array.isArray(value) ? value : (value?.head ?? []);
}

export function size(value) {
  return value?.length ?? 0;
}

// A block of text, mark by mark as `nodes` makes them; where it was cut, a button gets the rest from `whole`.
export function block(value, whole, nodes = visible) {
  const cut = typeof value !== "string";
  const shown = h("pre", { class: "text", tabindex: "0" }, nodes(cut ? value.head : value));
  return cut ? h("div", {}, shown, rest(value, whole, shown, nodes)) : shown;
}

function rest(value, whole, shown, nodes) {
  const length = `${value.length.toLocaleString("en")} characters`;
  const told = `the first ${value.head.length.toLocaleString("en")} of ${length}`;
  if (!whole) return h("p", { class: "quiet" }, `${told}; this page does not keep the rest`);
  const button = h("button", { class: "rest" }, "show all");
  const note = h("p", { class: "quiet" }, told, " ", button);
  button.addEventListener("click", async () => {
    shown.replaceChildren(...nodes(await whole(value.path)));
    note.replaceChildren(length);
  });
  return note;
}

// Numbers as people read them; `null` is not zero.
export function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size >= 1000 || size < 0.001 ? value.toPrecision(3) : String(Number(value.toPrecision(4)));
}

export function signed(value) {
  if (value === null || value === undefined) return "none";
  if (value === 0) return "0";
  return value < 0 ? `−${Math.abs(value).toFixed(3)}` : `+${value.toFixed(3)}`;
}

export function badge(status, success) {
  const failed = ["timeout", "env_error", "engine_error"].includes(status);
  const kind = failed ? "failed" : success === true ? "won" : success === false ? "lost" : "untold";
  const word = failed ? "failed" : { won: "success", lost: "no success", untold: "not told" }[kind];
  return h("span", { class: `badge ${kind}`, title: `ended: ${status.replaceAll("_", " ")}` }, word);
}
