"""Several attempts at one task in one episode."""

from __future__ import annotations

from typing import Any

import gymnasium

from turngym.core.types import Info
from turngym.envs.base import Step
from turngym.envs.wrappers import TextWrapper


class Attempts(TextWrapper):
    """After a failed attempt the task starts again, up to `attempts` times, in the same episode.

    An attempt fails where the environment ends it, or `turns` have passed, and `info["success"]` is not true. The
    observation then holds how it ended and how the next one begins; `info["attempt"]` counts from 1. Rewards are
    paid as they come; success and score are those of the last attempt. Agents that remember between attempts, as
    `reflexion`, are made for this; the turn limit of a rollout counts the turns of all attempts.
    """

    def __init__(self, env: gymnasium.Env[str, str], attempts: int = 3, turns: int = 50) -> None:
        super().__init__(env)
        for name, value in (("attempts", attempts), ("turns", turns)):
            if value < 1:
                raise ValueError(f"{name} is {value}; give 1 or more")
        self._attempts, self._turns = attempts, turns
        self._start: dict[str, Any] = {}
        self._attempt, self._turn, self._over = 1, 0, False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        if seed is None:  # the next attempt has to begin where this one does
            seed = int(self.np_random.integers(2**31))
        self._start = {"seed": seed, "options": options}
        self._attempt, self._turn, self._over = 1, 0, False
        obs, info = self.env.reset(**self._start)
        return obs, info | {"attempt": 1}

    def step(self, action: str) -> Step:
        obs, reward, terminated, truncated, info = self.env.step(action)
        self._turn += 1
        over = self._over or terminated or truncated or self._turn >= self._turns
        if over and not self._over and not info.get("success") and self._attempt < self._attempts:
            return self._again(obs, float(reward), info)
        self._over = over
        return obs, float(reward), terminated, over and not terminated, info | {"attempt": self._attempt}

    def _again(self, ending: str, reward: float, info: Info) -> Step:
        """The next attempt; what the last action was worth is told with its beginning."""
        self._attempt, self._turn = self._attempt + 1, 0
        first, fresh = self.env.reset(**self._start)
        between = f"Attempt {self._attempt - 1} has failed. Attempt {self._attempt} of {self._attempts}:"
        judged = {"valid": info["valid"]} if "valid" in info else {}
        obs = f"{ending}\n\n{between}\n\n{first}"
        return obs, reward, False, False, fresh | judged | {"attempt": self._attempt}
