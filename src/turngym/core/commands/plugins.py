"""Plug-ins of one's own: a package to begin with, and the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from turngym.core import config
from turngym.core.commands.common import Overrides, Seed, app, extra


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="env, agent, credit, trainer or engine.")],
    name: Annotated[str, typer.Argument(help="Its owner and its own name, as acme/shy.")],
    into: Annotated[Path, typer.Option(help="Folder to put the package's folder in.")] = Path("."),
) -> None:
    """Write a small package around a plug-in of your own, ready to install, with tests that pass."""
    from turngym.core.new import new

    files = new(kind, name, into)
    console = Console(soft_wrap=True, highlight=False)
    for file in files:
        console.print(escape(str(file)))
    console.print(f"Next: pip install -e {escape(str(files[0].parent))}")


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Id of an environment, or name of another plug-in.")],
    overrides: Overrides = None,
    kind: Annotated[
        str | None, typer.Option(help="env, agent, engine, credit or trainer; found by the name without it.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Put an environment, or a plug-in of another kind, to turngym's contract, a line per rule."""
    from turngym.trainers import checking

    sections = config.override({}, overrides or [])
    with extra("train"):
        verdicts = checking.check(name, checking.kind_of(name, kind), sections, seed=seed)
    console = Console(soft_wrap=True, highlight=False)
    for verdict in verdicts:
        mark = "[green]ok    [/]" if verdict.passed else "[bold red]broken[/]"
        console.print(f"{mark} {verdict.rule.replace('_', ' ')}  [dim]{escape(verdict.message)}[/]")
    broken = sum(not verdict.passed for verdict in verdicts)
    console.print(f"{name}: {len(verdicts) - broken} rules kept, {broken} broken")
    raise typer.Exit(1 if broken else 0)
