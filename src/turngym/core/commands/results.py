"""What a result is worth: checked, compared, looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from turngym.core.commands.common import (
    Overrides,
    ResultFolder,
    Seed,
    SuiteFile,
    app,
    extra,
    sections_of,
    takes,
)
from turngym.core.commands.model import brain_of


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder of a result.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Folder of another on the same panel.")],
    metric: Annotated[str, typer.Option(help="success, score or reward.")] = "success",
) -> None:
    """Say whether one entrant beats another on the same panel, or whether it is a tie."""
    from turngym.benchmarks.compare import compare
    from turngym.benchmarks.result import read_result

    comparison = compare(read_result(first), read_result(second), metric)
    Console(soft_wrap=True, highlight=False).print(escape(str(comparison)))


@app.command()
def verify(folder: ResultFolder, suite: SuiteFile = None) -> None:
    """Compute every aggregate, digest and id of a result again from its episodes; list what differs."""
    from turngym.benchmarks import audit

    raise typer.Exit(0 if audit.verified(folder, suite) else 1)


@app.command()
def replay(
    folder: ResultFolder,
    overrides: Overrides = None,
    sample: Annotated[int | None, typer.Option(help="Step so many attempts, drawn by --seed.", min=1)] = None,
    suite: SuiteFile = None,
    seed: Seed = 0,
) -> None:
    """Verify a result, then step its actions again in the real environment, without a model; list what differs."""
    from turngym.benchmarks import audit

    pool = sections_of(overrides, pool={})["pool"]
    raise typer.Exit(0 if audit.replayed(folder, suite, sample=sample, seed=seed, pool=pool) else 1)


@app.command()
def reproduce(
    folder: ResultFolder,
    out: Annotated[Path, typer.Option(help="Folder of the new result.")],
    overrides: Overrides = None,
    model: Annotated[str | None, typer.Option(help="The weights that played, as for run.")] = None,
    suite: SuiteFile = None,
) -> None:
    """Run a result again from its own record, and say what came out the same."""
    from turngym.benchmarks import entrant, panel, reproduce

    first, chosen = reproduce.sound(folder, suite)
    sections = reproduce.sections(first.record, overrides or [])
    reproduce.check_model(first.record, model)
    brain = {} if model is None else brain_of(model, sections["engine"])
    expert = sections["agent"]["name"] == "expert" and takes(chosen.env["name"], "expert")
    given = {"seed": first.record["seed"], "model": model, "trained_on": first.record["trained_on"]}
    with panel.player(chosen, sections, info={"expert": True} if expert else {}, **brain) as sampler:
        plan = entrant.plan(chosen, sections, sampler, **given)
        reproduce.check_weights(first.record, plan)
        second = panel.play(chosen, sampler, plan, out=out)
    found = reproduce.compare(first, second)
    Console(soft_wrap=True, highlight=False).print(escape(str(found)))
    raise typer.Exit(0 if found.holds else 1)


@app.command()
def credit(
    episodes: Annotated[Path, typer.Argument(help="A file of episodes: episodes.jsonl of a run.")],
    method: Annotated[
        list[str] | None, typer.Option(help="A method, or '{name = \"hgpo\", depth = 4}'; may be repeated.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the credit as coloured bars into this file.")] = None,
    limit: Annotated[int | None, typer.Option(help="Show so many episodes.")] = None,
) -> None:
    """Show what credit methods give to every turn of stored episodes, side by side."""
    from turngym.benchmarks import credit_table

    with extra("train"):
        credit_table.main(episodes, method or ["grpo", "gigpo", "hgpo"], picture=png, limit=limit)


@app.command()
def view(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN", help="A training run's folder, a result directory, a file of episodes."
        ),
    ],
    port: Annotated[
        int, typer.Option(help="Port to listen on, on this machine alone; 0 takes a free one.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Write one page instead, which needs no server.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="A credit method to show at first; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Episodes of a run that the written page keeps.")] = 500,
) -> None:
    """Look at episodes turn by turn, with the credit that methods give, in a browser."""
    from turngym.benchmarks.viewer import view as viewer

    viewer.main(runs, method or (), port=port, out=out, limit=limit)
