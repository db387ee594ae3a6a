"""The leaderboard as Markdown: a table per panel."""

from __future__ import annotations

import html
import re
from collections.abc import Container, Iterable, Sequence

from turngym.benchmarks.board.columns import shown
from turngym.benchmarks.board.rows import Board, Panel, Row

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
NOTE = (
    "Rank: one more than the number of entries that beat it in a paired comparison over tasks (95 %, each pair by "
    "itself); `=` marks an entry that the episodes do not tell from another."
)


def markdown(board: Board) -> str:
    """The whole page."""
    parts = ["# Leaderboard", NOTE, *map(_panel, board.panels)]
    if board.refused:
        parts += ["## Refused", table(["directory", "reason"], [(r.folder, r.reason) for r in board.refused])]
    return "\n\n".join(parts) + "\n"


def _panel(panel: Panel) -> str:
    said = panel.said
    facts = f"{said['tasks']} tasks, {said['samples']} each, at most {said['max_turns']} turns"
    parts = [
        f"## {plain(said['name'])}",
        f"{plain(said['about'])} ({plain(said['env']['name'])}; {facts}; digest `{said['digest'][:12]}`)",
        _rows(panel.ranked),
    ]
    if panel.apart:
        parts += ["Not ranked:", _rows(panel.apart, why=True)]
    return "\n\n".join(part for part in parts if part)


def _rows(rows: Sequence[Row], *, why: bool = False) -> str:
    if not rows:
        return ""
    columns = shown(list(rows))
    head = [column.name for column in columns] + ["why not ranked"] * why
    cells = [[column.text(row) for column in columns] + [str(row.apart)] * why for row in rows]
    return table(head, cells, numeric={column.name for column in columns if column.numeric})


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Container[str] = ()) -> str:
    """A table of plain texts; columns named in `numeric` are set to the right."""
    rule = ["---:" if name in numeric else "---" for name in head]
    lines = [head, rule, *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str) -> str:
    """Text as Markdown that shows it as it is: in one line, no markup, no HTML."""
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
