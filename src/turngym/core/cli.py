"""The command `turngym`: the one place that knows every folder, each imported by the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.core import config, doctor
from turngym.core.errors import ConfigError, UserError, suggest
from turngym.core.registry import Registry, load

REGISTRIES = {
    "envs": "turngym.envs:registry",
    "agents": "turngym.agents:registry",
    "engines": "turngym.agents.engines:registry",
    "credit": "turngym.credit:registry",
    "trainers": "turngym.trainers:registry",
    "benchmarks": "turngym.benchmarks:registry",
}
RECIPES = "recipes"

app = typer.Typer(
    name="turngym",
    help="A gym and trainer for language-model agents in which credit assignment is a plug-in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[section.key=value]...", help="Set single keys, as in a run file.")
]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.")]
Seed = Annotated[int, typer.Option(help="Decides everything drawn at random.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a mistake of the user's is told in one sentence, with exit code 2."""
    try:
        app(args=arguments)
    except UserError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]turngym:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)


@app.command("list")
def list_(
    kind: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join([*REGISTRIES, RECIPES])}; all without it.")
    ] = None,
) -> None:
    """List what can be named: environments, agents, engines, credit, trainers, benchmarks, recipes."""
    kinds = [*REGISTRIES, RECIPES]
    if kind is not None and kind not in kinds:
        raise ConfigError(f"there is no kind {kind!r}; {suggest(kind, kinds)}")
    for shown in [kind] if kind else kinds:
        Console().print(_recipes() if shown == RECIPES else _plugins(shown))


def _plugins(kind: str) -> Table:
    registry: Registry = load(REGISTRIES[kind])  # type: ignore[assignment]
    table = _table(kind)
    for name in registry.names():
        extra = registry.extra(name)
        lacks = f"  [yellow]needs: pip install 'turngym\\[{extra}]'[/]" if extra and doctor.missing(extra) else ""
        table.add_row(escape(name), escape(registry.about(name)) + lacks)
    return table


def _recipes() -> Table:
    table = _table(RECIPES)
    for name in config.shipped_names("trainers/recipes"):
        text = config.find_run(name).read_text(encoding="utf-8")
        first = text.partition("\n")[0]
        table.add_row(escape(name), escape(first.removeprefix("#").strip()) if first.startswith("#") else "")
    return table


def _table(kind: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title=kind, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    return table


@app.command()
def check(env: Annotated[str, typer.Argument(help="Id of an environment.")], overrides: Overrides = None) -> None:
    """Put an environment through Gymnasium's checker and turngym's contract."""
    raise NotImplementedError


@app.command()
def train(
    run: Annotated[str, typer.Argument(help="A run file (.toml) or the name of a recipe: turngym list recipes.")],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint in out.")] = False,
) -> None:
    """Train as a run file says; out=DIR and seed=N are short for what they name."""
    from turngym.trainers.run import train_run

    assignments, out = _split_out(overrides or [])
    path = config.find_run(run)
    train_run(config.load_run(path, assignments), out or Path("runs") / path.stem, resume=resume)


def _split_out(overrides: Sequence[str]) -> tuple[list[str], Path | None]:
    """The overrides without `out=DIR`, and that folder."""
    folders = [Path(text.removeprefix("out=")) for text in overrides if text.startswith("out=")]
    rest = [text for text in overrides if not text.startswith("out=")]
    return rest, folders[-1] if folders else None


@app.command("doctor")
def doctor_() -> None:
    """Show what is installed, what is missing and how to get it."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in doctor.findings():
        remedy = f"  [yellow]{escape(finding.remedy)}[/]" if finding.remedy else ""
        table.add_row(f"[bold]{finding.subject}[/]", escape(finding.found) + remedy)
    Console().print(table)


if __name__ == "__main__":
    main()
