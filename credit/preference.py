"""Losses over whole episodes: which of two was better (DPO), and whether one was good (cross-entropy).

Both are functions of one score per episode, given with their gradient by that score. So a model whose scores are sums
over tokens gets the exact gradient of all pairs one batch at a time: each token's log-probability is multiplied by
the gradient of its episode's score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turngym.credit.steps import Bools, Floats, Ints
from turngym.credit.toolbox import size


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a loss says of M scores."""

    loss: float  # the sum over `count` terms, divided by the terms of the whole optimizer step
    gradient: Floats  # [M] of the loss by each score
    count: int  # pairs, or labelled scores
    right: float  # how many of them the scores get right; a tie is half right


def pairs(group: Ints, better: Bools, known: Bools) -> tuple[Ints, Ints]:
    """All (better, worse) of one group as indices [P], [P]; what is not `known` pairs with nobody.

    Two episodes on the same side of the threshold never pair, whatever their outcomes.
    """
    winner, loser = np.flatnonzero(better & known), np.flatnonzero(~better & known)
    first, second = np.nonzero(group[winner][:, None] == group[loser][None, :])
    return winner[first], loser[second]


def dpo(score: Floats, group: Ints, better: Bools, known: Bools, total: int) -> Judged:
    """Preference of every better over every worse episode of its group (iStar, arXiv 2509.19199, equation 2).

    `-log sigmoid(score_better - score_worse)`, divided by `total`, the pairs of the whole optimizer step; as
    softplus, so that it is finite for any gap.
    """
    winner, loser = pairs(group, better, known)
    gap = score[winner] - score[loser]
    doubt = np.exp(-np.logaddexp(0.0, gap)) / max(total, 1)  # sigmoid(-gap), over all pairs
    gradient = np.zeros_like(score)
    np.add.at(gradient, loser, doubt)
    np.subtract.at(gradient, winner, doubt)
    return Judged(
        loss=float(np.logaddexp(0.0, -gap).sum()) / max(total, 1),
        gradient=gradient,
        count=len(gap),
        right=float((gap > 0).sum() + 0.5 * (gap == 0).sum()),
    )


def cross_entropy(score: Floats, label: Floats, known: Bools, total: int) -> Judged:
    """Binary cross-entropy of sigmoid(score) against labels in 0 to 1 (PRIME, arXiv 2502.01456, equation 4).

    Divided by `total`, the scores of the whole optimizer step. A score counts as right on the side of 0 on which its
    label is of 1/2.
    """
    x, y = score[known], label[known]
    gradient = np.zeros_like(score)
    gradient[known] = (np.exp(-np.logaddexp(0.0, -x)) - y) / max(total, 1)
    side = np.sign(x) * np.sign(y - 0.5)
    return Judged(
        loss=float((np.logaddexp(0.0, x) - y * x).sum()) / max(total, 1),
        gradient=gradient,
        count=len(x),
        right=float((side > 0).sum() + 0.5 * (side == 0).sum()),
    )


def win_rate(outcome: Floats, group: Ints) -> Floats:
    """The share of a group's other episodes that each one beats; a tie is half a win, alone is 1/2. [M]

    For outcomes that only order episodes (SPO, arXiv 2401.04056); a group's mean is 1/2, which makes a threshold.
    """
    together = group[:, None] == group[None, :]
    beaten = (outcome[:, None] > outcome[None, :]) + 0.5 * (outcome[:, None] == outcome[None, :])
    others = size(group) - 1
    wins = (together * beaten).sum(1) - 0.5  # one does not play against oneself
    return np.where(others > 0, wins / np.maximum(others, 1), 0.5)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """DPO over M episodes of which some are better."""

    group: Ints  # [M]
    better: Bools  # [M]

    def terms(self, known: Bools) -> int:
        """How many pairs the `known` episodes form."""
        return len(pairs(self.group, self.better, known)[0])

    def __call__(self, score: Floats, known: Bools, total: int) -> Judged:
        return dpo(score, self.group, self.better, known, total)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Cross-entropy over M scores with their labels."""

    label: Floats  # [M] in 0 to 1

    def terms(self, known: Bools) -> int:
        """How many scores are `known`."""
        return int(known.sum())

    def __call__(self, score: Floats, known: Bools, total: int) -> Judged:
        return cross_entropy(score, self.label, known, total)
