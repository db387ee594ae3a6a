"""Play a benchmark's tasks and say how well it went, and how sure that is."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from turngym.agents.rollout import Sampler
from turngym.benchmarks import Benchmark
from turngym.benchmarks.stats import Interval, bootstrap, wilson
from turngym.core.types import Group, Trajectory


@dataclass(frozen=True, kw_only=True)
class Result:
    """One entrant on one benchmark. Means are over the episodes that count; `None` where there is none."""

    benchmark: str
    digest: str
    entrant: dict[str, Any]
    """Who played: agent, engine, model and their settings."""
    seed: int
    success: float | None
    """Mean over tasks of the share of episodes won, where the environment says whether they were."""
    interval: Interval
    """95 %: see `success_rate`."""
    episodes: int
    """Episodes that count."""
    failed: int
    """Attempts that say nothing about the player, by fault of environment, engine or clock."""
    lost: int
    """Episodes that were planned and are missing from every mean, since no attempt at them counts."""
    errors: dict[str, int]
    """What went wrong in failed attempts, and how often."""
    reward: float | None
    turns: float | None
    tokens: float | None
    """Sampled tokens of an episode."""
    seconds: float

    def to_json(self) -> str:
        """The result as indented JSON text."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


async def run(
    benchmark: Benchmark,
    sampler: Sampler,
    entrant: Mapping[str, Any],
    seed: int,
    finished: Callable[[Group], None] = lambda group: None,
) -> Result:
    """Play every task of the benchmark; `finished` is told each group as it ends, in no fixed order.

    Raises `ValueError` where the sampler's turn limit is not the benchmark's.
    """
    if sampler.max_turns != benchmark.max_turns:
        limits = f"{benchmark.max_turns} turns but the sampler allows {sampler.max_turns}"
        raise ValueError(f"benchmark {benchmark.name!r} is played in at most {limits}; make them equal")
    start, groups = time.perf_counter(), []
    async for group in sampler.groups(benchmark.tasks, benchmark.samples, seed):
        groups.append(group)
        finished(group)
    return score(benchmark, groups, entrant, seed, time.perf_counter() - start)


def score(
    benchmark: Benchmark, groups: Sequence[Group], entrant: Mapping[str, Any], seed: int, seconds: float
) -> Result:
    """The result of the groups that were played."""
    episodes = [episode for group in groups for episode in group.trajectories]
    failed = [episode for group in groups for episode in group.failed]
    success, interval = success_rate(groups, benchmark.samples)
    return Result(
        benchmark=benchmark.name,
        digest=benchmark.digest,
        entrant=dict(entrant),
        seed=seed,
        success=success,
        interval=interval,
        episodes=len(episodes),
        failed=len(failed),
        lost=len(benchmark.tasks) * benchmark.samples - len(episodes),
        errors=dict(Counter(f"{episode.status}: {episode.error}" for episode in failed).most_common()),
        reward=_mean(episode.reward for episode in episodes),
        turns=_mean(len(episode.turns) for episode in episodes),
        tokens=_mean(sampled_tokens(episode) for episode in episodes),
        seconds=seconds,
    )


def success_rate(groups: Sequence[Group], samples: int) -> tuple[float | None, Interval]:
    """Mean over tasks of their share of won episodes, with its 95 % interval.

    Where every episode, or none, was won, a bootstrap sees no spread; Wilson's interval over tasks stands in.
    Groups end in any order, which the answer does not depend on.
    """
    tasks = sorted(groups, key=lambda group: group.task.id)
    per_task = [[float(e.success) for e in group.trajectories if e.success is not None] for group in tasks]
    rate = _mean(float(np.mean(shares)) for shares in per_task if shares)
    if samples > 1 and rate not in (None, 0.0, 1.0):
        return rate, bootstrap(per_task, seed=0)
    tasks_won = [shares[0] for shares in per_task if shares]
    return rate, wilson(int(sum(tasks_won)), len(tasks_won))


def sampled_tokens(episode: Trajectory) -> int:
    """How many tokens the model sampled in an episode."""
    return sum(len(call.action_ids) for turn in episode.turns for call in turn.calls)


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return float(np.mean(listed)) if listed else None
