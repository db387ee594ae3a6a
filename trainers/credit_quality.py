"""How well the credit of trained runs, learned credit included, follows true progress on the policy's own episodes.

    python -m turngym.trainers.credit_quality runs/comparison/spa-0 runs/comparison/oprl-0

Each run's newest checkpoint plays fresh groups of its training households. Its credit, as it is at that point, and that
of model-free methods on the same episodes are compared with the planner's (`turngym.benchmarks.credit_quality`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from turngym.agents.rollout import Sampler
from turngym.benchmarks.credit_quality import Figure, Remaining, described, figure, measured, number, table
from turngym.benchmarks.credit_table import per_turn
from turngym.core.config import load_run, plugin_name
from turngym.core.errors import ConfigError
from turngym.core.samples import pack
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Trajectory
from turngym.credit.steps import Floats, Steps
from turngym.envs.household.env import Household
from turngym.trainers.checkpoint import newest
from turngym.trainers.run import restored
from turngym.trainers.setup import Setup, prepare, training_tasks
from turngym.trainers.values import with_values

FREE = ("grpo", '{name = "gigpo", gamma = 0.95}', '{name = "hgpo", depth = 2, gamma = 0.95}')
"""What every run's own credit is compared with."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every run and print its table; with `--out`, leave the figures there as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--tasks", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a JSON file")
    chosen = parser.parse_args(arguments)
    found = {}
    for run in chosen.runs:
        figures, facts = measure(run, chosen.tasks, chosen.seed)
        Console(soft_wrap=True).print(run.name, facts, table(figures))
        found[run.name] = {"facts": facts, "figures": [asdict(one) for one in figures]}
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure(out: Path, tasks: int, seed: int) -> tuple[list[Figure], dict[str, float]]:
    """The figures of one run's own credit and of `FREE`, and what was played.

    Raises `ConfigError` where the folder holds no checkpoint of a household's run.
    """
    last = newest(out / "checkpoints")
    if last is None:
        raise ConfigError(f"{out} holds no checkpoint; give the folder of a training run")
    run = load_run(out / "run.toml")
    if plugin_name(run["env"], "env") != "turngym/Household-v0":
        raise ConfigError(
            f"{out} trained on {run['env']['name']}; true progress is known in households alone"
        )
    with ExitStack() as stack:
        setup = prepare(run, stack, weights=str(last / "policy"))
        restored(setup, last)
        groups = asyncio.run(_play(setup, tasks, seed))
        steps = _scored(setup, groups)
        progress = replayed(groups, run["env"])
        own = per_turn(setup.loop.credit(steps), steps)
        name = f"{run['credit']['name']} of this run"
        figures = [
            figure(name, own, groups, steps, progress, seed=seed),
            *measured(groups, progress, FREE, seed=seed),
        ]
        return figures, described(groups, progress)


async def _play(setup: Setup, tasks: int, seed: int) -> list[Group]:
    loop = setup.loop
    chosen = training_tasks(setup.run["env"]["name"], derive_seed(seed, "credit quality"), tasks, 0)
    sampler: Sampler = loop.sampler
    return await sampler.collect(chosen, loop.group_size, derive_seed(seed, "credit quality", "rollout"))


def _scored(setup: Setup, groups: Sequence[Group]) -> Steps:
    """The table as the training loop gives it to credit."""
    samples = pack(trajectory for group in groups for trajectory in group.trajectories)
    setup.loop.trainer.score(samples)
    return with_values(Steps.of(groups, samples), samples)


def replayed(groups: Sequence[Group], env: dict[str, Any]) -> Floats:
    """The true progress of every turn in the order of `Steps.of`; NaN where the planner finds no way. [N]"""
    world = Household(**{key: value for key, value in env.items() if key != "name"})
    progress: list[float] = []
    for group in groups:
        remaining = Remaining()
        for trajectory in group.trajectories:
            progress += _progress(world, remaining, trajectory)
    return np.array(progress)


def _progress(env: Household, remaining: Remaining, trajectory: Trajectory) -> list[float]:
    env.reset(seed=trajectory.task.seed, options=trajectory.task.options)
    left = [number(remaining(env.world))]
    for turn in trajectory.turns:
        env.step(turn.action)
        left.append(number(remaining(env.world)))
    return [before - after for before, after in pairwise(left)]


if __name__ == "__main__":
    main()
