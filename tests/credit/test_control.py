"""The control keeps the numbers of a method and nothing else."""

from __future__ import annotations

import numpy as np

from turngym.core.types import Group, Task, Trajectory, Turn
from turngym.credit import Steps, registry


def table() -> Steps:
    task = Task(env="e", seed=0)
    episodes = [
        Trajectory(
            task=task, member=m, turns=[Turn(obs=f"{t}", action="", reward=float(m == t)) for t in range(6)]
        )
        for m in range(6)
    ]
    return Steps.of([Group(task=task, trajectories=episodes)])


def test_shuffled_advantages_are_the_same_numbers_elsewhere_and_repeat():
    steps, base = table(), {"name": "hgpo", "depth": 1, "gamma": 0.9}
    plain = registry.make("hgpo", depth=1, gamma=0.9)(steps).advantages
    dealt = registry.make("shuffled", base=base)(steps).advantages
    assert sorted(dealt) == sorted(plain)
    assert not np.array_equal(dealt, plain)
    assert np.array_equal(dealt, registry.make("shuffled", base=base)(steps).advantages)
    assert not np.array_equal(dealt, registry.make("shuffled", base=base, seed=1)(steps).advantages)
