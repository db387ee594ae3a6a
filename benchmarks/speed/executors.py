"""Time the executors: `python -m turngym.benchmarks.speed.executors [--seconds S] [--out FOLDER]`.

A cheap environment and an expensive one, each in this process, in worker processes, behind a server of its own on this
machine and in Ray actors: two processes or actors everywhere. Told are the milliseconds of a step by a single episode,
what of them the executor adds to the same step in this process, and the steps a second of 16 episodes at once. All are
measured in turns, `--rounds` times, and the best is told, which a busy machine disturbs least. An executor whose
package is missing is left out. Writes `executors.json` and `executors.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from turngym.benchmarks.envs import machine, number
from turngym.core.registry import MissingExtra
from turngym.envs import Lender, executors, make
from turngym.envs.walk import guided

CASES = {"cheap": "turngym/Corridor-v0", "expensive": "turngym/DataTasks-v0"}
PLACES = ("this process", "processes", "openenv", "ray")
WORKERS, SLOTS = 2, 8
SEEDS = range(16)
TURNS = 8
Script = tuple[int, Sequence[str]]


@dataclass(kw_only=True)
class Figures:
    """What was measured of one environment in one place, a number a round."""

    env: str
    place: str
    step_ms: list[float] = field(default_factory=list)
    """Of a single episode."""
    steps_per_second: list[float] = field(default_factory=list)
    """Of 16 episodes at once."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=10, help="how often each is taken")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the results")
    given = parser.parse_args(arguments)
    found = [figures for env in CASES.values() for figures in measured(env, given.seconds, given.rounds)]
    told = {"machine": machine(), "figures": [asdict(one) for one in found]}
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "executors.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (given.out / "executors.md").write_text(table(found), encoding="utf-8")
    print(machine(), table(found), sep="\n\n")


def measured(env: str, seconds: float, rounds: int) -> list[Figures]:
    """An environment in every place, in turns."""
    scripts = [script(env, seed) for seed in SEEDS]
    with ExitStack() as stack:
        pools = dict(there(env, stack))
        found = {place: Figures(env=env, place=place) for place in pools}
        for place_pool in pools.values():  # what is built and started once
            asyncio.run(steps(place_pool, scripts, 0.0))
        for _ in range(rounds):
            for place, pool in pools.items():
                found[place].step_ms.append(1000 / asyncio.run(steps(pool, scripts[:1], seconds)))
                found[place].steps_per_second.append(asyncio.run(steps(pool, scripts, seconds)))
    return list(found.values())


def script(env: str, seed: int) -> Script:
    """A seed and the expert's actions from it."""
    played = make(env, expert=True)
    actions = [seen.action for seen in guided(played, seed, TURNS) if seen.action is not None]
    played.close()
    return seed, actions


def there(env: str, stack: ExitStack) -> Iterator[tuple[str, Lender]]:
    """The places that this machine has, each with its pool."""
    for place in PLACES:
        try:
            yield place, stack.enter_context(pool(place, env, stack))
        except MissingExtra as missing:
            print(f"{place} is left out: {missing}", file=sys.stderr)


def pool(place: str, env: str, stack: ExitStack) -> Lender:
    """The pool of one place. Raises `MissingExtra`."""
    if place == "this process":
        return executors.pool({"workers": 0, "slots": WORKERS * SLOTS}, env, {})
    executors.registry.get(place)  # before a server is started in vain
    section: dict[str, object] = {"name": place}
    if place == "openenv":
        section |= {"urls": [stack.enter_context(served(env))], "slots": WORKERS * SLOTS}
    else:
        section |= {"workers": WORKERS, "slots": SLOTS}
    return executors.pool(section, env, {})


@contextmanager
def served(env: str) -> Iterator[str]:
    """A server in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "turngym.core.cli",
        "serve",
        env,
        "--port",
        "0",
        f"env.workers={WORKERS}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().rpartition(" at ")[2].split()[0]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def steps(pool: Lender, scripts: Sequence[Script], seconds: float) -> float:
    """Steps a second of as many episodes at once as there are scripts, each played again and again; a reset is one."""
    begun = time.perf_counter()
    taken = await asyncio.gather(*(episodes(pool, script, begun + seconds) for script in scripts))
    return sum(taken) / (time.perf_counter() - begun)


async def episodes(pool: Lender, script: Script, until: float) -> int:
    """Play a script until a moment comes, once at least; how many steps that were."""
    seed, actions = script
    taken = 0
    async with pool.lease() as env:
        while not taken or time.perf_counter() < until:
            await env.reset(seed=seed)
            for action in actions:
                await env.step(action)
            taken += 1 + len(actions)
    return taken


def table(found: Sequence[Figures]) -> str:
    """The best rounds in Markdown; `x processes` is a place's throughput in that of the worker processes."""
    lines = [
        "| environment | where | step alone, ms | added, ms | 16 at once, steps/s | x processes |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        own = {other.place: other for other in found if other.env == one.env}
        alone, base = (min(which.step_ms) for which in (one, own["this process"]))
        rate, usual = (max(which.steps_per_second) for which in (one, own["processes"]))
        added = "" if one.place == "this process" else f"{alone - base:.3f}"
        cells = [f"`{one.env}`", one.place, f"{alone:.3f}", added, number(rate), f"{rate / usual:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
