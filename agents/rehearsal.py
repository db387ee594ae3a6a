"""An episode of an agent whose model is a script: what contracts are tried on, without torch or a tokenizer."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

from turngym.agents import Agent
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, Engine, Message, Sampling, Schema
from turngym.core.rules import Broken
from turngym.core.seeding import derive_seed
from turngym.core.types import Info
from turngym.envs.base import Factory

TURNS = 12
"""How long an episode is where the environment does not end it before."""
END = 256
"""The token that ends a message; the others are bytes."""
LONGEST = 1_000
"""Tokens of a reply."""

FORMS = ("{}", "<think>so</think><action>{}</action>", "Thought: so\nAction: {}", "I would {}, I think.")
"""How a model writes an action."""
ODDITIES = (
    "",
    " \n",
    "no such action",
    "<action>",
    "</action><action>",
    "Action:",
    "go to \N{ROCKET}",
    "\0\N{RIGHT-TO-LEFT OVERRIDE}\N{CAT FACE}\u0301",
    '{"name": "go", "arguments": ',
    "{} %s $x \\1",
    "<tool_call>\n[]\n</tool_call>",
    "x" * (LONGEST + 1),
    "[" * 500,
)
"""What else it may come to say."""


class Bytes:
    """Chat messages in bytes (`turngym.agents.llm.Chat`); remembers every conversation that it was shown."""

    append_safe = True

    def __init__(self) -> None:
        self.asked: list[list[Message]] = []

    def render(self, messages: Sequence[Message], tools: Sequence[Schema] = ()) -> list[int]:
        """The whole conversation, schemas first; every part is closed by `END`."""
        self.asked.append(deepcopy(list(messages)))
        return [token for part in (*tools, *messages) for token in self._tokens(part)]

    def extend(self, new: Sequence[Message], stop: str) -> list[int]:
        """What new messages add after a reply."""
        self.asked.append(deepcopy(list(new)))
        added = [token for message in new for token in self._tokens(message)]
        return added if stop == "stop" else [END, *added]

    def text(self, token_ids: Sequence[int]) -> str:
        """The text of a reply, without its end."""
        return bytes(token for token in token_ids if token != END).decode("utf-8", "replace")

    def _tokens(self, part: Message | Schema) -> list[int]:
        return [*encode(json.dumps(part, default=str)), END]


def encode(text: str) -> list[int]:
    """The bytes of a text."""
    return list(text.encode("utf-8", "surrogatepass"))


class Acted(NamedTuple):
    """One turn: what the agent was told, what it asked and what it answered."""

    obs: str
    info: Info
    asked: list[list[Message]]
    action: Any


class Rehearsal:
    """One episode, turn by turn: a real environment, a real agent, and replies drawn from the seed.

    The model says admissible actions in every form, and `ODDITIES`. `engine` takes its place.
    """

    def __init__(self, agent: Agent, env: Factory, seed: int, engine: Engine | None = None) -> None:
        self.agent, self.env, self.chat, self.over = agent, env(), Bytes(), False
        self.obs, self.info = self.env.reset(seed=seed)
        script = ScriptedEngine(self._reply, encode=encode, end_id=END)
        self.llm = LLM(
            engine or script,
            self.chat,
            Sampling(max_tokens=LONGEST),
            max_context=100 * LONGEST * TURNS,
            seed=partial(derive_seed, seed),
        )

    async def turn(self) -> Acted:
        """Let the agent act, and the environment take its action.

        Raises `Broken` where `act` cannot be awaited, and whatever the agent raises.
        """
        obs, info, before = self.obs, self.info, len(self.chat.asked)
        answer: Any = self.agent.act(obs, info, self.llm)
        if not inspect.isawaitable(answer):
            raise Broken(f"act returned {answer!r} without being awaited; write `async def act`")
        action = await answer
        acted = Acted(obs, info, self.chat.asked[before:], action)
        self.llm.take()
        self.obs, _, terminated, truncated, self.info = self.env.step(str(acted.action))
        self.over = bool(terminated or truncated)
        return acted

    async def play(self) -> list[Acted]:
        """The turns until the environment or `TURNS` ends them."""
        played: list[Acted] = []
        while not self.over and len(played) < TURNS:
            played.append(await self.turn())
        return played

    def _reply(self, prompt_ids: list[int], sampling: Sampling) -> str:
        actions = list(self.info.get("admissible", ()))[:5] or ["look"]
        said = [*(form.format(action) for form in FORMS for action in actions), *ODDITIES]
        return said[sampling.seed % len(said)]


def together(first: Rehearsal, other: Rehearsal) -> list[Acted]:
    """The first one's turns, each followed by one of the other's."""

    async def turns() -> list[Acted]:
        played: list[Acted] = []
        while not first.over and len(played) < TURNS:
            played.append(await first.turn())
            if not other.over:
                await other.turn()
        return played

    return asyncio.run(turns())
