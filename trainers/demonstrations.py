"""Expert episodes in the exact tokens that the agent under training would read and write."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from turngym.agents import Agent
from turngym.agents.guess import Guess
from turngym.agents.llm import LLM, Completion, Sampling
from turngym.core.errors import ConfigError
from turngym.core.samples import Sample, pack
from turngym.core.types import Group, Info


@dataclass(frozen=True, kw_only=True)
class Dictation:
    """An engine that returns one prepared reply, whatever the prompt."""

    token_ids: list[int]
    logprob: float = 0.0
    """Of the reply's tokens; the demonstrator is certain (0) of the expert's action, not of a detour."""

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        logprobs = [self.logprob] * len(self.token_ids)
        return Completion(token_ids=self.token_ids, logprobs=logprobs, stop="stop")


class Demonstrator:
    """Lets another agent hold the conversation while the environment's expert says what it replies.

    With probability `noise` a turn takes an action by chance instead, as the random agent draws it, so that the
    demonstrations also show the way back. `form` is the reply with `{action}` in it; `encode` turns it into ids,
    `end_id` closes it.
    """

    def __init__(
        self,
        agent: Agent,
        encode: Callable[[str], list[int]],
        end_id: int,
        *,
        noise: float = 0.0,
        form: str = "{action}",
    ) -> None:
        self._agent, self._encode, self._end_id = agent, encode, end_id
        self._noise, self._form = noise, form
        self._rng: np.random.Generator | None = None
        self._guess: Guess | None = None

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        """The inner agent's action after a dictated reply. Raises `ConfigError` where the expert has none."""
        self._rng = self._rng or np.random.default_rng(llm.seed)
        self._guess = self._guess or Guess(self._rng)
        self._guess.hear(obs, info)
        guessed = self._guess.action(obs, info) if self._rng.random() < self._noise else None
        detour, action = guessed is not None, info.get("expert") if guessed is None else guessed
        if action is None:
            raise ConfigError(
                "info has no 'expert' action to demonstrate; some experts know no way back from a detour: set "
                "warm_start.noise to 0"
            )
        token_ids = [*self._encode(self._form.format(action=action)), self._end_id]
        llm.engine = Dictation(token_ids=token_ids, logprob=math.log(self._noise) if detour else 0.0)
        return await self._agent.act(obs, info, llm)


def cloneable(groups: Sequence[Group]) -> list[Sample]:
    """Samples in which the expert's tokens weigh 1 and detours 0; episodes that the expert lost are left out."""
    samples = pack(
        episode for group in groups for episode in group.trajectories if episode.success is not False
    )
    for sample in samples:
        pairs = zip(sample.row, sample.logprobs, strict=True)
        sample.advantages = [float(row >= 0 and logprob == 0) for row, logprob in pairs]
    return samples
