"""Where the marks of a plot lie: numbers for SVG, which the templates draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

Point = tuple[float, float]
BINS = 24
"""Bars of a histogram, at most."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of two parts, the lower one for episodes that were won; lengths are shares of the plot."""

    left: float
    width: float
    won: float
    rest: float
    label: str


def histogram(won: Sequence[int], rest: Sequence[int]) -> list[Bar]:
    """How many episodes took how many turns; empty without episodes."""
    if not won and not rest:
        return []
    low, high = min([*won, *rest]), max([*won, *rest])
    step = ceil((high - low + 1) / BINS)
    starts = range(low, high + 1, step)
    counts = [(_within(won, start, step), _within(rest, start, step)) for start in starts]
    tallest = max(map(sum, counts))
    return [
        Bar(
            left=place / len(starts),
            width=1 / len(starts),
            won=one / tallest,
            rest=other / tallest,
            label=f"{_range(start, step)} turns: {one} won, {other} not",
        )
        for place, (start, (one, other)) in enumerate(zip(starts, counts, strict=True))
    ]


def _within(values: Sequence[int], start: int, step: int) -> int:
    return sum(start <= value < start + step for value in values)


def _range(start: int, step: int) -> str:
    return str(start) if step == 1 else f"{start} to {start + step - 1}"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of a plot: from `low` at pixel `start` to `high` at pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(self.start + share * (self.end - self.start), 2)


def path(points: Sequence[Point], x: Axis, y: Axis) -> str:
    """The points as the `d` of an SVG path."""
    return "M" + " L".join(f"{x.at(left)} {y.at(up)}" for left, up in points)


def spread(wanted: Mapping[str, float], gap: float) -> dict[str, float]:
    """Heights of labels near where they are wanted, at least `gap` apart."""
    placed: dict[str, float] = {}
    last = float("-inf")
    for name in sorted(wanted, key=lambda name: wanted[name]):
        last = placed[name] = max(wanted[name], last + gap)
    return placed
