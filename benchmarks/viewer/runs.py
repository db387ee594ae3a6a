"""What a RUN on disk is: a training run's folder, a result directory, or a file of episodes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turngym.benchmarks.result import EPISODES, RESULT, TRACES
from turngym.core.errors import ConfigError

METRICS, SUMMARY = "metrics.jsonl", "summary.json"
Fact = tuple[str, str]
"""A label and a text."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """The files of a run."""

    name: str
    episodes: Path | None
    metrics: Path | None
    facts: tuple[Fact, ...] = ()
    """What the run says of itself as a whole."""


def find(path: Path) -> Run:
    """The run at a path. Raises `ConfigError` where there is none."""
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise ConfigError(
            f"there is no run {path}; give a folder that turngym run or train wrote, or its episodes"
        )
    if path.name == METRICS:
        return Run(name=path.parent.name, episodes=None, metrics=path)
    return Run(name=f"{path.resolve().parent.name}/{path.name}", episodes=path, metrics=None)


def _folder(folder: Path) -> Run:
    record = _json(folder / RESULT)
    episodes = _first(folder / TRACES) if record.get("schema") else _first(folder / TRACES, folder / EPISODES)
    metrics = _first(folder / METRICS)
    if episodes is None and record.get("schema"):
        raise ConfigError(f"{folder} is a result without {TRACES}; its episodes were not kept turn by turn")
    if episodes is None and metrics is None:
        raise ConfigError(f"{folder} is no run: it has neither {EPISODES} nor {TRACES} nor {METRICS}")
    facts = _of_result(record) if record.get("schema") else _of_training(_json(folder / SUMMARY))
    return Run(name=folder.resolve().name, episodes=episodes, metrics=metrics, facts=tuple(facts))


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is none, since the episodes can be viewed without."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _of_result(record: dict[str, Any]) -> list[Fact]:
    metrics = _table(record.get("metrics"))
    facts = [
        ("panel", _text(_table(record.get("panel")).get("name"))),
        ("agent", _text(_table(record.get("agent")).get("name"))),
        ("model", _text(_table(record.get("model")).get("name"))),
        ("credit", _text(record.get("credit"))),
        ("success", _interval(_table(metrics.get("success")))),
        ("error rate", _share(_table(metrics.get("error_rate")).get("mean"))),
        ("trained on", _text(record.get("trained_on"))),
    ]
    return [(label, text) for label, text in facts if text]


def _of_training(summary: dict[str, Any]) -> list[Fact]:
    start, final = _table(summary.get("warm_start")), _table(summary.get("final"))
    facts = [
        ("credit", _text(summary.get("credit"))),
        ("seed", _text(summary.get("seed"))),
        ("steps", _text(summary.get("steps"))),
        ("at the start", _interval({**start, "mean": start.get("success")})),
        ("at the end", _interval({**final, "mean": final.get("success")})),
    ]
    return [(label, text) for label, text in facts if text]


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _share(value: Any) -> str:
    return f"{value:.1%}" if isinstance(value, int | float) else ""


def _interval(metric: dict[str, Any]) -> str:
    mean, low, high = (_share(metric.get(key)) for key in ("mean", "low", "high"))
    return f"{mean} (95 %: {low} to {high})" if mean and low and high else mean
