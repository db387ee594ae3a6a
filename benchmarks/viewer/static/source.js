// Where answers come from: the server, or the page itself where they were written into it.

const answers = new Map(
  [...document.querySelectorAll("script[data-answer]")].map((element) => [element.dataset.answer, element]),
);

export const live = answers.size === 0;

export function overview() {
  return live ? ask("overview", {}) : kept("overview");
}

export function rows(run, after, generation) {
  return live ? ask("rows", { run, after, generation }) : kept(`rows ${run}`);
}

export function episode(run, number) {
  return live ? ask("episode", { run, number }) : kept(`episode ${run} ${number}`);
}

export function group(run, number, task) {
  return live ? ask("group", { run, number }) : kept(`group ${run} ${task}`);
}

export async function credit(run, number, task, methods) {
  if (live) return (await ask("credit", { run, number, method: methods })).methods;
  const all = kept(`credit ${run} ${task}`).methods;
  return methods.map((method) => all.find((each) => each.method === method));
}

export function curves(run) {
  return live ? ask("curves", { run }) : kept(`curves ${run}`);
}

// All of a text that was cut; a page keeps no more than it shows.
export const whole = live
  ? (run, number) => async (path) => (await ask("text", { run, number, path })).whole
  : () => null;

export async function search(run, text) {
  if (live) return (await ask("search", { run, text })).found;
  const prefix = `episode ${run} `;
  const numbers = [...answers.keys()]
    .filter((key) => key.startsWith(prefix))
    .map((key) => Number(key.slice(prefix.length)));
  const needle = text.toLowerCase();
  return numbers.filter((each) =>
    searched(kept(prefix + each)).some((part) => part.toLowerCase().includes(needle)),
  );
}

// The texts in which a search looks, as the server defines them.
function searched(record) {
  const turns = (record.turns.head ?? record.turns).flatMap((turn) => [
    turn.obs,
    turn.action,
    ...turn.calls.map(replyOf),
  ]);
  return [record.task, record.final_obs, record.error ?? "", ...turns].map((text) => text.head ?? text);
}

function replyOf(call) {
  const content = call.spoken?.reply.content;
  return (call.pieces?.head ?? call.pieces ?? []).join("") + (typeof content === "string" ? content : "");
}

function kept(key) {
  const element = answers.get(key);
  if (!element) throw new Error("this page does not keep that; view the run itself");
  return JSON.parse(element.textContent);
}

async function ask(question, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters))
    for (const each of [value].flat()) query.append(key, each);
  const response = await fetch(`/api/${question}?${query}`);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
