"""Tables of made-up episodes, with tokens and a critic's values, that contracts are tried on."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from turngym.core.samples import pack
from turngym.core.types import Call, Group, Status, Task, Trajectory, Turn
from turngym.credit.steps import Steps

Batch = list[Group]

VOCABULARY = 100
"""Token ids are from 5 to 99."""


def steps(groups: Sequence[Group]) -> Steps:
    """The table of the groups, with their tokens and what a critic might say of each."""
    trajectories = [trajectory for group in groups for trajectory in group.trajectories]
    table = Steps.of(groups, pack(trajectories))
    # Drawn for each episode by itself, so that it keeps its values wherever in the table it stands.
    per_turn = list(chain.from_iterable(_values(trajectory) for trajectory in trajectories))
    return replace(
        table,
        value=np.array([values[0] if values else 0.0 for values in per_turn]),
        final_value=np.array([values[-1] if values else 0.0 for values in per_turn]),
        token_value=np.array([value for values in per_turn for value in values]),
    )


def usual(seed: int) -> Batch:
    """Three groups of four episodes over few states: won, lost and cut off, with invalid turns."""
    chance = random.Random(seed)
    return [_group(number, [_episode(chance) for _ in range(4)]) for number in range(3)]


def odd(seed: int) -> dict[str, Batch]:
    """Small or lopsided batches, by what is odd about them."""
    chance = random.Random(seed)
    made: dict[str, Callable[[], Batch]] = {
        "an episode of one turn": lambda: [_group(0, [_episode(chance, turns=1)])],
        "a group of one episode": lambda: [_group(0, [_episode(chance)])],
        "equal outcomes": lambda: [_group(0, [_episode(chance, reward=1.0) for _ in range(3)])],
        "no reward at all": lambda: [_group(0, [_episode(chance, reward=0.0) for _ in range(3)])],
        "twice the same episode": lambda: [_group(0, [_episode(random.Random(seed)) for _ in range(2)])],
        "negative and large rewards": lambda: [
            _group(0, [_episode(chance, reward=reward) for reward in (-5.0, 1e4, 0.0)])
        ],
        "turns that sampled nothing": lambda: [_group(0, [_silent(_episode(chance)) for _ in range(3)])],
        "groups of different sizes": lambda: [
            _group(number, [_episode(chance) for _ in range(1 + number)]) for number in range(3)
        ],
    }
    return {what: make() for what, make in made.items()}


def reversed_order(groups: Batch) -> Batch:
    """The same episodes, last group and last member first."""
    return [replace(group, trajectories=group.trajectories[::-1]) for group in groups[::-1]]


def _group(number: int, episodes: list[Trajectory]) -> Group:
    task = Task(env="checked", seed=number)
    for place, episode in enumerate(episodes):
        episode.task, episode.member = task, place
    return Group(task=task, trajectories=episodes)


def _episode(chance: random.Random, *, turns: int | None = None, reward: float | None = None) -> Trajectory:
    """One growing conversation of one to five turns; the reward comes with the last."""
    played: list[Turn] = []
    context: list[int] = []
    for _ in range(turns or chance.randint(1, 5)):
        call = _call(chance, context)
        context = call.prompt_ids + call.action_ids
        state = ("room", chance.randrange(3))
        played.append(
            Turn(
                obs=str(state),
                action="go",
                reward=0.0,
                state=state,
                valid=chance.random() < 0.8,
                calls=[call],
            )
        )
    cut = chance.random() < 0.3
    played[-1].reward = chance.choice([0.0, 0.0, 1.0]) if reward is None else reward
    played[-1].terminated = not cut
    return Trajectory(
        task=Task(env="checked", seed=0),
        member=0,
        turns=played,
        status=Status.TURN_LIMIT if cut else Status.DONE,
        success=not cut and played[-1].reward > 0,
        next_ids=[*context, *_ids(chance, 3)] if cut else [],
    )


def _call(chance: random.Random, context: list[int]) -> Call:
    said = _ids(chance, chance.randint(1, 4))
    logprobs = [-chance.random() for _ in said]
    return Call(prompt_ids=context + _ids(chance, 3), action_ids=said, logprobs=logprobs)


def _silent(episode: Trajectory) -> Trajectory:
    """All but the first turn were played by a script."""
    for turn in episode.turns[1:]:
        turn.calls = []
    return episode


def _ids(chance: random.Random, number: int) -> list[int]:
    return [chance.randrange(5, VOCABULARY) for _ in range(number)]


def _values(episode: Trajectory) -> list[list[float]]:
    """For each turn, a number for each token it sampled."""
    ids = [token for turn in episode.turns for call in turn.calls for token in call.action_ids]
    chance = random.Random(str(ids))
    return [[chance.gauss(0, 1) for call in turn.calls for _ in call.action_ids] for turn in episode.turns]
