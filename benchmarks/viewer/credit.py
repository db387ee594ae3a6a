"""What credit methods give to the turns of one group, and which of its turns share their state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from turngym.benchmarks.credit_table import compare, counting, give, made, section
from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Steps, registry
from turngym.credit.anchor import histories

DEEPEST = 8
"""Past states up to which a shared history is told."""
DEFAULT = ("grpo", "gigpo", "hgpo")

Numbers = list[list[float | None]]
"""A list per episode of the group, with an entry per turn."""


def check(methods: Sequence[str]) -> None:
    """Raise a `UserError` for a method that is unknown, wrongly written, or needs a model of its own."""
    for method in methods:
        made(section(method))


def opinion(group: Group, method: str) -> dict[str, Any]:
    """`credit` of the group's turns by a method, as `turngym credit` writes it, or the `error` in a sentence.

    The group is all there is: a method that normalises over a batch does so over the group. Where a method says
    nothing of a turn, it has `None`.
    """
    if not any(trajectory.turns for trajectory in group.trajectories):
        return {"method": method, "error": "the group has no turns that can be credited"}
    try:
        compared = compare([group], [method])
    except Exception as error:  # methods are anybody's plug-ins, and one must not take the others with it
        return {"method": method, "error": str(error) or type(error).__name__}
    values = np.where(np.isfinite(compared.credit[method]), compared.credit[method], np.nan)
    told = [None if np.isnan(value) else float(value) for value in values]
    return {"method": method, "credit": _by_episode(told, group), "notes": list(compared.notes)}


def shared(group: Group) -> list[Numbers]:
    """For k = 0 to `DEEPEST`: equal numbers where turns share their state and the k states before it.

    These are the groups of HGPO's levels; those of k = 0 are GiGPO's.
    """
    keys = histories(Steps.of([group]), DEEPEST)
    return [_by_episode(key.tolist(), group) for key in keys]


def _by_episode(values: Sequence[Any], group: Group) -> Numbers:
    entries = iter(values)
    return [[next(entries) for _ in trajectory.turns] for trajectory in group.trajectories]


@cache
def offered() -> tuple[str, ...]:
    """The registered methods that answer without a model, a critic or a judge.

    Found by asking each about two short episodes; those that come with an extra are not loaded for it.
    """
    steps = counting(Steps.of([_EXAMPLE]))
    return tuple(name for name in registry.names() if registry.extra(name) is None and _answers(name, steps))


def _answers(method: str, steps: Steps) -> bool:
    try:
        give(method, steps)
    except Exception:  # as in `opinion`
        return False
    return True


def _episode(member: int, reward: float) -> Trajectory:
    call = Call(prompt_ids=[0], action_ids=[1], logprobs=[0.0])
    turn = Turn(obs="a room", action="wait", reward=reward, calls=[call])
    return Trajectory(task=_TASK, member=member, turns=[turn], success=bool(reward))


_TASK = Task(env="example", seed=0)
_EXAMPLE = Group(task=_TASK, trajectories=[_episode(0, 0.0), _episode(1, 1.0)])
