"""How sure a success rate is, and how sure it is that one player beats another."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, sqrt
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
    rng = np.random.default_rng(seed)
    drawn = [
        means[rng.integers(len(means), size=(block, len(means)))].mean(axis=1) for block in _blocks(draws)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def share(per_task: Sequence[Sequence[float]]) -> tuple[Interval, str]:
    """95 % interval of the mean over tasks of their mean score, scores in [0, 1], and how it was found.

    Wilson's where every task has one score, 0 or 1. Otherwise a bootstrap over tasks; where all tasks are equal
    it would see no spread, and the share of tasks that may differ, `1 - wilson(n, n)[0]`, may score anything.
    Tasks without a score are left out.
    """
    scored = [scores for scores in per_task if len(scores)]
    if all(len(scores) == 1 and scores[0] in (0, 1) for scores in scored):
        return wilson(int(sum(scores[0] for scores in scored)), len(scored)), "wilson"
    means = [float(np.mean(scores)) for scores in scored]
    if len({*means}) > 1:
        return bootstrap(scored, seed=0), "bootstrap over tasks"
    known, _ = wilson(len(means), len(means))
    return (means[0] * known, min(1.0, means[0] * known + 1 - known)), "wilson over tasks"


def paired_bootstrap(
    a: Sequence[float], b: Sequence[float], *, seed: int, draws: int = 2000, confidence: float = 0.95
) -> Interval:
    """Percentile bootstrap of the mean of `a - b`, scores in [0, 1] of the same tasks in the same order.

    Tasks are drawn again, and each brings both its scores. Where all differences are equal a bootstrap sees no
    spread; then the interval lets the share of tasks that may differ otherwise, `1 - wilson(n, n)[0]`, lie
    anywhere in [-1, 1]. Raises `ValueError` for lists of different length.
    """
    differences = [x - y for x, y in zip(a, b, strict=True)]
    if len({*differences}) > 1:
        return bootstrap([[one] for one in differences], seed=seed, draws=draws, confidence=confidence)
    known, _ = wilson(len(differences), len(differences), confidence)
    middle = differences[0] * known if differences else 0.0
    return max(-1.0, middle - (1 - known)), min(1.0, middle + (1 - known))


def mcnemar(wins: int, losses: int) -> float:
    """Exact two-sided p-value of McNemar's test (1947).

    `wins` and `losses` count the tasks that only the one and only the other player solved; were both equally
    good, either would be as likely as the other: twice the binomial tail, at most 1.
    """
    n = wins + losses
    tail = sum(comb(n, k) for k in range(min(wins, losses) + 1))
    return min(1.0, tail / 2 ** (n - 1)) if n else 1.0


def sign_flip(differences: Sequence[float], *, seed: int, draws: int = 9999) -> float:
    """Two-sided p-value of a mean difference over tasks, by flipping the signs of tasks at random.

    Were both players equally good, each task's difference would be as likely with the other sign (Fisher's
    randomization test). The observed signs count as one of the draws, so the answer is never 0.
    """
    told = np.array([one for one in differences if one])  # [tasks that differ]
    rng = np.random.default_rng(seed)
    sums = [rng.choice([-1.0, 1.0], size=(block, len(told))) @ told for block in _blocks(draws)]
    extreme = np.count_nonzero(abs(np.concatenate(sums)) >= abs(told.sum()) - 1e-9)
    return float((1 + extreme) / (1 + draws))


def _blocks(draws: int) -> list[int]:
    """The draws in parts of at most 100, which keeps the arrays small for panels of many tasks."""
    return [min(100, draws - done) for done in range(0, draws, 100)]


def pass_at(n: int, won: int, k: int) -> float:
    """Chance that at least one of `k` episodes is won, unbiased from `won` of `n` (Chen et al. 2021, eq. 1).

    1 - C(n - won, k) / C(n, k). Raises `ValueError` unless 1 <= k <= n.
    """
    return 1 - _all_of(n, n - won, k)


def pass_hat(n: int, won: int, k: int) -> float:
    """Chance that all of `k` episodes are won, unbiased from `won` of `n` (tau-bench, Yao et al. 2024): pass^k.

    C(won, k) / C(n, k). Raises `ValueError` unless 1 <= k <= n.
    """
    return _all_of(n, won, k)


def _all_of(n: int, such: int, k: int) -> float:
    """Chance that `k` drawn from `n` without putting back are all among the `such`."""
    if not 1 <= k <= n:
        raise ValueError(f"k is {k}; give 1 to {n}, the number of episodes")
    return comb(such, k) / comb(n, k)
