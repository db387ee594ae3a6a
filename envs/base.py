"""Environments that speak text: the base class, the space of all strings and what a rollout holds of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from string import ascii_lowercase
from typing import Any, Protocol

import gymnasium

from turngym.core.errors import Failure
from turngym.core.types import Info

Factory = Callable[[], gymnasium.Env[Any, Any]]
"""Builds one environment; picklable where it has to reach a worker process."""

Step = tuple[str, float, bool, bool, Info]
"""What `step` answers: observation, reward, terminated, truncated, info."""


class Text(gymnasium.Space[str]):
    """Every string. (Gymnasium's own `Text` holds only short strings of letters and digits.)"""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(shape=None, dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """False: a string has no array form."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """A word of one to eight small letters, for tests that need any string."""
        length = self.np_random.integers(1, 9)
        return "".join(self.np_random.choice(list(ascii_lowercase), length))

    def contains(self, x: Any) -> bool:
        """Whether `x` is a string."""
        return isinstance(x, str)

    def __repr__(self) -> str:
        return "Text()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text)


class TextEnv(gymnasium.Env[str, str]):
    """A Gymnasium environment with strings on both sides.

    A subclass writes `reset` (calling `super().reset(seed=seed)` first, which seeds `self.np_random`) and
    `step`. `info` may carry the keys that `turngym.core.types.Info` lists.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (declared so by gymnasium.Env)

    @cached_property
    def observation_space(self) -> gymnasium.Space[str]:  # type: ignore[override]
        """All strings; one space an instance, since a space carries a random generator."""
        return Text()

    @cached_property
    def action_space(self) -> gymnasium.Space[str]:  # type: ignore[override]
        """All strings."""
        return Text()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Seed the generator. A subclass calls this first and returns its own observation and info."""
        super().reset(seed=seed)
        return "", {}


class EnvHandle(Protocol):
    """What a rollout holds of an environment, wherever that runs."""

    async def reset(self, *, seed: int, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Start an episode; raises `EnvFailure` where the environment or its process fails."""
        ...

    async def step(self, action: str) -> Step:
        """One transition; raises `EnvFailure` likewise."""
        ...


class EnvFailure(Failure):
    """An environment raised, died or hung: it says nothing about the policy."""
