"""Agents without a model: the environment's own expert, and chance."""

from __future__ import annotations

import numpy as np

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
    """Takes any admissible action with equal chance, drawn from the episode's seed.

    Raises `ConfigError` where the environment lists no admissible actions.
    """

    def __init__(self) -> None:
        self._rng: np.random.Generator | None = None

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        actions = info.get("admissible")
        if not actions:
            raise ConfigError(
                "info has no 'admissible' actions; the random agent needs an environment that lists them"
            )
        self._rng = self._rng or np.random.default_rng(llm.seed)
        return str(actions[self._rng.integers(len(actions))])
