"""One entry, or one method, against another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from turngym.benchmarks.compare import Comparison

TURNED = {"better": "worse", "worse": "better", "tie": "tie"}


@dataclass(frozen=True, kw_only=True)
class Versus:
    """How much better one did than the other, on the same tasks."""

    difference: float
    low: float
    high: float
    p: float | None
    """`None` where the verdict rests on the interval alone."""
    method: str
    """How `p`, or else the interval, was found."""
    verdict: str
    """`better`, `worse` or `tie`: what is shown at 95 %."""

    def turned(self) -> Versus:
        """The same comparison seen from the other side."""
        return replace(
            self, difference=-self.difference, low=-self.high, high=-self.low, verdict=TURNED[self.verdict]
        )


def of(comparison: Comparison) -> Versus:
    """What the comparison of two results says of the first."""
    low, high = comparison.interval
    verdict = "tie" if comparison.tie else "better" if comparison.difference > 0 else "worse"
    return Versus(
        difference=comparison.difference,
        low=low,
        high=high,
        p=comparison.p,
        method=comparison.test,
        verdict=verdict,
    )
