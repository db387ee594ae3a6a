"""What a judge answers: a score, or the reason why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from turngym.core.errors import UserError
from turngym.credit.toolbox import Floats

Cause = Literal["malformed", "unreachable"]


@dataclass(frozen=True, slots=True)
class Scored:
    """A score from 0, the worst, to 1, the best. Raises `ValueError` for a number outside."""

    value: float

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise ValueError(f"a score is {self.value}; it lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class Unscored:
    """No score, which is not a score of zero."""

    cause: Cause
    """`malformed`: the judge answered, but not in the form it was asked for; `unreachable`: it did not answer."""
    reason: str
    """One sentence."""


Verdict = Scored | Unscored


class TooManyUnscored(UserError, RuntimeError):
    """So few verdicts are left that credit by them would mislead; the message lists the distinct reasons."""


def values(verdicts: Sequence[Verdict]) -> Floats:
    """The scores, NaN where there is none. [verdicts]"""
    return np.array([one.value if isinstance(one, Scored) else np.nan for one in verdicts], dtype=np.float64)


def unscored(verdicts: Iterable[Verdict]) -> list[Unscored]:
    """Those without a score."""
    return [one for one in verdicts if isinstance(one, Unscored)]


def counts(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """How many verdicts there are, and how many of them hold no score, by cause."""
    causes = Counter(one.cause for one in unscored(verdicts))
    return {
        "judged": float(len(verdicts)),
        "malformed": float(causes["malformed"]),
        "unreachable": float(causes["unreachable"]),
    }


def check(verdicts: Sequence[Verdict], most: float) -> None:
    """Raise `TooManyUnscored` where more than the share `most` of the verdicts hold no score."""
    without = unscored(verdicts)
    if len(without) <= most * len(verdicts):
        return
    reasons = Counter(f"{one.cause}: {one.reason}" for one in without)
    listed = "; ".join(f"{number} x {reason}" for reason, number in reasons.most_common(3))
    raise TooManyUnscored(
        f"the judge left {len(without)} of {len(verdicts)} questions unscored, more than the allowed share of "
        f"{most:g} ({listed}); mend the judge or raise max_unscored"
    )
