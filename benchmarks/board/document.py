"""The leaderboard as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from turngym.benchmarks.board.rows import Board, Panel, Row

SCHEMA = 1
_COPIED = ("agent", "model", "credit", "trained_on", "seed", "metrics", "counts", "cost", "code", "date")


def document(board: Board) -> dict[str, Any]:
    """`leaderboard.json`."""
    return {
        "schema": SCHEMA,
        "min_tasks": board.min_tasks,
        "panels": [_panel(panel) for panel in board.panels],
        "refused": [asdict(refused) for refused in board.refused],
    }


def _panel(panel: Panel) -> dict[str, Any]:
    return {"panel": panel.said, "ranked_by": panel.measure, "rows": [_row(row) for row in panel.rows]}


def _row(row: Row) -> Mapping[str, Any]:
    record = row.entry.record
    return {
        "id": row.entry.id,
        "folder": row.entry.folder,
        "rank": row.rank,
        "ties": row.ties,
        "not_ranked": row.apart,
        "verified": row.entry.verified,
        **{key: record[key] for key in _COPIED},
        "against": {id: asdict(duel) for id, duel in row.against.items()},
    }
