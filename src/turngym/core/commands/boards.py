"""Leaderboards of results, and of training runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from turngym.core.commands.common import app, extra

board_app = typer.Typer(help="Make leaderboards of results, and of training runs.", no_args_is_help=True)
app.add_typer(board_app, name="board")


@board_app.command("build")
def board_build(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results, or folders of results.")],
    out: Annotated[Path, typer.Option(help="Folder of the site.")] = Path("board"),
    title: Annotated[str, typer.Option(help="Heading of the first page.")] = "Leaderboard",
    min_tasks: Annotated[int, typer.Option(help="Entries of fewer tasks are not ranked.")] = 30,
    attach: Annotated[
        bool, typer.Option("--attach", help="Copy the results into the site, for its readers to replay.")
    ] = False,
) -> None:
    """Turn results into a leaderboard: JSON, Markdown and a static site that opens from a file."""
    with extra("board"):
        from turngym.benchmarks.board.build import build
        from turngym.benchmarks.board.site import counted

    made = build(folders, out, title=title, min_tasks=min_tasks, attach=attach)
    console = Console(soft_wrap=True, highlight=False)
    for refused in made.refused:
        console.print(f"[bold red]refused[/] {escape(refused.folder)}: {escape(refused.reason)}")
    rows = sum(len(panel.rows) for panel in made.panels)
    console.print(
        f"{counted(rows, 'result')} on {counted(len(made.panels), 'panel')}: {escape(str(out / 'index.html'))}"
    )


@board_app.command("methods")
def board_methods(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of training runs.")],
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("board"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Credit methods",
    min_seeds: Annotated[int, typer.Option(help="Methods with fewer seeds are not ranked.")] = 3,
) -> None:
    """Rank the credit methods of training runs that had one budget, over seeds."""
    with extra("board"):
        from turngym.benchmarks.board.build import build_methods

    ranked, refused = build_methods(folders, out, title=title, min_seeds=min_seeds)
    console = Console(soft_wrap=True, highlight=False)
    for one in refused:
        console.print(f"[bold red]refused[/] {escape(one.folder)}: {escape(one.reason)}")
    console.print(f"{len(ranked)} methods: {escape(str(out / 'methods.html'))}")


@board_app.command("export")
def board_export(
    result: Annotated[Path, typer.Argument(help="Folder of a result.")],
    to: Annotated[str, typer.Option(help="inspect, a log of Inspect AI, or hub, .eval_results of the Hub.")],
    out: Annotated[Path, typer.Option(help="File to write, or a folder for it.")],
    dataset: Annotated[str | None, typer.Option(help="hub: the benchmark's data set there.")] = None,
    url: Annotated[str | None, typer.Option(help="hub: where the result can be seen.")] = None,
) -> None:
    """Write a result in the format of Inspect AI or of the Hugging Face Hub."""
    from turngym.benchmarks.board.export import export

    with extra("hub"):
        file = export(result, to, out, dataset=dataset, url=url)
    Console(soft_wrap=True, highlight=False).print(escape(str(file)))
