"""The numbers that a training run wrote step by step, as columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Columns = dict[str, list[float | None]]


def curves(path: Path) -> dict[str, Any]:
    """`stages`: for each stage of training its columns, `step` among them; `faults`: unreadable lines, a sentence each.

    Columns of a stage are equally long; a line that says nothing of a metric leaves `None` there.
    """
    stages: dict[str, list[dict[str, float]]] = {}
    faults = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            stages.setdefault(str(record.get("stage", "train")), []).append(_numbers(record))
        except (ValueError, AttributeError, RecursionError) as error:
            faults.append(f"{path.name} line {number} holds no metrics: {error}")
    return {"stages": {stage: _columns(rows) for stage, rows in stages.items()}, "faults": faults}


def _numbers(record: dict[str, Any]) -> dict[str, float]:
    numbers = {
        key: value
        for key, value in record.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    if "step" not in numbers:
        raise ValueError("it has no step")
    return numbers


def _columns(rows: list[dict[str, float]]) -> Columns:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}
