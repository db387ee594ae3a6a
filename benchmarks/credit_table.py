"""Per-turn credit of several methods on stored episodes, side by side: what `turngym credit` prints and plots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.core import config
from turngym.core.episodes import read_episodes
from turngym.core.errors import ConfigError, UserError
from turngym.core.types import Group, Task, Trajectory
from turngym.credit import Credit, Credits, Learned, Steps, registry
from turngym.credit.steps import Floats

UNTOLD = "the episodes hold no sampled tokens, so every turn counts as one token"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What several methods say of the same turns."""

    steps: Steps
    credit: dict[str, Floats]  # by the method as the user wrote it: [N], NaN where it says nothing of a turn
    notes: tuple[str, ...] = ()
    """What a reader has to know about the file and the table, a sentence each."""


def main(
    path: Path, methods: Sequence[str], *, picture: Path | None = None, limit: int | None = None
) -> None:
    """Print a table per episode of the file and draw `picture`; of `limit` episodes, if given.

    Raises `UserError` for a file without episodes, and for a method that is unknown or needs a model.
    """
    compared = read(path, methods)
    console = Console(soft_wrap=True, highlight=False)
    for shown in islice(tables(compared), limit):
        console.print(shown)
    for note in compared.notes:
        console.print(f"[yellow]{escape(note)}[/]")
    if picture is not None:
        from turngym.benchmarks.credit_plot import draw

        draw(compared, picture, **({} if limit is None else {"limit": limit}))
        console.print(f"drawn: {escape(str(picture))}")


def read(path: Path, methods: Sequence[str]) -> Comparison:
    """The methods' credit for the episodes of a file, which are compared by task."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path}; give episodes that turngym run or train wrote")
    trajectories, faults = read_episodes(path)
    groups = regroup(trajectories)
    failed = sum(len(group.failed) for group in groups)
    if not any(trajectory.turns for group in groups for trajectory in group.trajectories):
        raise ConfigError(
            f"{path} holds no episode that can be credited: {failed} failed, {len(faults)} unreadable"
        )
    compared = compare(groups, methods)
    left_out = [f"{failed} failed episodes say nothing about the policy and are left out"] if failed else []
    return replace(compared, notes=(*faults, *left_out, *compared.notes))


def regroup(trajectories: Iterable[Trajectory]) -> list[Group]:
    """The episodes by task, in the order in which the tasks first appear; failed ones apart."""
    groups: dict[Task, Group] = {}
    for trajectory in trajectories:
        group = groups.setdefault(trajectory.task, Group(task=trajectory.task, trajectories=[]))
        (group.failed if trajectory.status.failed else group.trajectories).append(trajectory)
    return list(groups.values())


def compare(groups: Sequence[Group], methods: Sequence[str]) -> Comparison:
    """Each method's credit for every turn of the groups. Raises `ConfigError` for a method that cannot say."""
    steps = Steps.of(groups)
    notes = () if steps.tokens.any() else (UNTOLD,)
    steps = counting(steps)
    credit = {text: per_turn(give(text, steps), steps) for text in methods}
    return Comparison(steps=steps, credit=credit, notes=notes)


def counting(steps: Steps) -> Steps:
    """The same turns; where none sampled tokens (stored without them, or scripted), each counts as one."""
    return steps if steps.tokens.any() else replace(steps, tokens=np.ones(len(steps), dtype=np.int64))


def give(text: str, steps: Steps) -> Credits:
    """What a method, written as `name` or as `{name = "hgpo", depth = 4}`, answers.

    Raises `ConfigError` in one sentence where it needs a model, a critic or anything else that is not there.
    """
    method = made(section(text))
    try:
        return method(steps)
    except UserError:
        raise
    except ValueError as error:
        raise ConfigError(f"{text} cannot credit these episodes: {error}") from error


def section(text: str) -> config.Table:
    """A method as the section of a run file."""
    value = config.parse_value(text)
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not value:
        raise ConfigError(f'{text!r} names no credit method; write hgpo, or {{name = "hgpo", depth = 4}}')
    return {"name": value}


def made(table: Mapping[str, Any]) -> Credit:
    """The method. Raises `ConfigError` for a learned one: stored episodes bring no model for it."""
    name = config.plugin_name(table, "credit")
    factory = registry.get(name)
    if "backbone" in signature(factory).parameters or hasattr(factory, "fit"):
        raise _learned(name)
    method: Credit = config.build(registry, table, "credit")
    if isinstance(method, Learned):
        raise _learned(name)
    return method


def _learned(name: str) -> ConfigError:
    return ConfigError(
        f"{name} is learned and needs its trained model, which stored episodes do not hold; "
        "choose a method without a model, such as hgpo"
    )


def per_turn(credits: Credits, steps: Steps) -> Floats:
    """One number per turn: the mean over its sampled tokens where credit is per token, NaN without any. [N]"""
    if credits.per == "turn":
        return credits.advantages
    rows = np.repeat(np.arange(len(steps)), steps.tokens)
    total = np.bincount(rows, credits.advantages, minlength=len(steps))
    return np.where(steps.tokens > 0, total / np.maximum(steps.tokens, 1), np.nan)


def tables(compared: Comparison) -> Iterator[Table]:
    """One table per episode: its turns, and what every method gives them."""
    for traj, trajectory in enumerate(compared.steps.trajectories):
        yield _table(compared, trajectory, rows=np.flatnonzero(compared.steps.traj == traj).tolist())


def _table(compared: Comparison, trajectory: Trajectory, rows: Sequence[int]) -> Table:
    shown = Table(title=escape(title(trajectory)), title_justify="left", box=None, padding=(0, 2, 0, 0))
    right = partial(shown.add_column, justify="right", no_wrap=True)
    right("turn")
    shown.add_column("action")
    right("reward")
    shown.add_column("")
    for method in compared.credit:
        right(escape(method))
    for turn, row in zip(trajectory.turns, rows, strict=True):
        mark = "" if turn.valid else "[red]invalid[/]"
        credit = [_coloured(values[row]) for values in compared.credit.values()]
        shown.add_row(str(compared.steps.t[row]), escape(turn.action), f"{turn.reward:g}", mark, *credit)
    return shown


def title(trajectory: Trajectory) -> str:
    """Which episode it is and how it ended."""
    success = {True: "success", False: "no success", None: "success not told"}[trajectory.success]
    return f"{trajectory.task.id}, member {trajectory.member}: {trajectory.status}, {success}"


def _coloured(value: float) -> str:
    if np.isnan(value):
        return "none"
    colour = "green" if value > 0 else "red" if value < 0 else "dim"
    return f"[{colour}]{value:+.3f}[/]"
