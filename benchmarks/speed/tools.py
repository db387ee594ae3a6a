"""Time the tool environments: `python -m turngym.benchmarks.speed.tools [--data FOLDER]`.

Processor time of making, resetting, stepping and paying, over the reference actions of every task; the memory of
`--many` environments of one kind at once. Without tau-bench's data only the library is timed.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import gymnasium
from rich.console import Console
from rich.table import Table

from turngym.envs import make
from turngym.envs.tools.env import ToolEnv


@dataclass(kw_only=True)
class Cost:
    """Processor time in seconds, and how often."""

    load: float = 0.0
    """The first environment of its kind, with all that is shared."""
    reset: float = 0.0
    resets: int = 0
    step: float = 0.0
    steps: int = 0
    end: float = 0.0
    """The last steps, which compare databases and pay."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default=os.environ.get("TAU_BENCH_DATA"), help="folder with tau-bench's data"
    )
    parser.add_argument("--tasks", type=int, default=200, help="tasks of each environment")
    parser.add_argument("--many", type=int, default=128, help="environments at once")
    given = parser.parse_args(arguments)
    table = Table("environment", "first made", "reset", "step", "last step", "steps/s", "many: memory")
    for title, name, kwargs in kinds(given.data):
        cost = measure(name, kwargs, given.tasks)
        table.add_row(*row(title, cost), f"{given.many}: {memory_of(name, kwargs, given.many):.0f} MB")
    Console(width=110).print(table)


def kinds(data: str | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What is timed: titles and ids with arguments."""
    for level in ("easy", "hard"):
        yield f"Library, {level}", "turngym/Library-v0", {"level": level}
    if data is not None:
        yield "TauRetail", "turngym/TauRetail-v0", {"data": data}
        yield "TauAirline", "turngym/TauAirline-v0", {"data": data}


def measure(name: str, kwargs: dict[str, Any], tasks: int) -> Cost:
    """The expert's episodes."""
    cost, start = Cost(), time.process_time()
    env = make(name, expert=True, **kwargs)
    cost.load = time.process_time() - start
    assert isinstance(env.unwrapped, ToolEnv)
    for task in islice(env.unwrapped.domain.ids, tasks):
        _play(env, task, cost)
    return cost


def _play(env: gymnasium.Env[Any, Any], task: str, cost: Cost) -> None:
    start = time.process_time()
    _, info = env.reset(seed=0, options={"task": task})
    cost.reset += time.process_time() - start
    cost.resets += 1
    while "expert" in info:
        start = time.process_time()
        _, _, over, _, info = env.step(info["expert"])
        took = time.process_time() - start
        cost.step += took
        cost.steps += 1
        cost.end += took if over else 0.0


def memory_of(name: str, kwargs: dict[str, Any], count: int) -> float:
    """How much the peak memory of this process grows with `count` environments in an episode, in megabytes."""
    before = _peak()
    envs = [make(name, **kwargs) for _ in range(count)]
    for seed, env in enumerate(envs):
        env.reset(seed=seed)
    return _peak() - before


def _peak() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def row(title: str, cost: Cost) -> tuple[str, ...]:
    """A line of the table."""
    reset, step, end = cost.reset / cost.resets, cost.step / cost.steps, cost.end / cost.resets
    times = (f"{1e3 * seconds:.2f} ms" for seconds in (cost.load, reset, step, end))
    return title, *times, f"{cost.steps / (cost.step + cost.reset):,.0f}"


if __name__ == "__main__":
    main()
