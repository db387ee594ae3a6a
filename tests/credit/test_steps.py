"""From episodes to the table that credit reads."""

from __future__ import annotations

import numpy as np
import pytest

from turngym.core.types import Call, Group, Status, Task, Trajectory, Turn
from turngym.credit.steps import Steps, number

TASK = Task(env="corridor", seed=0)


def turn(obs, reward=0.0, *, tokens=(), **more):
    calls = [Call(prompt_ids=[1], action_ids=[2] * size, logprobs=[0.0] * size) for size in tokens]
    return Turn(obs=obs, action="go", reward=reward, calls=calls, **more)


def trajectory(*turns, status=Status.DONE):
    return Trajectory(task=TASK, member=0, turns=list(turns), status=status)


def test_a_row_is_a_turn_in_order():
    groups = [
        Group(task=TASK, trajectories=[trajectory(turn("a"), turn("b", 1.0)), trajectory(turn("a"))]),
        Group(task=TASK, trajectories=[trajectory(turn("b", 2.0, valid=False))]),
    ]
    steps = Steps.of(groups)
    assert steps.group.tolist() == [0, 0, 0, 1]
    assert steps.traj.tolist() == [0, 0, 1, 2]
    assert steps.t.tolist() == [0, 1, 0, 0]
    assert steps.reward.tolist() == [0, 1, 0, 2]
    assert steps.state.tolist() == [0, 1, 0, 1]
    assert steps.valid.tolist() == [True, True, True, False]


def test_the_state_goes_before_the_observation():
    steps = Steps.of(
        [Group(task=TASK, trajectories=[trajectory(turn("a", state=(1, 2)), turn("b", state=(1, 2)))])]
    )
    assert steps.state.tolist() == [0, 0]
    assert steps.texts == ((1, 2), (1, 2))


def test_tokens_count_all_calls_of_a_turn():
    steps = Steps.of([Group(task=TASK, trajectories=[trajectory(turn("a", tokens=(2, 3)), turn("b"))])])
    assert steps.tokens.tolist() == [5, 0]


def test_failed_episodes_and_episodes_without_turns_leave_no_row():
    failed = trajectory(turn("x"), status=Status.ENV_ERROR)
    groups = [Group(task=TASK, trajectories=[trajectory(), trajectory(turn("a"))], failed=[failed])]
    steps = Steps.of(groups)
    assert steps.texts == ("a",)
    assert steps.traj.tolist() == [1]
    assert steps.score().tolist() == [0]


@pytest.mark.parametrize(
    ("status", "truncated", "cut"),
    [
        (Status.DONE, False, False),
        (Status.DONE, True, True),
        (Status.TURN_LIMIT, False, True),
        (Status.TOKEN_LIMIT, False, True),
    ],
)
def test_only_the_last_turn_of_a_cut_off_episode_bootstraps(status, truncated, cut):
    episode = trajectory(turn("a"), turn("b", truncated=truncated), status=status)
    assert Steps.of([Group(task=TASK, trajectories=[episode])]).bootstrap.tolist() == [False, cut]


def test_no_groups_make_an_empty_table():
    assert len(Steps.of([])) == 0
    assert Steps.of([]).returns(0.5).tolist() == []


def test_numbers_are_given_in_order_of_first_appearance():
    assert number(["b", "a", "b", 1, 1.0, True]).tolist() == [0, 1, 0, 2, 2, 2]


def test_a_state_that_cannot_be_compared_is_refused():
    with pytest.raises(TypeError, match="unhashable type: 'list'; give a string, a number or a tuple"):
        number([["a"]])


def test_charges_add_up_and_leave_the_table_they_came_from():
    steps = Steps.of([Group(task=TASK, trajectories=[trajectory(turn("a"), turn("b", 4.0))])])
    charged = steps.charge(np.array([1.0, 0.0])).charge(np.array([0.5, 0.25]))
    assert charged.score().tolist() == [2.5, 3.75]
    assert charged.returns(0.5).tolist() == [0.5, 3.75]
    assert steps.score().tolist() == [4, 4]
