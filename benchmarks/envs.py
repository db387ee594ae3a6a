"""Time every environment: `python -m turngym.benchmarks.envs [ID]... [--seconds S] [--many N] [--json FILE]`.

Each case of `envs.toml` runs in a process of its own: eight short episodes, half an expert's where there is one
and half random, are written down once and then replayed for a while. A crowd of environments, which share these
eight tasks as the groups of a training step do, is then played at once in one process per core. What cannot run
here is told with what it lacks.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import inspect
import json
import multiprocessing
import os
import platform
import statistics
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym import envs
from turngym.envs.walk import Seen, guided, walk

TURNS = 30
Script = tuple[int, list[str]]
"""A seed and the actions that follow its reset."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """An environment with arguments that is to be timed."""

    id: str
    name: str = ""
    """What tells it from another case of the id."""
    arguments: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    """The environment variable that holds the folder of its data, handed over as `data`."""
    needs: str = ""
    """What a user has to have, beside the packages of the extra."""
    page: str = ""
    """Its page, below `docs`."""
    clock: str = "cpu"
    """`cpu`: processor seconds of this process; `wall`, where the engine runs in a process beside it."""
    original: str = ""
    """The title of the case that plays the same by the original engine."""
    crowd: bool = True
    """Whether many of them are to be played at once."""

    @property
    def title(self) -> str:
        return f"{self.id} {self.name}".strip()


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one case costs; `problem` stands alone where it could not run."""

    title: str
    original: str = ""
    """The title of the case that plays the same by the original engine."""
    problem: str = ""
    steps_per_second: float = 0.0
    """One environment on one core."""
    reset_ms: float = 0.0
    """Median of resets to starts that were seen before."""
    first_ms: float = 0.0
    """To build the environment and to reset it for the first time."""
    memory_mb: float = 0.0
    """Proportional share of memory of the process with one environment, and of the processes it started."""
    crowd: int = 0
    """Environments played at once in one process per core."""
    crowd_steps_per_second: float = 0.0
    """Of all of them together, by the wall clock, pipes included."""
    crowd_mb: float = 0.0
    """Of all their processes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ids", nargs="*", help="measure these alone; a part of the title is enough")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each case is replayed")
    parser.add_argument("--many", type=int, default=128, help="environments at once; 0 for none")
    parser.add_argument("--json", type=Path, help="merge the figures into this file")
    given = parser.parse_args(arguments)
    found = [figures for case in chosen(given.ids) for figures in [measured(case, given.seconds, given.many)]]
    Console(width=160).print(table(found))
    if given.json:
        merge(given.json, found)


def chosen(parts: Sequence[str]) -> Iterator[Case]:
    """The cases whose title contains one of the parts; all of them without parts."""
    text = files("turngym").joinpath("benchmarks/envs.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(text)["case"]:
        case = Case(**entry)
        if not parts or any(part.lower() in case.title.lower() for part in parts):
            yield case


def measured(case: Case, seconds: float, many: int) -> Figures:
    """The figures of one case, taken in fresh processes."""
    if case.data and not os.environ.get(case.data):
        return Figures(title=case.title, problem=f"set {case.data} to the folder of {case.needs}")
    try:
        alone = _apart(one, case, seconds)
        together: dict[str, Any] = asyncio.run(crowd(case, many)) if many and case.crowd else {}
    except Exception as error:
        return Figures(title=case.title, problem=f"{type(error).__name__}: {error}"[:300])
    return Figures(title=case.title, original=case.original, **alone, **together)


def _apart(function: Any, *arguments: Any) -> Any:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(function, *arguments).result()


def one(case: Case, seconds: float) -> dict[str, float]:
    """Steps a second, reset times and memory of one environment in this process."""
    scripts = _scripts(case)
    gc.collect()
    clock = time.process_time if case.clock == "cpu" else time.perf_counter
    begun = clock()
    env = envs.make(case.id, **_arguments(case))
    env.reset(seed=scripts[0][0])
    first = clock() - begun
    for seed, _ in scripts:
        env.reset(seed=seed)
    resets: list[float] = []
    steps, stepping, until = 0, 0.0, time.perf_counter() + seconds
    for seed, actions in cycle(scripts):
        before = clock()
        env.reset(seed=seed)
        started = clock()
        for action in actions:
            env.step(action)
        resets.append(started - before)
        stepping += clock() - started
        steps += len(actions)
        if time.perf_counter() > until:
            break
    memory = _memory([os.getpid()])
    env.close()
    return {
        "steps_per_second": steps / max(stepping, 1e-9),
        "reset_ms": 1000 * statistics.median(resets),
        "first_ms": 1000 * first,
        "memory_mb": memory,
    }


def _scripts(case: Case) -> list[Script]:
    """Eight short episodes: four of the expert's where there is one, the rest random."""
    plain = envs.factory(case.id, **_arguments(case))
    hinted = "expert" in inspect.signature(plain).parameters
    env = plain(expert=True) if hinted else plain()  # type: ignore[call-arg]
    told = [list(guided(env, seed, TURNS) if hinted else walk(env, seed, turns=TURNS)) for seed in range(4)]
    told += [list(walk(env, seed, turns=TURNS)) for seed in range(4, 8)]
    env.close()
    return [(seed, _actions(calls)) for seed, calls in enumerate(told)]


