"""What there is: plug-ins, recipes, what is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.core import config, doctor, hints, versions
from turngym.core.commands.common import app, plain_table
from turngym.core.errors import ConfigError, suggest
from turngym.core.registry import Registry, load

REGISTRIES = {
    "envs": "turngym.envs:registry",
    "executors": "turngym.envs.executors:registry",
    "agents": "turngym.agents:registry",
    "engines": "turngym.agents.engines:registry",
    "credit": "turngym.credit:registry",
    "trainers": "turngym.trainers:registry",
    "benchmarks": "turngym.benchmarks:registry",
}
RECIPES = "recipes"
DOWNLOAD = "pip install 'turngym[alfworld]', run alfworld-download, set ALFWORLD_DATA to its folder"


@app.command("list")
def list_(
    kind: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join([*REGISTRIES, RECIPES])}; all without it.")
    ] = None,
) -> None:
    """List what can be named: environments, executors, agents, engines, credit, trainers, benchmarks, recipes."""
    kinds = [*REGISTRIES, RECIPES]
    if kind is not None and kind not in kinds:
        raise ConfigError(f"there is no kind {kind!r}; {suggest(kind, kinds)}")
    for shown in [kind] if kind else kinds:
        Console().print(_recipes() if shown == RECIPES else _plugins(shown))


def _plugins(kind: str) -> Table:
    registry: Registry = load(REGISTRIES[kind])  # type: ignore[assignment]
    table = plain_table(kind)
    speed = _speeds() if kind == "envs" else {}
    for name in registry.names():
        extra = registry.extra(name)
        lacking = extra is not None and doctor.missing(extra)
        remedy = f"  [yellow]pip install 'turngym\\[{extra}]'[/]" if lacking else ""
        table.add_row(escape(name), escape(registry.about(name)) + remedy, speed.get(name, ""))
    return table


def _speeds() -> dict[str, str]:
    """Measured steps a second of the environments, which the documentation's table shows too."""
    from turngym.benchmarks.envs_table import speeds

    return speeds()


def _recipes() -> Table:
    table = plain_table(RECIPES)
    for name in config.shipped_names("trainers/recipes"):
        text = config.find_run(name).read_text(encoding="utf-8")
        first = text.partition("\n")[0]
        table.add_row(escape(name), escape(first.removeprefix("#").strip()) if first.startswith("#") else "")
    return table


@app.command("doctor")
def doctor_(
    run: Annotated[
        str | None, typer.Argument(help="A run file or recipe, to be told what would make it faster here.")
    ] = None,
) -> None:
    """Show what is installed, what is missing and how to get it, and what would be faster on this machine."""
    plan = None if run is None else config.load_run(config.find_run(run), [])
    machine = hints.this_machine()
    faster = [] if machine is None else hints.hints(machine, plan)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in [*doctor.findings(), versions.verdict(), *_games(), *faster]:
        remedy = f"  [yellow]{escape(finding.remedy)}[/]" if finding.remedy else ""
        table.add_row(f"[bold]{finding.subject}[/]", escape(finding.found) + remedy)
    Console().print(table)


def _games() -> Iterator[doctor.Finding]:
    """Whether ALFWorld's published games are where its environment looks for them."""
    from turngym.envs.household.games import PUBLISHED, load_split

    folder = os.environ.get("ALFWORLD_DATA")
    if folder is None:
        yield doctor.Finding(subject="ALFWorld", found="ALFWORLD_DATA is not set", remedy=DOWNLOAD)
        return
    for split in PUBLISHED:
        subject = f"ALFWorld {split}"
        try:
            games = load_split(split, folder)
        except (ValueError, FileNotFoundError) as error:
            yield doctor.Finding(subject=subject, found=str(error))
            continue
        faults = {} if games.canonical else {"remedy": f"these are not the published games: {DOWNLOAD}"}
        yield doctor.Finding(subject=subject, found=f"{len(games.games)} games in {folder}", **faults)
