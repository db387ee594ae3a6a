"""What the rows of all attempts say of a player together, each number with its interval."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from turngym.agents.rollout import Sampler
from turngym.benchmarks import Benchmark
from turngym.benchmarks.result import Record
from turngym.benchmarks.stats import Interval, bootstrap, pass_at, pass_hat, share
from turngym.benchmarks.trace import row
from turngym.core.episodes import to_record
from turngym.core.types import Group


def aggregate(rows: Sequence[Record], tasks: int, samples: int) -> Record:
    """`metrics`, `categories`, `counts` and `failures` of a result, from its rows alone.

    `tasks` times `samples` episodes were planned. One without a row that counts is lost: a failure in `success`
    and `score`, left out of the other means.
    """
    failed = [one for one in rows if not one["counted"]]
    counted = len(rows) - len(failed)
    return {
        "metrics": _metrics(rows, tasks, samples),
        "categories": _categories(rows, samples),
        "counts": {
            "tasks": tasks,
            "episodes": tasks * samples,
            "counted": counted,
            "failed": len(failed),
            "lost": tasks * samples - counted,
        },
        "failures": dict(Counter(map(cause, failed)).most_common()),
    }


def numbers(rows: Sequence[Record], key: str) -> dict[str, list[float]]:
    """Of every task, what its episodes that count tell under `key`."""
    found: dict[str, list[float]] = {one["task"]: [] for one in rows}
    for one in rows:
        if one["counted"] and one[key] is not None:
            found[one["task"]].append(float(one[key]))
    return found


def shares(rows: Sequence[Record], key: str, samples: int) -> dict[str, list[float]]:
    """The same of what lies in [0, 1], with a 0 for every episode that was lost.

    Nothing where episodes count and none of them tells it.
    """
    played = Counter(one["task"] for one in rows if one["counted"])
    told = numbers(rows, key)
    if played and not any(told.values()):
        return {}
    return {task: values + [0.0] * (samples - played[task]) for task, values in told.items()}


def cause(failed: Record) -> str:
    """Why an attempt failed: its status and the first line of its error."""
    return f"{failed['status']}: {(failed['error'] or 'no reason given').strip().partition(chr(10))[0]}"


def _metrics(rows: Sequence[Record], tasks: int, samples: int) -> Record:
    played = Counter(one["task"] for one in rows if one["counted"])
    unseen = [[0.0] * samples] * (tasks - len({one["task"] for one in rows}))  # tasks without any attempt
    graded = {key: shares(rows, key, samples) for key in ("success", "score")}
    won, scored = ([*told.values(), *unseen] if told or not played else [] for told in graded.values())
    lost = [[0.0] * played[task] + [1.0] * (samples - played[task]) for task in numbers(rows, "reward")]
    counts = [(len(values), round(sum(values))) for values in won if values]
    tries = range(1, min((n for n, _ in counts), default=0) + 1)
    return {
        "success": _share(won),
        "score": _share(scored),
        **{key: _mean(numbers(rows, key).values()) for key in ("reward", "turns", "tokens", "seconds")},
        "error_rate": _share([*lost, *([1.0] * samples for _ in unseen)]),
        "pass_at": {str(k): float(np.mean([pass_at(n, c, k) for n, c in counts])) for k in tries},
        "pass_hat": {str(k): float(np.mean([pass_hat(n, c, k) for n, c in counts])) for k in tries},
    }


def _categories(rows: Sequence[Record], samples: int) -> Record:
    """The success metric of every category, by name; a task whose reset never ended has none."""
    kinds = {one["task"]: one["category"] for one in rows if one["category"] is not None}
    found: dict[str, list[list[float]]] = {}
    for task, values in shares(rows, "success", samples).items():
        if task in kinds:
            found.setdefault(kinds[task], []).append(values)
    return {kind: _share(found[kind]) for kind in sorted(found)}


def _share(per_task: Iterable[Sequence[float]]) -> Record | None:
    """The metric of values in [0, 1]."""
    told = [values for values in per_task if values]
    return _metric(told, *share(told)) if told else None


def _mean(per_task: Iterable[Sequence[float]]) -> Record | None:
    """The metric of any numbers."""
    told = [values for values in per_task if values]
    return _metric(told, bootstrap(told, seed=0), "bootstrap over tasks") if told else None


def _metric(per_task: Sequence[Sequence[float]], interval: Interval, method: str) -> Record:
    low, high = interval
    mean = float(np.mean([np.mean(values) for values in per_task]))
    return {"mean": mean, "low": low, "high": high, "n": len(per_task), "method": method}


@dataclass(frozen=True, kw_only=True)
class Result:
    """A panel that was played, as training asks for it: numbers of `aggregate`, `None` where there is none."""

    success: float | None
    interval: Interval
    """95 %, of success; (0, 1) where the environment does not tell it."""
    reward: float | None
    turns: float | None
    tokens: float | None
    episodes: int
    """Episodes that count."""
    failed: int
    """Attempts that say nothing about the player, by fault of environment, engine or clock."""
    lost: int
    """Episodes without any attempt that counts."""
    errors: dict[str, int]
    """What went wrong in failed attempts, and how often."""
    seconds: float


async def run(
    benchmark: Benchmark,
    sampler: Sampler,
    seed: int,
    finished: Callable[[Group], None] = lambda group: None,
) -> Result:
    """Play every task of the benchmark; `finished` is told each group as it ends, in no fixed order.

    Raises `ValueError` where the sampler's turn limit is not the benchmark's.
    """
    check_limits(benchmark, sampler)
    began, groups = time.perf_counter(), []
    async for group in sampler.groups(benchmark.tasks, benchmark.samples, seed):
        groups.append(group)
        finished(group)
    return score(benchmark, groups, time.perf_counter() - began)


def check_limits(benchmark: Benchmark, sampler: Sampler) -> None:
    """Raise `ValueError` where the sampler's turn limit is not the benchmark's."""
    if sampler.max_turns != benchmark.max_turns:
        limits = f"{benchmark.max_turns} turns but the sampler allows {sampler.max_turns}"
        raise ValueError(f"benchmark {benchmark.name!r} is played in at most {limits}; make them equal")


def score(benchmark: Benchmark, groups: Sequence[Group], seconds: float) -> Result:
    """What the groups say, whatever order they ended in."""
    attempts = [one for group in groups for one in (*group.trajectories, *group.failed)]
    rows = in_order((row(to_record(one, tokens=True)) for one in attempts), benchmark)
    told = aggregate(rows, len(benchmark.tasks), benchmark.samples)
    metrics, counts = told["metrics"], told["counts"]
    success = metrics["success"]
    return Result(
        success=success and success["mean"],
        interval=(success["low"], success["high"]) if success else (0.0, 1.0),
        reward=metrics["reward"] and metrics["reward"]["mean"],
        turns=metrics["turns"] and metrics["turns"]["mean"],
        tokens=metrics["tokens"] and metrics["tokens"]["mean"],
        episodes=counts["counted"],
        failed=counts["failed"],
        lost=counts["lost"],
        errors=told["failures"],
        seconds=seconds,
    )


def in_order(rows: Iterable[Record], benchmark: Benchmark) -> list[Record]:
    """The rows by place in the panel and member; attempts at one episode keep their order."""
    return sorted(rows, key=by_place(benchmark))


def by_place(benchmark: Benchmark) -> Callable[[Record], tuple[int, int]]:
    """A row's place in the panel, and its member. Raises `KeyError` for a row of another panel."""
    place = {task.id: number for number, task in enumerate(benchmark.tasks)}
    return lambda one: (place[one["task"]], one["member"])
