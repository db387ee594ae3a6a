"""How far a result has been checked, kept beside it in `verified.json` and never in what is hashed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from turngym import __version__
from turngym.benchmarks.result import replace

VERIFIED = "verified.json"
LEVELS = ("self", "recomputed", "replayed")
"""Only its own word; every aggregate, digest and id computed again; every action stepped again as well."""
KEPT = 100
"""Differences that are kept; the number of all is told."""


def write_level(
    folder: Path, id: str, level: str, *, episodes: int, replayed: int, differences: Sequence[str]
) -> None:
    """Leave what was found beside the result. It speaks of one id alone, and for whoever ran the check.

    Raises `OSError` where the folder cannot be written.
    """
    said = {
        "id": id,
        "level": level,
        "episodes": episodes,
        "replayed": replayed,
        "differences": len(differences),
        "first_differences": [_plain(text) for text in differences[:KEPT]],
        "turngym": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    replace(folder / VERIFIED, (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode())


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def read_level(folder: Path, id: str) -> str:
    """The level that `verified.json` gives to the result with this id; `self` where there is none."""
    try:
        with (folder / VERIFIED).open("rb") as file:
            said = json.loads(file.read(1 << 20))
    except (OSError, ValueError, RecursionError):
        return "self"
    told = said.get("level") if isinstance(said, dict) and said.get("id") == id else "self"
    return told if told in LEVELS else "self"
