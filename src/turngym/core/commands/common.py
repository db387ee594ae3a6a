"""What several commands share: the application, arguments, sections, extras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.core import config
from turngym.core.registry import MissingExtra

app = typer.Typer(
    name="turngym",
    help="A gym and trainer for language-model agents in which credit assignment is a plug-in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[section.key=value]...", help="Set single keys, as in a run file."),
]
EnvId = Annotated[str, typer.Argument(help="Id of an environment: turngym list envs.")]
AgentName = Annotated[str, typer.Option(help="Name of an agent: turngym list agents.")]
Seed = Annotated[int, typer.Option(help="Decides everything drawn at random.")]
ResultFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a result.")]
SuiteFile = Annotated[
    Path | None, typer.Option(help="Suite file of the panel, where it is not one of turngym list benchmarks.")
]


def plain_table(title: str) -> Table:
    """A table of three columns under a title, without lines."""
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(no_wrap=True, justify="right", style="dim")
    return table


def sections_of(overrides: list[str] | None, **defaults: config.Table) -> config.Table:
    """The sections a command knows, with the overrides applied."""
    run = config.override(defaults, overrides or [])
    config.check_sections(run, defaults)
    return run


def takes(env: str, key: str) -> bool:
    """Whether an environment has an argument of that name."""
    from turngym import envs

    name = envs.resolve(env)
    return name in envs.registry.names() and key in signature(envs.registry.get(name)).parameters


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports that an extra provides: a package that is absent is told with the line that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "turngym").startswith("turngym"):
            raise
        raise MissingExtra(f"this needs the package {error.name!r}: pip install 'turngym[{name}]'") from error


def told(done: str, faults: Sequence[str], shown: int = 20) -> None:
    """What a command did, and what it could not use."""
    console = Console(soft_wrap=True, highlight=False)
    console.print(escape(done))
    for fault in faults[:shown]:
        console.print(f"[yellow]{escape(fault)}[/]")
    if len(faults) > shown:
        console.print(f"[yellow]and {len(faults) - shown:,} more[/]")
