"""A person at the terminal as an agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.console import Console

from turngym.agents.llm import LLM
from turngym.agents.play import Person, show
from turngym.core.errors import UserError
from turngym.core.types import Info

PATIENCE = 0.02
"""Seconds before a question: who has left is not asked for the next episode, whose cancellation arrives meanwhile."""


class Left(UserError, RuntimeError):
    """The person went away in the middle of an episode."""


class HumanAgent:
    """A person types the actions: shows the observation and the numbered admissible actions, reads a line.

    `/help` lists what else may be typed. Everything waits for the person, so play one episode at a time
    (`pool.slots=1`). Raises `Left` where the person leaves with `/quit` or closes the input.
    """

    def __init__(self, *, console: Console | None = None, read: Callable[[str], str] = input) -> None:
        self._console = console or Console()
        self._person = Person("{action}", self._console, read)

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        if isinstance(llm, Person):  # `turngym play` shows and asks by itself
            return (await llm([{"role": "user", "content": obs}])).text
        await asyncio.sleep(PATIENCE)
        show(self._console, obs, info)
        self._person.info = info
        try:
            return (await self._person([{"role": "user", "content": obs}])).text
        except EOFError as error:
            raise Left("the person left; episodes that ended are kept where the run has an --out") from error
