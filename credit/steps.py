"""The table that credit reads: one row per turn."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from turngym.core.samples import Sample
from turngym.core.types import Group, Status, Trajectory
from turngym.credit.toolbox import Bools, Floats, Ints, discount

__all__ = ["Bools", "Floats", "Ints", "Steps", "number"]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Arrays over the turns of many episodes; rows of an episode are adjacent and in order."""

    group: Ints  # [N] which group the turn belongs to, from 0
    traj: Ints  # [N] which trajectory, from 0, over all groups
    t: Ints  # [N] position in its episode, from 0
    reward: Floats  # [N]
    state: Ints  # [N] equal numbers mean equal states; only compare within a group
    valid: Bools  # [N]
    tokens: Ints  # [N] how many tokens the turn sampled, candidates not acted on left out
    bootstrap: Bools  # [N] true on the last turn of an episode that was cut off, not finished
    penalty: Floats | float = 0.0  # [N] taken from the turn's own score and return, never from another turn's
    value: Floats | None = None  # [N] critic's value before the turn, where there is a critic
    token_value: Floats | None = None  # [T] critic's value before each sampled token, rows in order
    final_value: Floats | None = None  # [N] critic's value after the last turn; read where `bootstrap`
    trajectories: tuple[Trajectory, ...] = ()
    samples: tuple[Sample, ...] = ()
    """The same turns in tokens, for credit that reads them with a model of its own: their `row` is a row here."""
    texts: tuple[Hashable, ...] = ()
    """The states themselves, row by row, for methods that compare them by likeness."""

    def __len__(self) -> int:
        return len(self.traj)

    def score(self) -> Floats:
        """The undiscounted reward of the turn's whole episode, less the turn's own penalty. [N]"""
        episode = np.bincount(self.traj, self.reward)
        return np.asarray(episode[self.traj] - self.penalty, dtype=np.float64)

    def returns(self, gamma: float) -> Floats:
        """The discounted reward from the turn on, less the turn's own penalty. [N]"""
        return discount(self.reward, self.traj, gamma) - self.penalty

    def charge(self, cost: Floats) -> Steps:
        """The same table with `cost` added to the penalties."""
        return replace(self, penalty=np.asarray(self.penalty + cost, dtype=np.float64))

    @classmethod
    def of(cls, groups: Sequence[Group], samples: Sequence[Sample] = ()) -> Steps:
        """The table of all turns of the groups' trajectories; failed episodes are not in it.

        `samples` are what `pack` made of the same trajectories. Raises `TypeError` for a state that is not hashable.
        """
        trajectories = tuple(trajectory for group in groups for trajectory in group.trajectories)
        sizes = [len(trajectory.turns) for trajectory in trajectories]
        member_of = [number for number, group in enumerate(groups) for _ in group.trajectories]
        turns = [turn for trajectory in trajectories for turn in trajectory.turns]
        states = tuple(turn.state if turn.state is not None else turn.obs for turn in turns)
        sampled = [sum(len(call.action_ids) for call in turn.calls if call.chosen) for turn in turns]
        cut = [end for trajectory in trajectories for end in _cut_off(trajectory)]
        return cls(
            group=np.repeat(np.array(member_of, dtype=np.int64), sizes),
            traj=np.repeat(np.arange(len(sizes), dtype=np.int64), sizes),
            t=np.array([t for size in sizes for t in range(size)], dtype=np.int64),
            reward=np.array([turn.reward for turn in turns], dtype=np.float64),
            state=number(states),
            valid=np.array([turn.valid for turn in turns], dtype=np.bool_),
            tokens=np.array(sampled, dtype=np.int64),
            bootstrap=np.array(cut, dtype=np.bool_),
            trajectories=trajectories,
            samples=tuple(samples),
            texts=states,
        )


def number(values: Iterable[Hashable]) -> Ints:
    """Small integers, equal exactly where the values are equal, in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    try:
        return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)
    except TypeError as error:
        raise TypeError(f"a state cannot be compared: {error}; give a string, a number or a tuple") from error


def _cut_off(trajectory: Trajectory) -> list[bool]:
    last = trajectory.status in (Status.TURN_LIMIT, Status.TOKEN_LIMIT) or (
        bool(trajectory.turns) and trajectory.turns[-1].truncated
    )
    return [False] * (len(trajectory.turns) - 1) + [last] * bool(trajectory.turns)
