"""Play, score, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.core import config
from turngym.core.commands.common import (
    AgentName,
    EnvId,
    Overrides,
    Seed,
    app,
    extra,
    plain_table,
    sections_of,
    takes,
)
from turngym.core.commands.model import brain_of


@app.command()
def play(env: EnvId, overrides: Overrides = None, agent: AgentName = "window", seed: Seed = 0) -> None:
    """Play an environment yourself, in the place of an agent's model; /help says how."""
    from turngym import agents, envs
    from turngym.agents.play import play, reply_form

    sections = sections_of(overrides, env={}, agent={"name": agent})
    player = config.build(agents.registry, sections["agent"], "agent")
    form = reply_form(agents.registry.get(sections["agent"]["name"]), sections["agent"])
    hints = {"expert": True} if takes(env, "expert") else {}
    made = config.construct(envs.factory(env, **(hints | sections["env"])), "env")
    play(made, player, seed=seed, form=form)


@app.command()
def run(
    benchmark: Annotated[str, typer.Argument(help="Name of a benchmark, or the path of a suite file.")],
    overrides: Overrides = None,
    agent: AgentName = "expert",
    engine: Annotated[str, typer.Option(help="What runs the model: turngym list engines.")] = "hf",
    model: Annotated[
        str | None, typer.Option(help="Folder or hub name of the weights, or the name on a server.")
    ] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(help="What the model was trained on: none, train_split, this_panel or unknown."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the result; one with a part goes on.")] = None,
    seed: Seed = 0,
) -> None:
    """Play a benchmark and score the player, with a 95 % interval."""
    from turngym.benchmarks import entrant, find, panel

    one_by_one = {"workers": 0, "slots": 1} if agent == "human" else {}
    sections = sections_of(
        overrides, agent={"name": agent}, engine={"name": engine}, pool=one_by_one, sampler={}
    )
    chosen = find(benchmark)
    brain = {} if model is None else brain_of(model, sections["engine"])
    hints = {"expert": True} if agent == "expert" and takes(chosen.env["name"], "expert") else {}
    with panel.player(chosen, sections, info=hints, **brain) as sampler:
        plan = entrant.plan(chosen, sections, sampler, seed=seed, model=model, trained_on=trained_on)
        result = panel.play(chosen, sampler, plan, out=out).record
    Console().print(panel.table(result))
    raise typer.Exit(1 if result["counts"]["lost"] else 0)


@app.command()
def train(
    run: Annotated[
        str, typer.Argument(help="A run file (.toml) or the name of a recipe: turngym list recipes.")
    ],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard files too.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Write traces of two steps too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Build everything but the weights.")] = False,
) -> None:
    """Train as a run file says; out=DIR and seed=N are short for what they name."""
    assignments, out = _split_out(overrides or [])
    path = config.find_run(run)
    plan = config.load_run(path, assignments)

    with extra("train"):
        from turngym.trainers.run import rehearse, train_run

    if dry_run:
        Console(soft_wrap=True).print(_built(rehearse(plan)))
        return
    folder = out or Path("runs") / path.stem
    train_run(plan, folder, resume=resume, tensorboard=tensorboard, profile=profile)


def _built(parts: dict[str, str]) -> Table:
    table = plain_table("built, all but the weights")
    for name, text in parts.items():
        table.add_row(f"[bold]{name}[/]", escape(text))
    return table


def _split_out(overrides: Sequence[str]) -> tuple[list[str], Path | None]:
    """The overrides without `out=DIR`, and that folder."""
    folders = [Path(text.removeprefix("out=")) for text in overrides if text.startswith("out=")]
    rest = [text for text in overrides if not text.startswith("out=")]
    return rest, folders[-1] if folders else None
