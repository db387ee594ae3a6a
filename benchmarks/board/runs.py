"""Folders of training runs, as a board of methods reads them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from turngym.benchmarks.board.entries import Refused
from turngym.core.config import Table
from turngym.core.episodes import read_episodes
from turngym.core.errors import ConfigError, UserError

BUDGET = ("env", "agent", "model", "sampler", "warm_start", "loop", "eval", "offline")
"""Sections of a run file that say what is learned from, and how much of it."""
FREE = {"loop": ("seed", "threads", "save_every", "keep_checkpoints")}
"""Keys of those that change nothing of it."""


class RunError(UserError):
    """A folder that holds no finished training run."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run that came to its end."""

    folder: str
    seed: int
    credit: Table
    trainer: Table
    budget: Mapping[str, Any]
    """What has to be equal for two runs to compare, by dotted key."""
    curve: Mapping[int, float]
    """Success on the held-out panel, by training step."""
    start: float
    """Success where training began, after a warm start."""
    greedy: float | None
    """Success at the end, with the likeliest tokens."""
    outcomes: Mapping[str, float]
    """Mean success at the end, by task of the held-out panel."""
    seconds: float
    tokens: int
    """Tokens sampled in training."""

    @property
    def final(self) -> float:
        """Success at the end, a mean over tasks."""
        return fmean(self.outcomes.values())


def collect(folders: Iterable[Path]) -> tuple[list[Run], list[Refused]]:
    """The runs in the folders, and with a reason the folders that hold none."""
    runs, refused = [], []
    for folder in sorted(set(folders)):
        try:
            runs.append(read(folder))
        except RunError as error:
            refused.append(Refused(folder=folder.name, reason=str(error)))
    return runs, refused


def check_budgets(runs: Iterable[Run]) -> None:
    """Raise `ConfigError` that names a key in which two runs differ, though it is not the method's."""
    for first, run in pairwise(runs):
        for key in sorted({*first.budget, *run.budget}):
            one, other = first.budget.get(key, "not set"), run.budget.get(key, "not set")
            if one != other:
                raise ConfigError(
                    f"{first.folder} and {run.folder} had no equal budget: {key} is {one!r} in the one and {other!r} "
                    "in the other; name runs that differ in credit, trainer and seed alone"
                )


def read(folder: Path) -> Run:
    """The run in a folder. Raises `RunError` where it is none, or has not come to its end."""
    try:
        return _run(folder)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise RunError(f"it has no {name}: no training run, or one that has not ended") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"it is no training run: {type(error).__name__}: {error}") from error


def _run(folder: Path) -> Run:
    plan = tomllib.loads((folder / "run.toml").read_text(encoding="utf-8"))
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    metrics = [
        json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    if summary["steps"] != plan["loop"]["steps"]:
        raise RunError(f"it stopped after {summary['steps']} of {plan['loop']['steps']} steps")
    trained = {line["step"]: line for line in metrics if line["stage"] == "train"}
    return Run(
        folder=folder.name,
        seed=int(summary["seed"]),
        credit=plan["credit"],
        trainer=plan["trainer"],
        budget=_budget(plan) | {"panel": summary["panel"]["digest"]},
        curve={int(line["step"]): float(line["success"]) for line in metrics if line["stage"] == "eval"},
        start=float(summary["warm_start"]["success"]),
        greedy=summary["final"].get("greedy_success"),
        outcomes=_outcomes(folder / "episodes.jsonl"),
        seconds=float(summary["seconds"]),
        tokens=sum(int(line["sampled_tokens"]) for line in trained.values()),
    )


def _budget(plan: Mapping[str, Table]) -> dict[str, Any]:
    return {
        f"{section}.{key}": value
        for section in BUDGET
        for key, value in plan.get(section, {}).items()
        if key not in FREE.get(section, ())
    }


def _outcomes(path: Path) -> dict[str, float]:
    episodes, faults = read_episodes(path)
    if faults or not episodes or any(episode.success is None for episode in episodes):
        raise RunError(faults[0] if faults else f"{path.name} does not say which episodes were won")
    by_task: dict[str, list[float]] = {}
    for episode in episodes:
        by_task.setdefault(episode.task.id, []).append(float(bool(episode.success)))
    return {task: fmean(by_task[task]) for task in sorted(by_task)}
