"""Environments that speak text: the base class and the space of all strings."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from turngym.core.types import Info


class Text(gymnasium.Space[str]):
    """Every string. (Gymnasium's own `Text` holds only short strings of letters and digits.)"""

    def __init__(self, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(shape=None, dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """A word of one to eight small letters, for tests that need any string."""
        letters: npt.NDArray[np.str_] = self.np_random.choice(list("abcdefghijklmnopqrstuvwxyz"), self.np_random.integers(1, 9))
        return "".join(letters)

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)

    def __repr__(self) -> str:
        return "Text()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text)

    __hash__ = None  # type: ignore[assignment]


class TextEnv(gymnasium.Env[str, str]):
    """A Gymnasium environment with strings on both sides.

    A subclass writes `reset` (calling `super().reset(seed=seed)` first, which seeds `self.np_random`) and
    `step`. `info` may carry the keys that `turngym.core.types.Info` lists.
    """

    observation_space: gymnasium.Space[str] = Text()
    action_space: gymnasium.Space[str] = Text()
    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        super().reset(seed=seed)
        return "", {}
