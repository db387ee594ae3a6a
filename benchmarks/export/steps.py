"""Episodes with a label, a reward and an advantage for every step, in TRL's stepwise supervision format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from turngym.benchmarks.credit_table import counting, give, per_turn, regroup
from turngym.benchmarks.export.episodes import Episode
from turngym.benchmarks.export.files import Row
from turngym.benchmarks.export.sft import about
from turngym.core.errors import ConfigError
from turngym.core.types import Trajectory
from turngym.credit import Steps


def stepwise(episodes: Sequence[Episode], method: str | None = None) -> list[Row]:
    """A row an episode: `prompt` is the first observation, a completion a reply after the observation it answers.

    So what is read up to a step's end does not tell what came of it. `labels` are true where `method` gives the
    step positive credit; without a method, where the episode was won or, if that is not told, rewarded.
    `rewards` are the environment's, `advantages` the method's (absent without one). Raises `ConfigError` for a
    method that is unknown or has no credit for a step.
    """
    played = [episode for episode in episodes if episode.trajectory.turns]
    credit = {} if method is None else _credit([episode.trajectory for episode in played], method)
    return [_row(episode, credit.get(place)) for place, episode in enumerate(played)]


def _credit(trajectories: Sequence[Trajectory], method: str) -> dict[int, list[float]]:
    """The method's advantages, by the trajectory's place."""
    steps = counting(Steps.of(regroup(trajectories)))
    values = per_turn(give(method, steps), steps)
    if not np.isfinite(values).all():
        raise ConfigError(
            f"{method} says nothing of {int((~np.isfinite(values)).sum())} steps; choose another"
        )
    places = {id(trajectory): place for place, trajectory in enumerate(trajectories)}
    return {
        places[id(trajectory)]: values[steps.traj == number].tolist()
        for number, trajectory in enumerate(steps.trajectories)
    }


def _row(episode: Episode, advantages: list[float] | None) -> Row:
    turns = episode.trajectory.turns
    replies = [_reply(episode, number) for number in range(len(turns))]
    labels = (
        [_outcome(episode.trajectory)] * len(turns) if advantages is None else [a > 0 for a in advantages]
    )
    return {
        "prompt": f"{turns[0].obs}\n> ",
        "completions": [reply if n == 0 else f"{turns[n].obs}\n> {reply}" for n, reply in enumerate(replies)],
        "labels": labels,
        "rewards": [float(turn.reward) for turn in turns],
        **({} if advantages is None else {"advantages": advantages}),
        "valid": [turn.valid for turn in turns],
        **about(episode.trajectory),
    }


def _reply(episode: Episode, turn: int) -> str:
    said = episode.said[turn]
    return said[-1].reply if said else episode.trajectory.turns[turn].action


def _outcome(trajectory: Trajectory) -> bool:
    return trajectory.reward > 0 if trajectory.success is None else trajectory.success
