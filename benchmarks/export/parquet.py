"""Parquet files of the data sets; imported only where one is written, since it needs pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from turngym.benchmarks.export.files import Row

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
EPISODE = {
    "env": pa.string(),
    "task": pa.string(),
    "member": pa.int64(),
    "reward": pa.float64(),
    "success": pa.bool_(),
}
PAIR = {"turn": pa.int64(), "env": pa.string(), "task": pa.string(), "margin": pa.float64()}
COLUMNS = {
    "conversation": {"messages": MESSAGES, **EPISODE},
    "reply": {"prompt": MESSAGES, "completion": MESSAGES, "turn": pa.int64(), **EPISODE},
    "reply_text": {"prompt": pa.string(), "completion": pa.string(), "turn": pa.int64(), **EPISODE},
    "preference": {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES, **PAIR},
    "preference_text": {"prompt": pa.string(), "chosen": pa.string(), "rejected": pa.string(), **PAIR},
    "steps": {
        "prompt": pa.string(),
        "completions": pa.list_(pa.string()),
        "labels": pa.list_(pa.bool_()),
        "rewards": pa.list_(pa.float64()),
        "advantages": pa.list_(pa.float64()),
        "valid": pa.list_(pa.bool_()),
        **EPISODE,
    },
}
"""The columns of each kind of file; stated, so that a column in which every value is missing has its type."""


def write(path: Path, rows: Sequence[Row], kind: str) -> None:
    """Write the rows; a column that no row has is left out."""
    columns = {name: type_ for name, type_ in COLUMNS[kind].items() if name in rows[0]}
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(columns)), path)
