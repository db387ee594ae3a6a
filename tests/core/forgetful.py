"""An environment that breaks the contract: its resets go on counting."""

from __future__ import annotations

from typing import Any

from turngym.core.types import Info
from turngym.envs import TextEnv, register
from turngym.envs.base import Step

_resets = iter(range(1_000_000))


class Forgetful(TextEnv):
    """Says how often any environment was reset."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        super().reset(seed=seed)
        return f"Reset {next(_resets)}.", {}

    def step(self, action: str) -> Step:
        return "Done.", 0.0, True, False, {}


register("Forgetful-v0", Forgetful)
