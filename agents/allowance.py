"""A rate that is kept: so many requests, or tokens, a minute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Allowance:
    """Spends at most `per_minute` units a minute, evenly: each buyer waits until what was bought before is paid off.

    So any stretch of w minutes starts at most `per_minute * w` units and one purchase (the generic cell rate
    algorithm without a burst). `None` sets no limit.
    """

    def __init__(self, per_minute: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = math.inf if per_minute is None else per_minute / 60
        self._clock = clock
        self._free = -math.inf
        """When all that was bought is paid off."""

    def buy(self, amount: float) -> float:
        """Buy `amount` units; how many seconds to wait before using them."""
        now = self._clock()
        start = max(self._free, now)
        self._free = start + amount / self._per_second
        return start - now

    def give_back(self, amount: float) -> None:
        """Return what was bought and not used; a negative amount was used beyond what was bought."""
        self._free -= amount / self._per_second

    def close(self, seconds: float) -> None:
        """Sell nothing for so long."""
        self._free = max(self._free, self._clock() + seconds)
