"""An agent that is told afresh at every step, with the last turns written in."""

from __future__ import annotations

from collections import deque

from turngym.agents.chat import FORMS, listing
from turngym.agents.llm import LLM
from turngym.agents.parse import parser
from turngym.core.types import Info

TASK = "Your task is to: "
"""What ALFWorld and its kin write before the task in the first observation."""


class WindowAgent:
    """One fresh user message a step; one training sequence a turn, of nearly constant length.

    The message holds the task, the last `window` pairs of observation and action, the observation and the
    admissible actions, as in the runs that GiGPO (Feng et al. 2025) and HGPO published. The history shows the
    parsed action, never the reasoning. `window=0` shows the observation alone. `leave_out` are admissible
    actions that are not listed. Of an observation longer than `longest` characters only the end is shown, for small
    models of long pages.
    """

    def __init__(
        self,
        *,
        window: int = 2,
        reply: str = "tags",
        admissible: bool = True,
        role: str = "You act in an interactive text world.",
        leave_out: tuple[str, ...] = ("help",),
        longest: int | None = None,
    ) -> None:
        if window < 0:
            raise ValueError(f"window is {window}; give the number of past turns to show, 0 or more")
        if longest is not None and longest < 1:
            raise ValueError(f"longest is {longest}; give the number of characters to show, or leave it out")
        self._parse, self._form, self._role = parser(reply), FORMS[reply], role
        self._admissible, self._leave_out = admissible, leave_out
        self._shown = slice(None) if longest is None else slice(-longest, None)
        self._recent: deque[tuple[str, str]] = deque(maxlen=window)
        self._taken = 0
        self._task = ""

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        obs = obs[self._shown]
        self._task = self._task or _task(obs)
        reply = await llm([{"role": "user", "content": self.prompt(obs, info)}])
        action = self._parse(reply.text)
        self._recent.append((obs, str(action)))
        self._taken += 1
        return action

    def prompt(self, obs: str, info: Info) -> str:
        """The message for this step."""
        actions = listing(info, leave_out=self._leave_out) if self._admissible else ""
        parts = [*self._situation(obs), actions, self._form]
        return "\n\n".join(part for part in parts if part)

    def _situation(self, obs: str) -> list[str]:
        if not self._recent:
            return [self._role, obs]
        return [
            f"{self._role} Your task: {self._task}",
            f"You have taken {self._taken} steps. The last {len(self._recent)}:\n{self._history()}",
            f"This is step {self._taken + 1}. You see:\n{obs}",
        ]

    def _history(self) -> str:
        first = self._taken - len(self._recent) + 1
        return "\n".join(
            f"[Observation {step}: '{obs}', Action {step}: '{action}']"
            for step, (obs, action) in enumerate(self._recent, start=first)
        )


def _task(obs: str) -> str:
    """The task in a first observation: what follows `TASK`, or all of it."""
    before, marker, after = obs.partition(TASK)
    return (after if marker else before).strip()
