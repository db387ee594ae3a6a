// A reply token by token, each coloured by how probable the model found it.

import { entries, h, number, size, visible } from "./dom.js";

export function reply(call) {
  const ids = entries(call.action_ids);
  const pieces = call.pieces ? entries(call.pieces) : ids.map((id) => `[${id}]`);
  const logprobs = entries(call.logprobs);
  const shown = pieces.map((piece, i) => token(piece, ids[i], logprobs[i]));
  return h(
    "div",
    {},
    h("div", { class: "tokens", tabindex: "0" }, shown),
    h("p", { class: "quiet" }, summary(call, logprobs)),
  );
}

function token(piece, id, logprob) {
  const known = typeof logprob === "number";
  const doubt = known ? 1 - Math.exp(logprob) : 0;
  const title = known ? `probability ${probability(logprob)}, log ${number(logprob)}, id ${id}` : `id ${id}`;
  const special = /^<[|｜].*[|｜]>$/.test(piece) ? " special" : "";
  return h(
    "span",
    { class: `token${special}`, title, style: { "--doubt-share": `${Math.round(100 * doubt)}%` } },
    spelt(piece),
  );
}

// Line ends are seen and still end the line.
function spelt(piece) {
  return piece
    .split("\n")
    .flatMap((part, i) =>
      i ? [h("span", { class: "code-point" }, "⏎"), "\n", ...visible(part)] : visible(part),
    );
}

function probability(logprob) {
  return Math.exp(logprob).toPrecision(3);
}

function summary(call, logprobs) {
  const told = logprobs.filter((each) => typeof each === "number");
  const least = told.length ? `, least probable ${probability(Math.min(...told))}` : "";
  const end =
    call.stop === "stop" ? "the model ended its turn" : call.stop === "length" ? "cut off" : call.stop;
  return `${size(call.action_ids)} tokens${least}; ${end}; policy version ${call.version}`;
}
