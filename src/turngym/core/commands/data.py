"""Data in and out: episodes as data sets, catalogues of a shop."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from turngym.core.commands.common import AgentName, Overrides, Seed, app, sections_of, told
from turngym.core.errors import ConfigError

data_app = typer.Typer(help="Prepare data that an environment reads.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@app.command("export")
def export_(
    source: Annotated[
        Path, typer.Argument(help="A file of episodes, or the folder of a result or of a training run.")
    ],
    out: Annotated[Path, typer.Option(help="File to write: *.jsonl or *.parquet.")],
    overrides: Overrides = None,
    to: Annotated[str, typer.Option(help="sft, preference or steps.")] = "sft",
    agent: AgentName = "chat",
    as_seen: Annotated[
        bool, typer.Option("--as-seen", help="The stored prompts, word for word, instead of an agent's.")
    ] = False,
    form: Annotated[str, typer.Option(help="How an action is a reply where none is stored.")] = "{action}",
    rows: Annotated[str | None, typer.Option(help="A row per `episode` or per `turn`.")] = None,
    method: Annotated[str | None, typer.Option(help="Credit method of the steps.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Keep lost episodes in sft.")] = False,
) -> None:
    """Write episodes as a data set for `datasets` and TRL: conversations, preference pairs, step rewards."""
    from turngym.benchmarks import export

    section = sections_of(overrides, agent={"name": agent})["agent"]
    player = None if as_seen else export.player(section)
    summary = export.export(
        source, out, to, agent=player, form=form, rows=rows, method=method, everything=everything
    )
    told(f"{summary.written:,} rows in {out}; {summary.left_out:,} episodes left out", summary.faults)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A JSON list, JSON lines or one JSON object.")],
    format: Annotated[str, typer.Option(help="eto, react or sharegpt.")],
    env: Annotated[str, typer.Option(help="The environment that was played.")],
    out: Annotated[Path, typer.Option(help="File of episodes to write.")],
    reply: Annotated[
        str | None, typer.Option(help="Where the action stands in a reply: plain, tags, react.")
    ] = None,
    reward: Annotated[float | None, typer.Option(help="Of trajectories that do not tell theirs.")] = None,
) -> None:
    """Read other people's trajectories as episodes; records that hold none are told by number."""
    from turngym.benchmarks.export import imports

    summary = imports.import_file(file, out, format=format, env=env, reply=reply, reward=reward)
    unrewarded = f"; {summary.unrewarded:,} tell no reward, which is 0 there" if summary.unrewarded else ""
    told(f"{summary.written:,} episodes in {out}{unrewarded}", summary.faults)


@data_app.command("webshop")
def data_webshop(
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="More files.")] = None,
    source: Annotated[
        list[Path] | None, typer.Option("--from", help="WebShop's files, or the folder that has them.")
    ] = None,
    generate: Annotated[int | None, typer.Option(help="Make so many products instead.")] = None,
    nouns: Annotated[bool, typer.Option(help="Find the nouns of titles, which the reward reads.")] = True,
    out: Annotated[Path, typer.Option(help="New folder to write to.")] = Path("webshop-data"),
    seed: Seed = 0,
) -> None:
    """Check and index a catalogue for WebShop: the original files, or generated products."""
    from turngym.envs.webshop import data

    paths = [*(source or []), *(more or [])]
    if bool(paths) == (generate is not None):
        raise ConfigError("say where the products come from: --from FILES, or --generate NUMBER")
    console = Console(soft_wrap=True, highlight=False)
    with console.status("reading") as status:
        told = partial(_counted, status)
        if generate is None:
            summary = data.prepare(paths, out, nouns=nouns, progress=told)
        else:
            summary = data.generate(generate, seed, out, progress=told)
    console.print(escape(str(summary)))


def _counted(status: Any, done: int) -> None:
    status.update(f"{done:,} products")
