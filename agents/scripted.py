"""Agents without a model: the environment's own expert, and chance."""

from __future__ import annotations

import numpy as np

from turngym.agents.guess import Guess
from turngym.agents.llm import LLM
from turngym.core.errors import ConfigError
from turngym.core.types import Info


class ExpertAgent:
    """Plays `info["expert"]`. Raises `ConfigError` where the environment names no expert action."""

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        action = info.get("expert")
        if action is None:
            raise ConfigError(
                "info has no 'expert' action; the expert agent needs an environment that plays along"
            )
        return str(action)


class RandomAgent:
    """Plays by chance from the episode's seed: see `turngym.agents.guess.Guess` for what it draws from.

    Raises `ConfigError` where the environment does not say what an action may be.
    """

    def __init__(self) -> None:
        self._guess: Guess | None = None

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        self._guess = self._guess or Guess(np.random.default_rng(llm.seed))
        action = self._guess.action(obs, info)
        if action is None:
            raise ConfigError(
                "info has neither 'sample' nor 'admissible' actions nor 'tools'; the random agent needs an environment "
                "that tells one of them"
            )
        return action
