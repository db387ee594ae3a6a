"""The table that credit reads: one row per turn."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from turngym.core.types import Group, Status, Trajectory

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Arrays over the turns of many episodes; rows of an episode are adjacent and in order."""

    group: Ints  # [N] which group the turn belongs to, from 0
    traj: Ints  # [N] which trajectory, from 0, over all groups
    t: Ints  # [N] position in its episode, from 0
    reward: Floats  # [N]
    state: Ints  # [N] equal numbers mean equal states; only compare within a group
    valid: Bools  # [N]
    tokens: Ints  # [N] how many tokens the turn sampled
    bootstrap: Bools  # [N] true on the last turn of an episode that was cut off, not finished
    value: Floats | None = None  # [N] critic's value before the turn, where there is a critic
    final_value: Floats | None = None  # [N] critic's value after the last turn; read where `bootstrap`
    trajectories: tuple[Trajectory, ...] = ()
    texts: tuple[Hashable, ...] = ()
    """The states themselves, row by row, for methods that compare them by likeness."""

    def __len__(self) -> int:
        return len(self.traj)

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Steps:
        """The table of all turns of the groups' trajectories; failed episodes are not in it."""
        trajectories = tuple(trajectory for group in groups for trajectory in group.trajectories)
        sizes = [len(trajectory.turns) for trajectory in trajectories]
        member_of = [number for number, group in enumerate(groups) for _ in group.trajectories]
        turns = [turn for trajectory in trajectories for turn in trajectory.turns]
        states = tuple(turn.state if turn.state is not None else turn.obs for turn in turns)
        return cls(
            group=np.repeat(np.array(member_of, dtype=np.int64), sizes),
            traj=np.repeat(np.arange(len(sizes), dtype=np.int64), sizes),
            t=np.array([t for size in sizes for t in range(size)], dtype=np.int64),
            reward=np.array([turn.reward for turn in turns], dtype=np.float64),
            state=code(states),
            valid=np.array([turn.valid for turn in turns], dtype=np.bool_),
            tokens=np.array([sum(len(call.action_ids) for call in turn.calls) for turn in turns], dtype=np.int64),
            bootstrap=np.array([cut for trajectory in trajectories for cut in _cut_off(trajectory)], dtype=np.bool_),
            trajectories=trajectories,
            texts=states,
        )


def _cut_off(trajectory: Trajectory) -> list[bool]:
    last = trajectory.status in (Status.TURN_LIMIT, Status.TOKEN_LIMIT) or (
        bool(trajectory.turns) and trajectory.turns[-1].truncated
    )
    return [False] * (len(trajectory.turns) - 1) + [last] * bool(trajectory.turns)


def code(values: Iterable[Hashable]) -> Ints:
    """Small integers, equal exactly where the values are equal, in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)
