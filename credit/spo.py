"""SPO: an episode is worth the share of its group that it beats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from turngym.core.config import build
from turngym.credit import Credits, registry
from turngym.credit.judge import Judge, judge_of
from turngym.credit.judging.arrays import sums
from turngym.credit.judging.verdict import values
from turngym.credit.ppr import report
from turngym.credit.steps import Steps
from turngym.credit.toolbox import Floats, Ints, after, fraction


@dataclass(frozen=True, kw_only=True)
class SPO:
    """Self-play preference optimization (Swamy et al. 2024, arXiv 2401.04056): the win rate as the outcome.

    Every two episodes of a group are compared; the reward of an episode, paid at its last turn, is the mean over the
    others of P(it is better). `base` credits the episodes with it. A comparison without a verdict is left out of the
    mean, and an episode without any comparison wins half.
    """

    judge: Judge | dict[str, Any] | None = None
    """Compares episodes (form `preference`); `None` compares the environment's rewards, equal ones being half a win."""
    both_orders: bool = True
    """Ask about A, B and about B, A, and take the mean: judges favour a place. Twice the questions."""
    base: dict[str, Any] = field(default_factory=lambda: {"name": "grpo"})
    """A credit section of its own."""
    max_unscored: float = 0.5
    """Share of verdicts that may be missing before `TooManyUnscored` is raised."""

    def __post_init__(self) -> None:
        fraction(max_unscored=self.max_unscored)
        _ = self._judge

    def __call__(self, steps: Steps) -> Credits:
        wins, told = self._wins(steps)
        last = after(steps.traj) < 0
        shaped = replace(steps, reward=np.where(last, wins[steps.traj], 0.0))
        credits: Credits = build(registry, self.base, "credit.base")(shaped)
        return replace(credits, metrics=credits.metrics | told)

    @cached_property
    def _judge(self) -> Judge | None:
        return None if self.judge is None else judge_of(self.judge)

    def _wins(self, steps: Steps) -> tuple[Floats, dict[str, float]]:
        """The win rate of each trajectory among those of its group. [trajectories]"""
        pairs = np.array([*_pairs(steps)], dtype=np.int64).reshape(-1, 2)
        first, second = pairs.T
        count = int(steps.traj.max(initial=-1)) + 1
        if self._judge is None:
            score = sums(steps.traj, steps.reward, count)
            return win_rates(by_reward(score[first], score[second]), pairs, count), {}
        beats, told = self._judged(self._judge, steps, pairs)
        return win_rates(beats, pairs, count), told

    def _judged(self, judge: Judge, steps: Steps, pairs: Ints) -> tuple[Floats, dict[str, float]]:
        asked = [*pairs.tolist(), *(pairs[:, ::-1].tolist() if self.both_orders else [])]
        verdicts = judge.pairs([(steps.trajectories[a], steps.trajectories[b]) for a, b in asked])
        told, answers = report(verdicts, self.max_unscored), values(verdicts)
        return both_ways(answers[: len(pairs)], answers[len(pairs) :]) if self.both_orders else answers, told


def win_rates(beats: Floats, pairs: Ints, count: int) -> Floats:
    """The mean over an episode's comparisons of P(it is the better one); 1/2 without any. [count]

    `beats` [P] says how probably the first of each pair of `pairs` [P, 2] beats the second; NaN is no verdict.
    """
    known = np.isfinite(beats)
    member = pairs[known].T.ravel()
    won = np.concatenate([beats[known], 1 - beats[known]])
    compared = np.bincount(member, minlength=count)
    return np.where(compared > 0, sums(member, won, count) / np.maximum(compared, 1), 0.5)


def by_reward(first: Floats, second: Floats) -> Floats:
    """1 where the first earned more, 0 where the second did, 1/2 where they are equal. [P]"""
    return np.asarray((np.sign(first - second) + 1) / 2, dtype=np.float64)


def both_ways(forth: Floats, back: Floats) -> Floats:
    """P(first beats second) from both orders of asking; one alone counts where the other has no verdict. [P]"""
    one, other = np.where(np.isnan(forth), 1 - back, forth), np.where(np.isnan(back), forth, 1 - back)
    return np.asarray((one + other) / 2, dtype=np.float64)


def _pairs(steps: Steps) -> Iterator[tuple[int, int]]:
    """Every two trajectories of one group, once."""
    for group in np.unique(steps.group):
        yield from combinations(np.unique(steps.traj[steps.group == group]).tolist(), 2)
