"""How well a policy plays a fixed panel of held-out tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from turngym.agents.llm import Engine
from turngym.agents.rollout import Sampler
from turngym.benchmarks import Benchmark
from turngym.benchmarks.score import Result, run
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Trajectory

EVALUATION_SEED = derive_seed("evaluation")


@dataclass(kw_only=True)
class Panel:
    """A benchmark, what plays it, and how often training asks for it."""

    benchmark: Benchmark
    sampler: Sampler
    every: int
    """Training steps between two evaluations."""
    greedy: bool
    """Whether the first and the last evaluation also play with the likeliest tokens."""


async def evaluate(panel: Panel, engine: Engine, *, greedy: bool = False) -> tuple[Result, list[Trajectory]]:
    """Play the panel, each time with the same sampling seeds; `greedy` takes the likeliest token instead."""
    sampler = replace(panel.sampler, engine=engine, temperature=0.0 if greedy else panel.sampler.temperature)
    groups: list[Group] = []
    result = await run(panel.benchmark, sampler, EVALUATION_SEED, groups.append)
    order = {task.id: place for place, task in enumerate(panel.benchmark.tasks)}
    episodes = [episode for group in groups for episode in group.trajectories]
    return result, sorted(episodes, key=lambda episode: order[episode.task.id])


def point(result: Result) -> dict[str, float]:
    """The result as a point of a learning curve."""
    low, high = result.interval
    numbers = {
        "success": result.success,
        "reward": result.reward,
        "turns": result.turns,
        "tokens": result.tokens,
    }
    known = {name: number for name, number in numbers.items() if number is not None}
    return known | {"low": low, "high": high, "failed": result.failed, "lost": result.lost}


def standing(sampled: Result, greedy: Result | None) -> dict[str, Any]:
    """What a run's summary says of a policy."""
    said: dict[str, Any] = point(sampled) | {"interval": list(sampled.interval)}
    if greedy is not None:
        said |= {"greedy_success": greedy.success, "greedy_interval": list(greedy.interval)}
    return said
