"""A model that plays the household's expert: it reads the conversation, plays it over and answers what is next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from turngym import envs

ENV = "turngym/Household-v0"
SEEDS = (0, 1)
TURNS = 8
"""More than the expert needs."""
FORMS = {
    "plain": "{action}",
    "tags": "<think>as planned</think><action>{action}</action>",
    "react": "Thought: as planned\nAction: {action}",
}
DONE = (
    re.compile(r"^Action: (.*)$", re.MULTILINE),
    re.compile(r"<action>(.*?)</action>"),
    re.compile(r"Action \d+: '(.*?)'\]"),
)

TOOLS = (
    "{% if tools %}<|im_start|>system\n{{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML that shows tools too."""


class Expert:
    """Answers by the expert's next action in whatever form the conversation asks for."""

    def __init__(self) -> None:
        self.homes = {seed: self.home(seed)[0] for seed in SEEDS}

    def home(self, seed: int) -> tuple[str, Any, Any]:
        env = envs.make(ENV, size="tiny", expert=True)
        obs, info = env.reset(seed=seed)
        return obs, info, env

    def next_action(self, messages: Sequence[dict[str, Any]]) -> str:
        """What the expert does after the actions that the conversation tells of."""
        text = "\n".join(str(message["content"]) for message in messages)
        task = {seed: obs.rpartition("\n\n")[2] for seed, obs in self.homes.items()}
        (seed,) = [seed for seed in SEEDS if task[seed].removeprefix("Your task is to: ") in text]
        _, info, env = self.home(seed)
        for action in taken(messages):
            *_, info = env.step(action)
        return str(info.get("expert", "look"))

    def says(self, messages: Sequence[dict[str, Any]]) -> str:
        return form(messages).format(action=self.next_action(messages))


def taken(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The actions of the conversation, in order; a draft that was asked for again is none."""
    said = [message for message in messages if message["role"] == "assistant"]
    if not said:
        return DONE[2].findall(str(messages[-1]["content"]))
    drafts = [
        place for place, message in enumerate(messages) if "before it counts" in str(message["content"])
    ]
    return [
        _action(m) for place, m in enumerate(messages) if m["role"] == "assistant" and place + 1 not in drafts
    ]


def _action(message: dict[str, Any]) -> str:
    for call in message.get("tool_calls") or []:
        return str(json.loads(call["function"]["arguments"])["action"])
    content = str(message["content"])
    found = [pattern.search(content) for pattern in DONE]
    return next((match.group(1) for match in found if match), content)


def form(messages: Sequence[dict[str, Any]]) -> str:
    """How the conversation wants an action written."""
    text = "\n".join(str(message["content"]) for message in messages if message["role"] != "assistant")
    return FORMS["tags" if "<action>" in text else "react" if "Action:" in text else "plain"]


def chatml(text: str) -> list[dict[str, Any]]:
    """The messages that a ChatML prompt shows."""
    found = re.findall(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>", text, re.DOTALL)
    return [{"role": role, "content": content} for role, content in found]


def in_tokens(tokenizer: Any, answer: Callable[[list[dict[str, Any]]], str]) -> Callable[[dict], dict]:
    """The same brain behind vLLM's completions."""

    def complete(asked: dict) -> dict:
        said = answer(chatml(tokenizer.decode(asked["prompt"])))
        token_ids = [*tokenizer.encode(said, add_special_tokens=False), tokenizer.eos_token_id]
        choice = {
            "token_ids": token_ids,
            "prompt_token_ids": asked["prompt"],
            "logprobs": {"token_logprobs": [-0.25] * len(token_ids)},
            "finish_reason": "stop",
        }
        return {
            "choices": [choice],
            "usage": {"prompt_tokens": len(asked["prompt"]), "completion_tokens": len(token_ids)},
        }

    return complete
