"""The columns of a leaderboard: what a cell says, and what its column sorts by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from turngym.benchmarks.board.rows import Row

Key = float | str | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column."""

    name: str
    about: str
    text: Callable[[Row], str]
    key: Callable[[Row], Key]
    """Numbers sort as numbers; `None`, what is not told, comes last in either direction."""
    numeric: bool = True


def percent(share: float | None, digits: int = 1) -> str:
    """0.7383 as `73.8 %`; a dash for what is not told."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def number(value: float | None) -> str:
    """Three significant digits, with thousands told apart."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def signed(value: float) -> str:
    """One digit after the point, always with a sign."""
    return f"{value:+.1f}".replace("-", "−")


def money(cost: float | None) -> str:
    """Dollars."""
    return "–" if cost is None else f"${cost:,.2f}"


def p_value(p: float | None) -> str:
    """Three digits, and no zero."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def version(row: Row) -> str:
    """The code's version and commit; a star where the checkout had changes of its own."""
    code = row.entry.record["code"]
    commit = f" ({code['commit'][:8]})" if code["commit"] else ""
    return f"{code['version']}{commit}{'*' if code['dirty'] else ''}"


def ranked(row: Row) -> str:
    """The rank, with `=` where another entry ties."""
    return "–" if row.rank is None else f"{'=' if row.ties else ''}{row.rank}"


def interval(row: Row, name: str) -> str:
    """A metric as `73.8 % (68.1 to 78.8)`, or as plain numbers where it is no share."""
    metric = row.metric(name)
    if metric is None:
        return "–"
    if name == "success":
        return f"{percent(metric['mean'])} ({100 * metric['low']:.1f} to {100 * metric['high']:.1f})"
    return f"{number(metric['mean'])} ({number(metric['low'])} to {number(metric['high'])})"


def _mean(name: str, title: str, about: str, form: Callable[[float | None], str] = number) -> Column:
    return Column(
        name=title, about=about, text=lambda row: form(row.mean(name)), key=lambda row: row.mean(name)
    )


def _said(title: str, about: str, of: Callable[[Row], Any]) -> Column:
    return Column(
        name=title,
        about=about,
        text=lambda row: str(of(row) or "–"),
        key=lambda row: of(row) or None,
        numeric=False,
    )


RANK = Column(
    name="rank",
    about="One more than the number of entries that beat it; = where the episodes do not tell it from another.",
    text=ranked,
    key=lambda row: row.rank,
)
ENTRY = _said("entry", "Agent and model.", lambda row: row.entry.name)
SUCCESS = Column(
    name="success",
    about="Share of episodes won, with its 95 % interval. A lost episode is not won.",
    text=lambda row: interval(row, "success"),
    key=lambda row: row.mean("success"),
)
COLUMNS = (
    RANK,
    ENTRY,
    SUCCESS,
    _said("credit", "The credit method that trained the model.", lambda row: row.entry.record["credit"]),
    _mean("error_rate", "errors", "Share of planned episodes without an attempt that counts.", percent),
    _mean("reward", "reward", "Mean reward of an episode."),
    _mean("score", "score", "Mean graded score of an episode, where the environment gives one."),
    _mean("turns", "turns", "Mean turns of an episode."),
    Column(
        name="tokens",
        about="Mean tokens that the model sampled in an episode.",
        text=lambda row: number(row.mean("tokens") or None),
        key=lambda row: row.mean("tokens") or None,
    ),
    _mean("seconds", "seconds", "Mean seconds of an episode."),
    Column(
        name="cost",
        about="Dollars paid for all episodes.",
        text=lambda row: money(row.entry.record["cost"]),
        key=lambda row: row.entry.record["cost"],
    ),
    _said(
        "trained on",
        "What the entrant says its model was trained on.",
        lambda row: row.entry.record["trained_on"].replace("_", " "),
    ),
    _said("verified", "How far somebody checked it.", lambda row: row.entry.verified),
    _said("date", "The day it was played.", lambda row: row.entry.record["date"][:10]),
    _said("version", "Version of turngym, and its commit; * with changes of one's own.", version),
)
"""A table's columns, from left to right."""


def shown(rows: list[Row]) -> list[Column]:
    """The columns of a table: those of which at least one row tells something that no other column says."""
    told = [column for column in COLUMNS if column is RANK or any(column.text(row) != "–" for row in rows)]
    repeats = all(row.mean("score") == row.mean("success") for row in rows)
    return [column for column in told if not (column.name == "score" and repeats)]
