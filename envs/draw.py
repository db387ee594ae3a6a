"""Chance that is the same for ever: draws that follow from a seed alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draw:
    """Draws that follow from a seed alone.

    They use the raw bits of PCG64, which NumPy keeps the same for ever; what its `Generator` makes of them
    may change with a version.
    """

    def __init__(self, *entropy: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))

    def below(self, n: int) -> int:
        return int(self._bits.random_raw()) % n

    def between(self, pair: tuple[int, int]) -> int:
        """From the first to the second, both included."""
        return pair[0] + self.below(pair[1] - pair[0] + 1)

    def one(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def some(self, items: Iterable[T], count: int) -> list[T]:
        """As many of the items, or all there are, without replacement and in random order (Fisher-Yates)."""
        pool = list(items)
        count = min(count, len(pool))
        for i in range(count):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:count]
