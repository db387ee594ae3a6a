"""Reflexion: what went wrong in one attempt at a task is written down and opens the next."""

from __future__ import annotations

from collections import deque

from turngym.agents.llm import LLM
from turngym.agents.react import INSTRUCTION, ReActAgent
from turngym.core.errors import ConfigError
from turngym.core.types import Info

REFLECT = (
    "The attempt has failed. Say in a few sentences what went wrong and why, and give a new plan that takes it into "
    "account. You will read this before your next attempt at the same task, and nothing else of this one."
)
LESSONS = "You have tried this task before and failed. What you told yourself then:"


class ReflexionAgent:
    """Plays as `react`; after a failed attempt it writes a reflection, which opens the next.

    Reflexion (Shinn et al. 2023, arXiv 2303.11366) with the model itself as evaluator of what went wrong. The
    attempts at a task are one episode of an environment wrapped in `attempts`, which says in `info["attempt"]`
    when the next begins; so the memory is the agent's own, episodes do not depend on each other, and every
    reflection is a call of the turn that it opens. `memory` is how many reflections are kept (the paper: 1 to
    3). The other arguments are those of `react`. Raises `ConfigError` where the environment is not wrapped.
    """

    def __init__(self, *, memory: int = 3, examples: str = "", admissible: bool = True) -> None:
        if memory < 1:
            raise ValueError(f"memory is {memory}; give the number of reflections to keep, 1 or more")
        self._examples, self._admissible = examples, admissible
        self._lessons: deque[str] = deque(maxlen=memory)
        self._attempt, self._opening = 0, ""
        self._player = self._fresh()

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        if "attempt" not in info:
            raise ConfigError(
                "the agent 'reflexion' learns from one attempt to the next and this environment gives one; wrap it: "
                'wrap = [{name = "attempts", attempts = 3, turns = 30}]'
            )
        if self._attempt == 0:
            self._opening = obs  # equal for all attempts at a task
        elif info["attempt"] != self._attempt:
            await self._reflect(obs, llm)
            self._player, obs = self._fresh(), self._opening
        self._attempt = info["attempt"]
        return await self._player.act(obs, info, llm)

    async def _reflect(self, ending: str, llm: LLM) -> None:
        """Ask in the conversation of the failed attempt, which goes on in its tokens."""
        self._player.say(f"Observation: {ending}\n\n{REFLECT}")
        reply = await llm(self._player.messages)
        self._lessons.append(reply.text.strip())

    def _fresh(self) -> ReActAgent:
        lessons = [LESSONS, *(f"- {lesson}" for lesson in self._lessons)] if self._lessons else []
        instruction = "\n".join([INSTRUCTION, *([""] if lessons else []), *lessons])
        return ReActAgent(instruction=instruction, examples=self._examples, admissible=self._admissible)
