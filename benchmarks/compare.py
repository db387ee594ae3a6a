"""Whether one entrant beats another: two results of one panel, task against task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turngym.benchmarks.result import Record, Stored, starts
from turngym.benchmarks.score import numbers, shares
from turngym.benchmarks.stats import Interval, mcnemar, paired_bootstrap, sign_flip
from turngym.core.errors import UserError, suggest

METRICS = ("success", "score", "reward")
LEVEL = 0.05


class NotComparable(UserError, ValueError):
    """Two results that cannot be held against each other; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A against B over the tasks that both played."""

    names: tuple[str, str]
    metric: str
    means: tuple[float, float]
    difference: float
    """Mean over tasks of A's score less B's."""
    interval: Interval
    """95 %, see `paired_bootstrap`."""
    p: float
    test: str
    """How `p` was found: McNemar's exact test with one episode a task, else a sign-flip test over tasks."""
    wins: int
    """Tasks on which A scored more."""
    losses: int
    tasks: int

    @property
    def tie(self) -> bool:
        """Whether neither is shown to be better: the interval holds 0, or p is not below 0.05."""
        low, high = self.interval
        return low <= 0 <= high or self.p >= LEVEL

    def __str__(self) -> str:
        (a, b), (low, high) = self.names, self.interval
        better, worse = (a, b) if self.difference > 0 else (b, a)
        verdict = f"tie: neither {a} nor {b} is shown to be better" if self.tie else f"{better} beats {worse}"
        return "\n".join(
            [
                verdict,
                f"  {self.metric}  {a} {self._shown(self.means[0])}, {b} {self._shown(self.means[1])}",
                f"  difference  {self._shown(self.difference, sign='+')}  "
                f"(95 % interval {self._shown(low, sign='+')} to {self._shown(high, sign='+')})",
                f"  p  {self.p:.2g}  ({self.test})",
                f"  tasks  {self.tasks}, of which {a} is better on {self.wins} and {b} on {self.losses}",
            ]
        )

    def _shown(self, value: float, sign: str = "") -> str:
        return f"{value:{sign}.4g}" if self.metric == "reward" else f"{value:{sign}.1%}"


def compare(a: Stored, b: Stored, metric: str = "success") -> Comparison:
    """Hold two results of one panel against each other, task by task.

    A lost episode is a failure in `success` and `score`; in `reward` a task without an episode that counts on both
    sides is left out. Raises `NotComparable` for another panel, other data, or a metric that one of them lacks.
    """
    check_comparable(a, b)
    if metric not in METRICS:
        raise NotComparable(f"--metric is {metric!r}; {suggest(metric, METRICS)}")
    pairs = _pairs(a, b, metric)
    if not pairs:
        raise NotComparable(
            f"the episodes of {a.folder} or {b.folder} do not tell {metric}; choose another --metric"
        )
    first, second = [x for x, _ in pairs], [y for _, y in pairs]
    differences = [x - y for x, y in pairs]
    wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    p, test = _p(differences, wins, losses, binary={*first, *second} <= {0.0, 1.0})
    return Comparison(
        names=names(a, b),
        metric=metric,
        means=(float(np.mean(first)), float(np.mean(second))),
        difference=float(np.mean(differences)),
        interval=paired_bootstrap(first, second, seed=0),
        p=p,
        test=test,
        wins=wins,
        losses=losses,
        tasks=len(pairs),
    )


def check_comparable(a: Stored, b: Stored) -> None:
    """Raise `NotComparable` where the panels or what the tasks hold are not the same."""
    panels = [one.record["panel"] for one in (a, b)]
    if panels[0]["digest"] != panels[1]["digest"]:
        told = " and ".join(
            f"{one.folder} is of panel {panel['name']} ({panel['digest'][:8]})"
            for one, panel in zip((a, b), panels, strict=True)
        )
        raise NotComparable(f"{told}: results compare on one panel only")
    data = [one.record["env"]["data"] for one in (a, b)]
    if data[0] != data[1]:
        raise NotComparable(
            f"{a.folder} and {b.folder} were played on different data ({data[0]} and {data[1]})"
        )
    there, here = starts(a.rows), starts(b.rows)
    for task, start in there.items():
        if None not in (start, here.get(task)) and start != here[task]:
            raise NotComparable(
                f"task {task} starts differently in {a.folder} and in {b.folder}: play both with one version"
            )


def names(a: Stored, b: Stored) -> tuple[str, str]:
    """What to call the two: the agents, else the folders, else A and B."""
    called = [(_agent(one.record), one.folder.name) for one in (a, b)]
    for first, second in zip(*called, strict=True):
        if first != second:
            return first, second
    return "A", "B"


def _agent(record: Record) -> str:
    model = record["model"]
    return str(
        record["agent"]["name"] if model is None else f"{record['agent']['name']} with {model['name']}"
    )


def _pairs(a: Stored, b: Stored, metric: str) -> list[tuple[float, float]]:
    """The two scores of every task that has both, in A's order."""
    first, second = per_task(a, metric), per_task(b, metric)
    return [(first[task], second[task]) for task in first if task in second]


def per_task(stored: Stored, metric: str) -> dict[str, float]:
    """Each task's mean over its episodes; a task that is not told is missing."""
    samples = stored.record["panel"]["samples"]
    told = numbers(stored.rows, metric) if metric == "reward" else shares(stored.rows, metric, samples)
    return {task: float(np.mean(values)) for task, values in told.items() if values}


def _p(differences: Sequence[float], wins: int, losses: int, *, binary: bool) -> tuple[float, str]:
    if binary:
        return mcnemar(wins, losses), "McNemar's exact test"
    return sign_flip(differences, seed=0), "sign-flip test over tasks"
