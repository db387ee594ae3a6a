"""Episodes and models for tests of judges."""

from __future__ import annotations

from collections.abc import Sequence

from turngym.core.types import Group, Task, Trajectory, Turn

TASK = Task(env="test", seed=0)


def episode(actions: Sequence[str], reward: float = 0.0, member: int = 0, task: Task = TASK) -> Trajectory:
    """Its last turn earns the reward; states are the numbers of the turns."""
    turns = [Turn(obs=f"seen {t}", action=action, reward=0.0, state=t) for t, action in enumerate(actions)]
    turns[-1].reward = reward
    return Trajectory(task=task, member=member, turns=turns, final_obs="the end", success=reward > 0)


def group(*trajectories: Trajectory) -> Group:
    return Group(task=trajectories[0].task, trajectories=list(trajectories))


def about(question: Sequence[dict[str, str]]) -> str:
    """The last action that a question shows."""
    lines = [line for line in question[1]["content"].splitlines() if line.startswith("Turn ")]
    return lines[-1].partition(": ")[2]


class ByAction:
    """A model that answers by the last action it is shown, and counts how often it is asked."""

    settings = {"model": "by action"}  # noqa: RUF012

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers, self.asked = answers, 0

    def __call__(self, messages: Sequence[dict[str, str]]) -> str:
        self.asked += 1
        return self.answers[about(messages)]
