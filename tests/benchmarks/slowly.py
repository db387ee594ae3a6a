"""An environment that takes its time, for runs that are stopped in the middle: `slowly:Slowly-v0`."""

from __future__ import annotations

import time

from turngym.core.types import Info
from turngym.envs import register
from turngym.envs.corridor import Corridor


class Slowly(Corridor):
    """A corridor of which every step takes ten milliseconds."""

    def step(self, action: str) -> tuple[str, float, bool, bool, Info]:
        time.sleep(0.01)
        return super().step(action)


register("Slowly-v0", Slowly)
