"""A person plays an environment in the terminal, in the place of the model."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from textwrap import indent
from typing import Any

import gymnasium
from rich.columns import Columns
from rich.console import Console
from rich.text import Text

from turngym.agents import Agent
from turngym.agents.llm import LLM, Message, Reply, Sampling, Schema
from turngym.core.types import Call, Info

HELP = """\
Type an action or its number.
/prompt  what the model would be shown    /state  the state that credit compares
/expert  what the expert would do         /quit   leave"""

WRITTEN = {
    "plain": "{action}",
    "tags": "<think></think><action>{action}</action>",
    "cased_tags": "<think></think><action>{action}</action>",
    "react": "Thought:\nAction: {action}",
}
"""An action in each form that an agent may ask its model for."""


class Person(LLM):
    """Answers in the model's place: what is typed becomes the reply, in the form that the agent asks for."""

    def __init__(self, form: str, console: Console, read: Callable[[str], str]) -> None:
        super().__init__(None, None, Sampling())
        self.info: Info = {}
        """Of the observation that the agent is acting on."""
        self._form, self._console, self._read = form, console, read

    async def __call__(self, messages: Sequence[Message], *, tools: Sequence[Schema] = ()) -> Reply:
        """Ask the person until an action is typed. Raises `EOFError` where the person leaves."""
        while (typed := self._line()).startswith("/"):
            self._console.out(self._told(typed, messages), highlight=False)
        text = self._form.format(action=self._action(typed))
        message = {"role": "assistant", "content": text}
        return Reply(text=text, message=message, call=Call(prompt_ids=[], action_ids=[], logprobs=[]))

    def _line(self) -> str:
        typed = self._read("> ").strip()
        if typed == "/quit":
            raise EOFError
        return typed

    def _told(self, command: str, messages: Sequence[Message]) -> str:
        if command == "/prompt":
            return "\n\n".join(indent(f"[{said['role']}]\n{said['content']}", "    ") for said in messages)
        told = {"/state": self.info.get("state"), "/expert": self.info.get("expert", "no expert here")}
        return str(told.get(command, HELP))

    def _action(self, typed: str) -> str:
        """The typed text, or the admissible action that its number stands for."""
        admissible = self.info.get("admissible", [])
        if typed.isdecimal() and 1 <= int(typed) <= len(admissible):
            return str(admissible[int(typed) - 1])
        return typed


def play(
    env: gymnasium.Env[str, str],
    agent: Agent,
    *,
    seed: int = 0,
    form: str = "plain",
    console: Console | None = None,
    read: Callable[[str], str] = input,
) -> None:
    """One episode at the terminal, until it ends or the person leaves.

    `agent` shows the person what it would show a model; an agent that asks no model plays alone. `form` is
    the reply form that the agent reads.
    """
    console = console or Console()
    person = Person(WRITTEN[form], console, read)
    try:
        asyncio.run(_episode(env, agent, person, seed, console))
    except EOFError:
        console.print("left")


async def _episode(
    env: gymnasium.Env[str, str], agent: Agent, person: Person, seed: int, console: Console
) -> None:
    obs, person.info = env.reset(seed=seed)
    turns, total, over = 0, 0.0, False
    while not over:
        show(console, obs, person.info)
        action = await agent.act(obs, person.info, person)
        obs, reward, terminated, truncated, person.info = env.step(str(action))
        turns, total, over = turns + 1, total + float(reward), terminated or truncated
        _remark(console, str(action), float(reward), person.info)
    show(console, obs, {})
    ending = {True: "won", False: "lost", None: "over"}[person.info.get("success")]
    console.print(f"[bold]{ending}[/] after {turns} turns, reward {total:g}", highlight=False)


def show(console: Console, obs: str, info: Info) -> None:
    console.out(f"\n{obs}", highlight=False)
    numbered = [
        Text(f"{number:>3}  {action}") for number, action in enumerate(info.get("admissible", []), start=1)
    ]
    if "grammar" in info:
        console.print(Text(f"Form of an action: {info['grammar']}"), style="dim")
    if numbered:
        console.print(Columns(numbered, padding=(0, 3)), style="dim")


def _remark(console: Console, action: str, reward: float, info: Info) -> None:
    """What was done, repeated because a number or a pipe does not show it."""
    marks = [f"reward {reward:g}"] * (reward != 0) + ["invalid"] * (not info.get("valid", True))
    console.out(f"= {action}" + "".join(f"  ({mark})" for mark in marks), highlight=False)


def reply_form(agent: Callable[..., Agent], arguments: dict[str, Any]) -> str:
    """The reply form of an agent made with these arguments: its parameter `reply`, else the bare action."""
    parameter = inspect.signature(agent).parameters.get("reply")
    return str(arguments.get("reply", parameter.default if parameter else "plain"))
