"""Fill a folder with a board."""

from __future__ import annotations

import json
import shutil
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from turngym.benchmarks.board import methods_page, site
from turngym.benchmarks.board.document import document
from turngym.benchmarks.board.entries import Refused, collect
from turngym.benchmarks.board.markdown import markdown
from turngym.benchmarks.board.methods import Method, methods
from turngym.benchmarks.board.methods import document as methods_document
from turngym.benchmarks.board.rows import Board, board
from turngym.benchmarks.board.runs import collect as collect_runs
from turngym.benchmarks.result import EPISODES, RESULT, TRACES
from turngym.core.errors import ConfigError, PrerequisiteError

LEADERBOARD, METHODS = "leaderboard.json", "methods.json"


def build(
    places: Iterable[Path],
    out: Path,
    *,
    title: str = "Leaderboard",
    min_tasks: int = 30,
    attach: bool = False,
) -> Board:
    """Fill the folder `out` with the site of the results in the directories, in place of an earlier one.

    min_tasks: entries of fewer tasks are listed apart.
    attach: copy the result directories into the site, so that its readers can verify and replay them.

    Raises `PrerequisiteError` where a place has no result, `ConfigError` where `out` holds something else.
    """
    made = board(*collect(places), min_tasks=min_tasks)
    data = {LEADERBOARD: _json(document(made)), "leaderboard.md": markdown(made)}
    pages = site.pages(made, title=title, attached=attach)
    _claim(out)
    _write(out, data | pages)
    _forget(out, pages)
    if attach:
        _attach(made, out / site.ATTACHED)
    return made


def build_methods(
    folders: Iterable[Path], out: Path, *, title: str = "Credit methods", min_seeds: int = 3
) -> tuple[list[Method], list[Refused]]:
    """Fill the folder `out` with the board of the training runs' credit methods; tell them, and what has no row.

    min_seeds: methods with fewer are listed apart.

    Raises `PrerequisiteError` where no folder holds a run that has ended, `ConfigError` where two runs had
    different budgets or `out` holds something else.
    """
    runs, refused = collect_runs(folders)
    if not runs:
        why = f": {refused[0].folder}: {refused[0].reason}" if refused else ""
        raise PrerequisiteError(f"none of the folders holds a training run that has ended{why}")
    ranked = methods(runs, min_seeds=min_seeds)
    _claim(out)
    _write(
        out,
        {
            METHODS: _json(methods_document(ranked, refused)),
            "methods.md": methods_page.markdown(ranked, refused),
            "methods.html": methods_page.page(ranked, refused, title=title),
        },
    )
    return ranked, refused


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _write(out: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8", errors="backslashreplace")


def _claim(out: Path) -> None:
    """Raise `ConfigError` for a folder of something else than a board."""
    foreign = out.exists() and any(out.iterdir())
    if foreign and not any((out / name).exists() for name in (LEADERBOARD, METHODS)):
        raise ConfigError(f"{out} holds something else than a board; choose another --out")


def _forget(out: Path, written: Container[str]) -> None:
    """Remove the entries' pages that an earlier build left and this one did not write."""
    for path in out.glob(site.PAGES):
        if path.relative_to(out).as_posix() not in written:
            path.unlink()


def _attach(made: Board, out: Path) -> None:
    """Copy the results. What is there already is the same, for its name is its content's."""
    for entry in (row.entry for panel in made.panels for row in panel.rows):
        folder = out / entry.id[:16]
        folder.mkdir(parents=True, exist_ok=True)
        for name in (RESULT, EPISODES, TRACES):
            if not (folder / name).exists():
                shutil.copyfile(entry.stored.folder / name, folder / name)
