"""What `turngym verify` and `turngym replay` show, and the level that they leave beside a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from turngym.benchmarks import Benchmark, arguments, entrant, strict
from turngym.benchmarks.levels import VERIFIED, write_level
from turngym.benchmarks.replay import Replayed, choose, replay
from turngym.benchmarks.result import Record
from turngym.benchmarks.strict import shown
from turngym.benchmarks.verify import Verdict, known_panel, unequal, verify
from turngym.core import config
from turngym.core.errors import ConfigError
from turngym.envs import executors

SHOWN = 50
"""Differences that are printed; the number of all is told."""
SLOTS = {"workers": 2, "slots": 4}
"""Environments at once, unless the user says otherwise."""


def verified(folder: Path, suite: Path | None = None) -> bool:
    """Verify a result, print what differs and leave its level; whether nothing does."""
    verdict = _verdict(folder, suite)
    _print(verdict.differences, verdict.notes)
    level = "self" if verdict.differences else "recomputed"
    _leave(folder, verdict, level, Replayed())
    return not verdict.differences


def replayed(
    folder: Path,
    suite: Path | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    pool: config.Table | None = None,
) -> bool:
    """Verify a result and step its actions again, print what differs and leave its level; whether nothing does.

    Raises `ConfigError` where the panel is not known here, or another.
    """
    verdict = _verdict(folder, suite)
    _print(verdict.differences, [])
    if verdict.id is None:
        return False
    record = strict.record(folder)
    benchmark = known_panel(record, suite)
    if benchmark is None:
        raise ConfigError(f"{verdict.notes[0]}: no environment is made from what a result says of itself")
    here = entrant.environment(benchmark)
    again = _replay(folder, record, benchmark, choose(record, verdict.episodes, sample, seed), pool or {})
    again.differences[:0] = unequal(record["env"]["data"], here["data"], "env.data", "here it is")
    stepped = f"{again.episodes:,} of {verdict.episodes:,} stepped"
    _print(again.differences, [*_versions(record["env"]["packages"], here["packages"]), stepped])
    _leave(folder, verdict, _level(verdict, again), again)
    return not verdict.differences and not again.differences


def _verdict(folder: Path, suite: Path | None) -> Verdict:
    if not folder.is_dir():
        raise ConfigError(
            f"there is no folder {folder}; give one that turngym run BENCHMARK --out has filled"
        )
    return verify(folder, suite)


def _level(verdict: Verdict, again: Replayed) -> str:
    if verdict.differences or again.differences:
        return "self"
    return "replayed" if again.episodes == verdict.episodes else "recomputed"


def _replay(
    folder: Path, record: Record, benchmark: Benchmark, chosen: set[int], pool: config.Table
) -> Replayed:
    made_with = arguments(benchmark.env)
    columns: Sequence[Any] = (
        TextColumn("[bold]replay"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} episodes"),
        TimeElapsedColumn(),
    )
    with (
        executors.pool(
            pool if "name" in pool else SLOTS | pool, benchmark.env["name"], made_with
        ) as environments,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task("replay", total=len(chosen))
        return replay(folder, record, benchmark, environments, chosen, lambda: progress.advance(bar))


def _versions(there: Record, here: Record) -> Iterator[str]:
    for name, version in there.items():
        if here.get(name) != version:
            yield f"it was played with {shown(name)} {shown(version)}; here is {shown(here.get(name))}"


def _print(differences: Sequence[str], notes: Sequence[str]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for difference in differences[:SHOWN]:
        console.print(f"[bold red]differs[/] {escape(strict.printable(difference))}")
    if len(differences) > SHOWN:
        console.print(f"[bold red]differs[/] and {len(differences) - SHOWN:,} times more")
    for note in notes:
        console.print(f"[yellow]note   [/] {escape(strict.printable(note))}")


def _leave(folder: Path, verdict: Verdict, level: str, again: Replayed) -> None:
    console = Console(soft_wrap=True, highlight=False)
    if verdict.id is None:
        return
    differences = [*verdict.differences, *again.differences]
    console.print(f"[bold]{level}[/]: {escape(shown(verdict.id))}, {len(differences)} differences")
    try:
        counts = {"episodes": verdict.episodes, "replayed": again.episodes}
        write_level(folder, verdict.id, level, **counts, differences=differences)
    except OSError as error:
        console.print(f"[yellow]note   [/] {VERIFIED} is not written: {escape(str(error))}")
