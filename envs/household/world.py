"""Play a household problem: commands in, texts out."""

from __future__ import annotations

import hashlib

from turngym.envs.household import text
from turngym.envs.household.commands import Commands
from turngym.envs.household.logic import logic_of
from turngym.envs.household.problem import Problem
from turngym.envs.household.state import Action, State

NOTHING = "Nothing happens."
"""The answer to a command that is not admissible."""


ANCHORS = ("world", "observation")
"""What credit may compare turns by: all that is so in the household, or what was last said of it."""


class World:
    """One household being played, equal to the ALFWorld game of the same problem text for text.

    `problem` may be shared by many worlds. `task` is the goal sentence of the first observation; `logic` the
    version of rules and texts, `"0.4"` or `"2.1.1"`. It starts as if freshly `reset`.
    """

    def __init__(self, problem: Problem, task: str, logic: str = "0.4") -> None:
        self.problem = problem
        self.task = task
        self.logic = logic_of(logic)
        self.commands = Commands(problem, self.logic)
        self.reset()

    def reset(self) -> str:
        """Put everything back; the first observation."""
        self._enter(self.problem.initial.copy())
        return text.introduction(self.problem, self.state, self.task)

    def step(self, command: str) -> tuple[str, bool]:
        """Do a command: the answer, and whether the goal holds afterwards.

        Space around the command does not matter, capitals do. What is not admissible changes nothing.
        """
        action = self.actions.get(command.strip())
        if action is None:
            return NOTHING, self.won
        self.state.apply(action)
        self._enter(self.state)
        return text.feedback(self.problem, self.state, self.logic, action), self.won

    @property
    def admissible(self) -> list[str]:
        """The admissible commands, sorted."""
        return sorted(self.actions)

    def anchor(self, kind: str, obs: str) -> str:
        """What `info["state"]` tells: the observation, or a fingerprint equal exactly where the states are."""
        if kind == "observation":
            return obs
        return hashlib.blake2b(repr(self.state.key()).encode(), digest_size=12).hexdigest()

    def copy(self) -> World:
        """A second world in the same state; playing one does not change the other."""
        other = World.__new__(World)
        other.__dict__.update(self.__dict__, state=self.state.copy())
        return other

    def _enter(self, state: State) -> None:
        self.state: State = state
        self.actions: dict[str, Action] = self.commands.admissible(state)
        self.won: bool = self.problem.goal.holds(state)


def check_anchor(kind: str) -> str:
    """The kind itself. Raises `ValueError` for one that does not exist."""
    if kind not in ANCHORS:
        raise ValueError(f"unknown state {kind!r}: choose one of {', '.join(ANCHORS)}")
    return kind
