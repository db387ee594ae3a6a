"""PPR: the reward of a judge that reads every turn, beside the outcome."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from turngym.core.config import build
from turngym.core.errors import ConfigError
from turngym.credit import Credits, registry
from turngym.credit.judge import Judge, judge_of
from turngym.credit.judging.arrays import sums
from turngym.credit.judging.verdict import Verdict, check, counts, unscored, values
from turngym.credit.steps import Steps
from turngym.credit.toolbox import Bools, Floats, Ints, after, fraction


@dataclass(frozen=True, kw_only=True)
class PPR:
    """Principle process reward with ReNorm (Xu et al. 2025, arXiv 2509.25598): judged turns and the outcome.

    The reward of a turn becomes process + outcome - 1, both from 0 to 1: it is positive only for a good turn of a
    good episode. `base` then credits the episodes with these rewards; the paper uses PPO.

    A turn without a verdict takes the mean of its group's verdicts, so that a method that centres by group
    neither praises nor blames it; an episode without one the mean outcome of its group. Without any verdict in
    the group that is 1/2, ReNorm's zero.
    """

    judge: Judge | dict[str, Any]
    """Judges turns."""
    outcome: Judge | dict[str, Any] | None = None
    """Judges episodes; `None` takes the environment's own reward, which must then lie between 0 and 1."""
    outcome_at: Literal["every", "last"] = "every"
    """The turns that outcome - 1/2 is added to. The paper's treatment of the last turn is not known to us."""
    base: dict[str, Any] = field(default_factory=lambda: {"name": "gae"})
    """A credit section of its own, `{name = "gae", gamma = 0.95}`."""
    max_unscored: float = 0.5
    """Share of verdicts that may be missing before `TooManyUnscored` is raised."""

    def __post_init__(self) -> None:
        fraction(max_unscored=self.max_unscored)
        if self.outcome_at not in ("every", "last"):
            raise ValueError(f"outcome_at is {self.outcome_at!r}; choose 'every' or 'last'")
        _ = self._process_judge, self._outcome_judge  # a wrong section is told before the first episode

    def __call__(self, steps: Steps) -> Credits:
        process, told = self._process(steps)
        outcome, more = self._outcome(steps)
        everywhere = self.outcome_at == "every"
        reward = renorm(process, outcome, np.full(len(steps), True) if everywhere else after(steps.traj) < 0)
        credits: Credits = build(registry, self.base, "credit.base")(replace(steps, reward=reward))
        return replace(credits, metrics=credits.metrics | told | more)

    @cached_property
    def _process_judge(self) -> Judge:
        return judge_of(self.judge)

    @cached_property
    def _outcome_judge(self) -> Judge | None:
        return None if self.outcome is None else judge_of(self.outcome)

    def _process(self, steps: Steps) -> tuple[Floats, dict[str, float]]:
        verdicts = self._process_judge.turns(steps.trajectories)
        return fill(values(verdicts), steps.group), report(verdicts, self.max_unscored)

    def _outcome(self, steps: Steps) -> tuple[Floats, dict[str, float]]:  # [N]: every turn its episode's
        if self._outcome_judge is None:
            return fractions(sums(steps.traj, steps.reward)[steps.traj]), {}
        verdicts = self._outcome_judge.episodes(steps.trajectories)
        told = report(verdicts, self.max_unscored)
        outcome = fill(values(verdicts)[steps.traj], steps.group)
        return outcome, {f"outcome_{name}": number for name, number in told.items()}


def renorm(process: Floats, outcome: Floats, among: Bools) -> Floats:
    """(process - 1/2) + (outcome - 1/2), the second only for turns in `among`: from -1 to 1. [N]"""
    return np.asarray(process - 0.5 + np.where(among, outcome - 0.5, 0.0), dtype=np.float64)


def fill(scores: Floats, group: Ints) -> Floats:
    """The scores, a missing one (NaN) replaced by the mean of those of its group, 1/2 where it has none. [N]"""
    there = np.isfinite(scores)
    count = sums(group, there)
    mean = sums(group, np.where(there, scores, 0.0)) / np.maximum(count, 1)
    return np.where(there, scores, np.where(count > 0, mean, 0.5)[group])


def fractions(outcome: Floats) -> Floats:
    """The outcomes themselves. Raises `ConfigError` for one outside 0 to 1."""
    wrong = outcome[~((outcome >= 0) & (outcome <= 1))]
    if len(wrong):
        raise ConfigError(
            f"ReNorm needs outcomes between 0 and 1, but an episode earned {wrong[0]:g}; scale the rewards with "
            "credit shaped, or judge the outcome"
        )
    return outcome


def report(verdicts: list[Verdict], most: float) -> dict[str, float]:
    """The counts of the verdicts; missing ones are told in a warning, too many raise `TooManyUnscored`."""
    check(verdicts, most)
    without = unscored(verdicts)
    if without:
        warnings.warn(
            f"the judge left {len(without)} of {len(verdicts)} questions unscored, the first because "
            f"{without[0].cause}: {without[0].reason}",
            stacklevel=2,
        )
    return counts(verdicts)
