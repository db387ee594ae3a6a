"""What rollouts ahead of training are worth: `python -m turngym.benchmarks.speed.overlap [--out FOLDER]`.

Trains the corridor on a small random transformer, with environments that answer after 0, 50 and 200 ms on average, as a
server elsewhere would, first step after step and then with `loop.ahead=1`. Each run is made with few and with more
steps; the differences are what a step takes in wall and CPU seconds, start and evaluation left out. Rounds take the two
in turns, and medians are told. A machine that others use favours the overlapped run, which has more threads.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from turngym.benchmarks.envs import machine
from turngym.core.config import Table, dump
from turngym.core.types import Info
from turngym.envs import EnvHandle, executors
from turngym.envs.base import Step
from turngym.envs.pool import Pool

LATENCIES = (0.0, 0.05, 0.2)
MODES = {"one after the other": 0, "one ahead": 1}
STEPS = (2, 10)
RUN: Table = {
    "env": {"name": "turngym/Corridor-v0", "length": 9},
    "agent": {"name": "chat"},
    "sampler": {"max_turns": 8, "max_tokens": 8},
    "model": {"name": "tiny", "hidden": 128, "layers": 3, "heads": 4, "feed_forward": 384},
    "credit": {"name": "grpo"},
    # The entropy's gradient, so that an untrained policy's equal rewards cost as much as others.
    "trainer": {"name": "policy", "max_tokens": 4096, "minibatch": 32, "entropy_coef": 1e-3},
    "loop": {"tasks_per_step": 8, "group_size": 8, "keep_equal": True, "threads": 1, "save_every": 1000},
    "eval": {"tasks": 1, "every": 1000, "greedy": False},
}
CHILD = (
    "from turngym.benchmarks.speed import overlap; overlap.offer(); from turngym.core.cli import main; main()"
)


@dataclass(frozen=True, kw_only=True)
class Spent:
    """By a run, or by one of its steps."""

    wall: float
    cpu: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for overlap.md")
    given = parser.parse_args(arguments)
    lines = [row(latency, given.rounds) for latency in LATENCIES]
    head = "| latency | steps a minute, one after the other | one ahead | gain | cores in use | one ahead |"
    told = "\n".join([machine(), "", head, "|---" * 6 + "|", *lines, ""])
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "overlap.md").write_text(told, encoding="utf-8")
    print(told)


def row(latency: float, rounds: int) -> str:
    """Both ways with one latency, in turns."""
    found = [[step(latency, ahead) for ahead in MODES.values()] for _ in range(rounds)]
    before, after = (
        Spent(
            wall=statistics.median(spent.wall for spent in runs),
            cpu=statistics.median(spent.cpu for spent in runs),
        )
        for runs in zip(*found, strict=True)
    )
    return (
        f"| {1000 * latency:.0f} ms | {60 / before.wall:.1f} | {60 / after.wall:.1f} "
        f"| {before.wall / after.wall:.2f} | {before.cpu / before.wall:.2f} | {after.cpu / after.wall:.2f} |"
    )


def step(latency: float, ahead: int) -> Spent:
    """What one training step takes."""
    few, more = (spent(latency, ahead, steps) for steps in STEPS)
    between = STEPS[1] - STEPS[0]
    return Spent(wall=(more.wall - few.wall) / between, cpu=(more.cpu - few.cpu) / between)


def spent(latency: float, ahead: int, steps: int) -> Spent:
    """What a whole run takes, in a process of its own."""
    pool = {"name": "late", "slots": 128, "latency": latency}
    run = RUN | {"pool": pool, "loop": RUN["loop"] | {"steps": steps, "ahead": ahead}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "overlap.toml"
        file.write_text(dump(run), encoding="utf-8")
        command = [sys.executable, "-c", CHILD, "train", str(file), f"out={folder}/out"]
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"the run with latency {latency} and ahead {ahead} failed; its error is above")
    return Spent(wall=time.perf_counter() - began, cpu=usage.ru_utime + usage.ru_stime)


def offer() -> None:
    """Let run files name the executor `late`."""
    executors.registry.register("late", "turngym.benchmarks.speed.overlap:LatePool")


class LatePool(Pool):
    """Environments in this process that answer late: by half to one and a half of `latency` seconds."""

    def __init__(
        self, env: str, arguments: Mapping[str, Any], /, *, slots: int = 1, latency: float = 0.0
    ) -> None:
        super().__init__(env, arguments, workers=0, slots=slots)
        self._latency, self._chance = latency, Random(0)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Any]:
        """An environment that takes its time."""
        async with super().lease() as env:
            yield Late(env, self._latency, self._chance)


class Late:
    """A lease whose answers are on their way for a while."""

    def __init__(self, env: EnvHandle, latency: float, chance: Random) -> None:
        self._env, self._latency, self._chance = env, latency, chance

    async def reset(self, *, seed: int, options: dict[str, Any]) -> tuple[str, Info]:
        """As the environment's own."""
        await self._travel()
        return await self._env.reset(seed=seed, options=options)

    async def step(self, action: str) -> Step:
        """As the environment's own."""
        await self._travel()
        return await self._env.step(action)

    async def _travel(self) -> None:
        await asyncio.sleep(self._latency * self._chance.uniform(0.5, 1.5))


if __name__ == "__main__":
    main()
