"""How well per-turn credit follows true progress, measured without training a model.

    python -m turngym.benchmarks.credit_quality --out runs/credit_quality

In a household the planner knows how many commands are left before and after each turn; the difference is the turn's
true progress. A policy that plays the expert's command with probability p, and any admissible command otherwise,
plays groups of episodes. Spearman's rank correlation between a method's credit and true progress says how far the
method tells good turns from bad ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.benchmarks.credit_table import counting, give, made, per_turn, section
from turngym.benchmarks.stats import Interval, bootstrap
from turngym.core.errors import UserError
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Status, Task, Trajectory, Turn
from turngym.credit import Steps, registry
from turngym.credit.steps import Bools, Floats, Ints
from turngym.credit.toolbox import code
from turngym.envs.household.env import Household
from turngym.envs.household.expert import next_command
from turngym.envs.household.world import World

ENV = "turngym/Household-v0"
LATER = "(later is better)"
"""A control beside the methods: the number of the turn as its credit."""


@dataclass(frozen=True, kw_only=True)
class Play:
    """What is played."""

    size: str = "small"
    tasks: int = 64
    members: int = 8
    skill: float = 0.3
    """Probability of the expert's command at a turn; otherwise any admissible command, with equal chance."""
    max_turns: int = 30
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's correlation of credit with true progress, a mean over tasks."""

    mean: float | None
    """`None` where no task has one."""
    interval: Interval
    """95 %, over tasks."""
    tasks: int
    """Groups that have one: credit and progress both differ between the turns that are compared."""

    @classmethod
    def of(cls, per_task: Sequence[Sequence[float]], seed: int) -> Correlation:
        mean = float(np.mean([np.mean(values) for values in per_task])) if per_task else None
        return cls(mean=mean, interval=bootstrap(per_task, seed=seed), tasks=len(per_task))

    def __str__(self) -> str:
        low, high = self.interval
        return "none" if self.mean is None else f"{self.mean:+.3f} ({low:+.3f} to {high:+.3f})"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """How well one method's credit ranks turns."""

    method: str
    group: Correlation
    """Over all turns of a group."""
    episode: Correlation
    """Within one episode; none for a method that credits all turns of an episode alike."""
    state: Correlation
    """Among the turns of a group that were taken in the same state: which action was the better one."""


class Remaining:
    """How many commands the expert still needs in one household, remembered by state.

    The expert's next command depends on the state alone, so its own turns make a progress of exactly 1.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, int | None] = {}

    def __call__(self, world: World) -> int | None:
        """Commands until the goal; `None` where the expert does not reach it."""
        state = world.state.key()
        if state not in self._known:
            self._known[state] = None  # what it stays if the expert walks in a circle
            self._known[state] = self._count(world)
        return self._known[state]

    def _count(self, world: World) -> int | None:
        if world.won:
            return 0
        command = next_command(world)
        if command is None:
            return None
        after = world.copy()
        after.step(command)
        rest = self(after)
        return None if rest is None else rest + 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Play, credit, print the table, and write `credit_quality.json` to `--out`."""
    chosen = _parse(arguments)
    play = Play(**{name: getattr(chosen, name) for name in Play.__dataclass_fields__})
    groups, progress = played(play)
    methods, left_out = (chosen.method, {}) if chosen.method else model_free()
    figures = [*measured(groups, progress, [*methods, LATER], seed=play.seed)]
    facts = described(groups, progress)
    Console(soft_wrap=True).print(table(figures))
    for name, value in (facts | left_out).items():
        print(f"{name}: {value}")
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        answer = {
            "play": asdict(play),
            "facts": facts,
            "left_out": left_out,
            "figures": [asdict(figure) for figure in figures],
        }
        (chosen.out / "credit_quality.json").write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, field in Play.__dataclass_fields__.items():
        default: Any = field.default
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    parser.add_argument(
        "--method", action="append", help="name, or {name = ..., ...}; all without a model if absent"
    )
    parser.add_argument("--out", type=Path, help="folder for credit_quality.json")
    return parser.parse_args(arguments)


def model_free() -> tuple[list[str], dict[str, str]]:
    """The registered methods that credit by the episodes alone, and for each of the others why it does not."""
    probe = counting(Steps.of([_probe()]))
    able, left_out = [], dict[str, str]()
    for name in registry.names():
        try:
            made(section(name))
            give(name, probe)
        except UserError as error:
            left_out[name] = str(error)
        else:
            able.append(name)
    return able, left_out


def _probe() -> Group:
    """The smallest group with something to compare."""
    task = Task(env=ENV, seed=0)
    turns = [Turn(obs="", action="", reward=reward, terminated=True) for reward in (0.0, 1.0)]
    return Group(task=task, trajectories=[Trajectory(task=task, member=n, turns=[turns[n]]) for n in (0, 1)])


