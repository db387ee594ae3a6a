"""From entries to the leaderboard: a table per panel, ranks, ties. Pure: equal entries give an equal board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from turngym.benchmarks.board import versus
from turngym.benchmarks.board.entries import Entry, Refused
from turngym.benchmarks.board.versus import Versus
from turngym.benchmarks.compare import NotComparable, compare

MEASURES = ("success", "score", "reward")
"""What a panel may rank by: the first of them that all its entries tell."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An entry in its panel's table."""

    entry: Entry
    rank: int | None
    """One more than the number of ranked entries that beat it, which ties share; `None` where it is not ranked."""
    apart: str | None
    """Why it is not ranked."""
    against: Mapping[str, Versus]
    """The paired comparison with every other ranked entry that compares, by its id."""
    unlike: Mapping[str, str]
    """The ranked entries that do not compare, by id, and why."""

    @property
    def ties(self) -> list[str]:
        """Ids of the entries that the episodes do not tell from this one."""
        return [id for id, comparison in self.against.items() if comparison.verdict == "tie"]

    def metric(self, name: str) -> Mapping[str, Any] | None:
        """A metric of `result.json`: `mean`, `low`, `high`, `n`, `method`; `None` where it is not told."""
        found: Mapping[str, Any] | None = self.entry.record["metrics"][name]
        return found

    def mean(self, name: str) -> float | None:
        """The mean of a metric."""
        found = self.metric(name)
        return None if found is None else float(found["mean"])


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The results under one digest: what may be compared."""

    said: Mapping[str, Any]
    """What the entries say of the panel: `name`, `digest`, `env`, `tasks`, `samples`, `max_turns`, `about`."""
    measure: str
    """The metric that ranks."""
    ranked: Sequence[Row]
    apart: Sequence[Row]
    """Rows that are not ranked."""

    @property
    def rows(self) -> list[Row]:
        """All rows, the ranked ones first."""
        return [*self.ranked, *self.apart]


@dataclass(frozen=True, kw_only=True)
class Board:
    """A leaderboard: a table per panel digest, and what was refused."""

    panels: Sequence[Panel]
    refused: Sequence[Refused]
    min_tasks: int
    """Entries of fewer tasks are not ranked."""


def board(entries: Sequence[Entry], refused: Sequence[Refused] = (), *, min_tasks: int = 30) -> Board:
    """The leaderboard of the entries, in whatever order they come."""
    by_digest: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        by_digest.setdefault(entry.panel["digest"], []).append(entry)
    panels = [panel(played, min_tasks) for played in by_digest.values()]
    panels.sort(key=lambda panel: (panel.said["name"], panel.said["digest"]))
    return Board(panels=panels, refused=refused, min_tasks=min_tasks)


def panel(entries: Sequence[Entry], min_tasks: int = 30) -> Panel:
    """The table of the entries under one digest."""
    reasons = {entry.id: _apart(entry, min_tasks) for entry in entries}
    ranked = [entry for entry in entries if reasons[entry.id] is None]
    measure = _measure(ranked or entries)
    order = sorted(entries, key=lambda entry: (-_mean(entry, measure), entry.id))
    against, unlike = _all_against_all([entry for entry in order if entry in ranked], measure)
    rows = [
        Row(
            entry=entry,
            rank=None if reasons[entry.id] else 1 + _beaten(against[entry.id]),
            apart=reasons[entry.id],
            against=against.get(entry.id, {}),
            unlike=unlike.get(entry.id, {}),
        )
        for entry in order
    ]
    return Panel(
        said=_said(entries),
        measure=measure,
        ranked=[row for row in rows if row.apart is None],
        apart=[row for row in rows if row.apart is not None],
    )


def _said(entries: Sequence[Entry]) -> Mapping[str, Any]:
    """The panel by its most usual name: the digest does not cover it."""
    names = Counter((entry.panel["name"], entry.panel["about"]) for entry in entries)
    usual = min(names, key=lambda name: (-names[name], name))
    return next(entry.panel for entry in entries if (entry.panel["name"], entry.panel["about"]) == usual)


def _beaten(against: Mapping[str, Versus]) -> int:
    return sum(duel.verdict == "worse" for duel in against.values())


def _apart(entry: Entry, min_tasks: int) -> str | None:
    tasks = entry.record["counts"]["tasks"]
    if tasks < min_tasks:
        return f"{tasks} tasks, which is less than {min_tasks}"
    if entry.record["trained_on"] == "this_panel":
        return "trained on this panel"
    return None


def _measure(entries: Sequence[Entry]) -> str:
    told = [name for name in MEASURES if all(entry.record["metrics"][name] for entry in entries)]
    return (told or ["reward"])[0]


def _mean(entry: Entry, measure: str) -> float:
    metric = entry.record["metrics"][measure]
    return float("-inf") if metric is None else float(metric["mean"])


def _all_against_all(
    entries: Sequence[Entry], measure: str
) -> tuple[dict[str, dict[str, Versus]], dict[str, dict[str, str]]]:
    """The comparison of each pair that compares, and why each other pair does not; by the ids of both."""
    against: dict[str, dict[str, Versus]] = {entry.id: {} for entry in entries}
    unlike: dict[str, dict[str, str]] = {entry.id: {} for entry in entries}
    for one, other in combinations(entries, 2):
        try:
            duel = versus.of(compare(one.stored, other.stored, measure))
        except NotComparable as error:
            unlike[one.id][other.id] = unlike[other.id][one.id] = _without_place(error, one, other)
        else:
            against[one.id][other.id], against[other.id][one.id] = duel, duel.turned()
    return against, unlike


def _without_place(error: NotComparable, *entries: Entry) -> str:
    text = str(error)
    for entry in entries:
        text = text.replace(str(entry.stored.folder), entry.folder)
    return text
