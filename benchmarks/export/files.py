"""Rows on disk: JSON lines or Parquet, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turngym.core.errors import ConfigError
from turngym.core.registry import MissingExtra

Row = dict[str, Any]

KINDS = ("sft", "preference", "steps")
ENDINGS = (".jsonl", ".parquet")


def check_out(out: Path) -> None:
    """Raise `ConfigError` where `out` exists already or has another ending than `.jsonl` or `.parquet`."""
    if out.suffix not in ENDINGS:
        raise ConfigError(
            f"cannot write {out}: a data set is a file called {' or '.join(f'*{e}' for e in ENDINGS)}"
        )
    if out.exists():
        raise ConfigError(f"{out} exists already; choose another name")


def write(out: Path, rows: Sequence[Row], kind: str) -> None:
    """Write the rows under a temporary name and rename. Raises `MissingExtra` for Parquet without pyarrow."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f"{out.name}.part")
    if out.suffix == ".parquet":
        _parquet(draft, rows, kind)
    else:
        draft.write_text("".join(f"{_line(row)}\n" for row in rows), encoding="utf-8")
    os.replace(draft, out)


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False)


def _parquet(draft: Path, rows: Sequence[Row], kind: str) -> None:
    try:
        from turngym.benchmarks.export import parquet
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise MissingExtra("Parquet needs the package 'pyarrow': pip install 'turngym[datasets]'") from error
    parquet.write(draft, rows, kind)