def played(play: Play) -> tuple[list[Group], Floats]:
    """The groups, and the true progress of every turn in the order of `Steps.of`: [N], NaN where it is not known."""
    env = Household(size=play.size)
    groups, progress = [], list[float]()
    for number in range(play.tasks):
        remaining, task = Remaining(), Task(env=ENV, seed=number, options={})
        group = Group(task=task, trajectories=[])
        for member in range(play.members):
            trajectory, made_progress = _episode(env, remaining, task, member, play)
            group.trajectories.append(trajectory)
            progress += made_progress
        groups.append(group)
    return groups, np.array(progress)


def _episode(
    env: Household, remaining: Remaining, task: Task, member: int, play: Play
) -> tuple[Trajectory, list[float]]:
    rng = np.random.default_rng(derive_seed(play.seed, task.seed, member))
    obs, info = env.reset(seed=task.seed)
    episode = Trajectory(task=task, member=member, turns=[], status=Status.TURN_LIMIT, success=False)
    left = [number(remaining(env.world))]
    while len(episode.turns) < play.max_turns and not info["success"]:
        action = _action(env.world, rng, play.skill)
        turn = Turn(obs=obs, action=action, reward=0.0, state=info["state"])
        obs, turn.reward, turn.terminated, _, info = env.step(action)
        turn.valid = info["valid"]
        episode.turns.append(turn)
        left.append(number(remaining(env.world)))
    episode.final_obs = obs
    if info["success"]:
        episode.status, episode.success = Status.DONE, True
    return episode, [before - after for before, after in pairwise(left)]


def _action(world: World, rng: np.random.Generator, skill: float) -> str:
    expert = next_command(world) if rng.random() < skill else None
    return expert or world.admissible[rng.integers(len(world.admissible))]


def number(count: int | None) -> float:
    """The count in arrays' terms: NaN where there is none."""
    return np.nan if count is None else float(count)


def measured(
    groups: Sequence[Group], progress: Floats, methods: Sequence[str], *, seed: int
) -> Iterator[Figure]:
    """The figure of each method over the informative groups: those in which some episodes won and some did not."""
    steps = counting(Steps.of(groups))
    for method in methods:
        yield figure(method, _credit(method, steps), groups, steps, progress, seed=seed)


def figure(
    method: str, credit: Floats, groups: Sequence[Group], steps: Steps, progress: Floats, *, seed: int
) -> Figure:
    """The figure of one credit [N] over the informative groups."""
    informative = np.array([group.informative for group in groups], dtype=np.bool_)
    units = {"group": steps.group, "episode": steps.traj, "state": code(steps.group, steps.state)}
    known = informative[steps.group] & np.isfinite(progress) & np.isfinite(credit)
    found = {
        name: Correlation.of(_by_group(credit, progress, unit, steps.group, known), seed)
        for name, unit in units.items()
    }
    return Figure(method=method, **found)


def _credit(method: str, steps: Steps) -> Floats:
    return steps.t.astype(np.float64) if method == LATER else per_turn(give(method, steps), steps)


def _by_group(credit: Floats, progress: Floats, unit: Ints, group: Ints, known: Bools) -> list[list[float]]:
    """For every group that has any, the correlations within its units: itself, its episodes or its states."""
    found: dict[int, list[float]] = {}
    order = np.argsort(unit, kind="stable")
    order = order[known[order]]
    for rows in np.split(order, np.flatnonzero(np.diff(unit[order])) + 1):
        correlation = spearman(credit[rows], progress[rows])
        if correlation is not None:
            found.setdefault(int(group[rows[0]]), []).append(correlation)
    return list(found.values())


def spearman(x: Floats, y: Floats) -> float | None:
    """Spearman's rank correlation, equal values sharing their mean rank; `None` where one side is constant."""
    if not len(x):
        return None
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread > 0 else None


def ranks(x: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs. Values within 1e-9 of the largest are equal. [N]"""
    scale = np.abs(x).max(initial=0.0) or 1.0
    _, place, count = np.unique(np.round(x / scale, 9), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place], dtype=np.float64)


def described(groups: Sequence[Group], progress: Floats) -> dict[str, float]:
    """What was played: enough to judge the figures."""
    episodes = [trajectory for group in groups for trajectory in group.trajectories]
    return {
        "groups": len(groups),
        "informative groups": sum(group.informative for group in groups),
        "success": float(np.mean([bool(episode.success) for episode in episodes])),
        "turns": len(progress),
        "turns of unknown progress": int(np.isnan(progress).sum()),
        "share of turns forward": float(np.mean(progress > 0)),
        "share of turns backward": float(np.mean(progress < 0)),
        "largest progress": float(np.nanmax(progress)),
    }


def table(figures: Sequence[Figure]) -> Table:
    """The figures as a person reads them."""
    shown = Table(
        box=None, padding=(0, 3, 0, 0), title="rank correlation with true progress", title_justify="left"
    )
    for heading in ("credit", "all turns of a group", "within an episode", "in the same state"):
        shown.add_column(heading, no_wrap=True)
    for figure in figures:
        shown.add_row(escape(figure.method), str(figure.group), str(figure.episode), str(figure.state))
    return shown


if __name__ == "__main__":
    main()
