"""The first error of an episode that went wrong: where to put its blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from turngym.core.config import build
from turngym.core.errors import ConfigError
from turngym.credit import Credits, registry
from turngym.credit.judge import Judge, judge_of
from turngym.credit.judging.arrays import sums
from turngym.credit.judging.verdict import Unscored, Verdict
from turngym.credit.ppr import report
from turngym.credit.steps import Steps
from turngym.credit.toolbox import Bools, Floats, Ints, after, code, fraction, position


@dataclass(frozen=True, kw_only=True)
class FirstError:
    """Blame the first wrong turn of an episode and clear the turns before it (Step-DPO, arXiv 2406.18629).

    Of an episode that earned less than the best of its group, only the first wrong turn keeps the credit of `base`;
    the others get 0, as Step-DPO trains on the step that differs alone. Where no error is found the episode keeps
    its credit.
    """

    judge: Judge | dict[str, Any] | None = None
    """Judges turns; the first one scored below `threshold` is the error. `None`: a Monte Carlo estimate locates it,
    the first turn after which the mean reward of the group's episodes that met the state falls by `drop`."""
    threshold: float = 0.5
    drop: float = 0.25
    """As a share of the distance between the best and the worst reward of the group."""
    after: bool = False
    """Whether turns after the error keep their credit too."""
    base: dict[str, Any] = field(default_factory=lambda: {"name": "grpo"})
    """A credit section of its own, with one number per turn."""
    max_unscored: float = 0.5
    """Share of verdicts that may be missing before `TooManyUnscored` is raised."""

    def __post_init__(self) -> None:
        fraction(threshold=self.threshold, drop=self.drop, max_unscored=self.max_unscored)
        if self.drop == 0:
            raise ValueError("drop is 0, which every turn reaches; choose a positive share")
        _ = self._judge

    def __call__(self, steps: Steps) -> Credits:
        credits: Credits = build(registry, self.base, "credit.base")(steps)
        if credits.per != "turn":
            raise ConfigError(
                f"first_error needs a base with one number per turn, unlike {self.base['name']!r}"
            )
        error, told = self._located(steps)
        cleared = clear(credits.advantages, position(steps.traj), error[steps.traj], after=self.after)
        return replace(credits, advantages=cleared, metrics=credits.metrics | told)

    @cached_property
    def _judge(self) -> Judge | None:
        return None if self.judge is None else judge_of(self.judge)

    def _located(self, steps: Steps) -> tuple[Ints, dict[str, float]]:
        """The place of the first error in each trajectory, -1 where there is none or none is known. [trajectories]"""
        score, best, worst = _scores(steps)
        failed = score < best
        if self._judge is None:
            error, told = first_drop(steps, score, self.drop * (best - worst)), dict[str, float]()
        else:
            error, told = self._judged(self._judge, steps, failed)
        error = np.where(failed, error, -1)
        found = float(np.mean(error[failed] >= 0)) if failed.any() else 0.0
        return error, told | {"errors_located": found}

    def _judged(self, judge: Judge, steps: Steps, failed: Bools) -> tuple[Ints, dict[str, float]]:
        wrong = np.flatnonzero(failed).tolist()
        episodes = [steps.trajectories[number] for number in wrong]
        verdicts = judge.turns(episodes)
        ends = np.cumsum([len(episode.turns) for episode in episodes], dtype=np.int64).tolist()
        error = np.full(len(failed), -1, dtype=np.int64)
        for number, begin, end in zip(wrong, [0, *ends], ends, strict=False):
            place = first_error(verdicts[begin:end], self.threshold)
            error[number] = place if isinstance(place, int) else -1
        return error, report(verdicts, self.max_unscored)


def first_error(verdicts: Sequence[Verdict], threshold: float) -> int | Unscored | None:
    """The first turn scored below the threshold; `None` without one.

    A missing verdict before it makes the place unknown: the `Unscored` itself is returned.
    """
    for place, verdict in enumerate(verdicts):
        if isinstance(verdict, Unscored):
            return verdict
        if verdict.value < threshold:
            return place
    return None


def first_drop(steps: Steps, score: Floats, least: Floats) -> Ints:
    """The first turn after which the estimated value falls by `least` or more, -1 without one. [trajectories]

    A state is worth the mean score of the trajectories of its group that met it, each counted once; the end of an
    episode is worth its own score.
    """
    value = _state_values(steps, score)
    following = after(steps.traj)
    later = np.where(following >= 0, value[following], score[steps.traj]) if len(value) else value
    falls = (value - later >= least[steps.traj] - 1e-12) & (value > later)
    place = np.full(len(score), -1, dtype=np.int64)
    rows = np.flatnonzero(falls)[::-1]  # backwards, so that the first one is written last
    place[steps.traj[rows]] = position(steps.traj)[rows]
    return place


def clear(advantages: Floats, place: Ints, error: Ints, *, after: bool) -> Floats:
    """The advantages, 0 at turns before the error and, unless `after`, behind it; -1 is no error. [N]"""
    kept = (error < 0) | (place == error) | ((place > error) & after)
    return np.where(kept, advantages, 0.0)


def _state_values(steps: Steps, score: Floats) -> Floats:  # [N]
    key = code(steps.group, steps.state)
    _, first = np.unique(code(key, steps.traj), return_index=True)  # one visit for each trajectory
    total = sums(key[first], score[steps.traj[first]])
    return np.asarray((total / np.maximum(np.bincount(key[first]), 1))[key], dtype=np.float64)


def _scores(steps: Steps) -> tuple[Floats, Floats, Floats]:
    """The score of each trajectory, and the best and the worst of its group. [trajectories] each"""
    count = int(steps.traj.max(initial=-1)) + 1
    score = sums(steps.traj, steps.reward, count)
    group = np.zeros(count, dtype=np.int64)
    group[steps.traj] = steps.group
    best, worst = np.full(group.max(initial=0) + 1, -np.inf), np.full(group.max(initial=0) + 1, np.inf)
    np.maximum.at(best, group, score)
    np.minimum.at(worst, group, score)
    return score, best[group], worst[group]