def _actions(calls: Sequence[Seen]) -> list[str]:
    return [call.action for call in calls if call.action is not None]


async def crowd(case: Case, many: int) -> dict[str, Any]:
    """`many` environments at once in one process a core."""
    cores = len(os.sched_getaffinity(0))
    scripts = await asyncio.to_thread(_apart, _scripts, case)
    arguments = _arguments(case)
    async with envs.Pool(case.id, workers=cores, slots=-(-many // cores), timeout=600, **arguments) as pool:
        ready, go = asyncio.Semaphore(0), asyncio.Event()
        players = [
            asyncio.create_task(_play(pool, script, ready, go)) for script in islice(cycle(scripts), many)
        ]
        for _ in players:
            await ready.acquire()
        begun = time.perf_counter()
        go.set()
        steps = sum(await asyncio.gather(*players))
        wall = time.perf_counter() - begun
        memory = _memory(pool.pids)
    return {"crowd": many, "crowd_steps_per_second": steps / wall, "crowd_mb": memory}


async def _play(pool: envs.Pool, script: Script, ready: asyncio.Semaphore, go: asyncio.Event) -> int:
    seed, actions = script
    async with pool.lease() as env:
        await env.reset(seed=seed)
        ready.release()
        await go.wait()
        for action in actions:
            await env.step(action)
    return len(actions)


def _memory(pids: Sequence[int]) -> float:
    """Megabytes of the processes and all they started; pages that several share count once."""
    return sum(_share(pid) for pid in _family(pids)) / 1024


def _family(pids: Sequence[int]) -> set[int]:
    family, fresh = set[int](), set(pids)
    while fresh:
        family |= fresh
        fresh = {child for pid in fresh for child in _children(pid)} - family
    return family


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _share(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _arguments(case: Case) -> dict[str, Any]:
    data = {"data": os.environ[case.data]} if case.data else {}
    return {**case.arguments, **data}


def table(found: Sequence[Figures]) -> Table:
    """A row for each case."""
    columns = (
        "environment",
        "steps/s",
        "reset, ms",
        "first, ms",
        "memory, MB",
        "original",
        "at once",
        "steps/s",
        "memory, MB",
    )
    shown = Table(*columns, title=machine())
    speeds = {one.title: one.steps_per_second for one in found if not one.problem}
    for one in found:
        shown.add_row(escape(one.title), *_cells(one, speeds.get(one.original)))
    return shown


def _cells(one: Figures, original: float | None) -> list[str]:
    """`original` is how many steps a second the original engine does, where it ran too."""
    if one.problem:
        return [f"[yellow]{escape(one.problem)}[/]"]
    alone = [number(value) for value in (one.steps_per_second, one.reset_ms, one.first_ms, one.memory_mb)]
    alone.append(f"{number(one.steps_per_second / original)} x" if original else "")
    together = [str(one.crowd), number(one.crowd_steps_per_second), number(one.crowd_mb)] if one.crowd else []
    return [*alone, *together]


def number(value: float) -> str:
    """Two or three digits that count: 0.035, 1.2, 58, 12,300."""
    if value >= 1000:
        return f"{round(value, -2):,.0f}"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def merge(path: Path, found: Sequence[Figures]) -> None:
    """Put the figures of what ran into a record, in the place of older ones of the same title."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known |= {one.title: {**asdict(one), "machine": machine()} for one in found if not one.problem}
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def machine() -> str:
    """What this machine is, for people who compare figures."""
    return f"{len(os.sched_getaffinity(0))} cores ({_processor()}), Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


if __name__ == "__main__":
    main()
