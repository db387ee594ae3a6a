"""Learning from episodes that were played before: any trainer and any credit, without an environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from turngym.core.episodes import read_episodes
from turngym.core.errors import ConfigError
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Trajectory
from turngym.trainers.loop import Clock, Loop, Metrics


def stored_groups(paths: Sequence[Path]) -> list[Group]:
    """The episodes of the files, grouped by task, tasks in order of first appearance; failed ones stand apart.

    Raises `ConfigError` for a line that is no episode, and for episodes stored without their tokens.
    """
    groups: dict[str, Group] = {}
    for path in paths:
        episodes, faults = read_episodes(path)
        if faults:
            raise ConfigError(f"{path} cannot be learned from: {faults[0]}; correct the line or remove it")
        for episode in episodes:
            _check_tokens(path, episode)
            group = groups.setdefault(episode.task.id, Group(task=episode.task, trajectories=[]))
            (group.failed if episode.status.failed else group.trajectories).append(episode)
    return list(groups.values())


def _check_tokens(path: Path, episode: Trajectory) -> None:
    if episode.turns and not any(turn.calls for turn in episode.turns):
        raise ConfigError(
            f"{path} holds no tokens of {episode.task.id}, member {episode.member}; store episodes by "
            "write_episodes(..., tokens=True)"
        )


def learn_stored(loop: Loop, groups: Sequence[Group], *, batch: int, passes: int = 1) -> list[Metrics]:
    """Learn from stored groups as from fresh ones, `batch` of them a step; gives the metrics of each step.

    Every pass takes them in another order, which follows from the loop's seed.
    """
    steps: list[Metrics] = []
    for number in range(passes):
        order = np.random.default_rng(derive_seed(loop.seed, "stored", number)).permutation(len(groups))
        for start in range(0, len(order), batch):
            chosen = [groups[i] for i in order[start : start + batch]]
            steps.append(loop.learn(chosen, Clock()))
    return steps
