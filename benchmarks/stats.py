"""How sure a success rate is: intervals over episodes and over tasks."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

Interval = tuple[float, float]


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a success probability after `n` independent trials.

    It is the set of p for which the observed rate lies within z standard errors sqrt(p(1-p)/n) of p
    (Wilson 1927). With no trial nothing is known: (0, 1).
    """
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = successes / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half))  # rounding at 0 and 1


def bootstrap(
    per_task: Sequence[Sequence[float]], *, seed: int, draws: int = 2000, confidence: float = 0.95
) -> Interval:
    """Percentile bootstrap of the mean over tasks of each task's mean score.

    Tasks are drawn again, not episodes: samples of one task are no independent evidence. Tasks without a
    score are left out; with none left nothing is known: (0, 1).
    """
    means = np.array([np.mean(scores) for scores in per_task if len(scores)])  # [tasks]
    if not len(means):
        return 0.0, 1.0
    drawn = np.random.default_rng(seed).integers(len(means), size=(draws, len(means)))  # [draws, tasks]
    low, high = np.quantile(means[drawn].mean(axis=1), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
