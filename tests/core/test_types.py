from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core.types import Call, Group, Status, Task, Trajectory, Turn

options = st.dictionaries(
    st.text(), st.integers() | st.booleans() | st.text() | st.lists(st.integers()), max_size=3
)


def turn(reward: float) -> Turn:
    return Turn(obs="", action="", reward=reward)


def trajectory(*rewards: float, status: Status = Status.DONE) -> Trajectory:
    return Trajectory(
        task=Task(env="x", seed=0), member=0, turns=[turn(reward) for reward in rewards], status=status
    )


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        (Status.DONE, False),
        (Status.TURN_LIMIT, False),
        (Status.TOKEN_LIMIT, False),
        (Status.TIMEOUT, True),
        (Status.ENV_ERROR, True),
        (Status.ENGINE_ERROR, True),
    ],
)
def test_what_says_nothing_about_the_policy_is_failed(status: Status, failed: bool) -> None:
    assert status.failed is failed


def test_every_status_was_asked() -> None:
    assert len(Status) == 6


@given(options)
def test_equal_tasks_are_one_key_whatever_the_order_of_their_options(options: dict[str, object]) -> None:
    one = Task(env="x", seed=1, options=options)
    other = Task(env="x", seed=1, options=dict(reversed(options.items())))
    assert one == other
    assert one.id == other.id
    assert {one: "here"}[other] == "here"
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one


@given(options, options)
def test_other_options_are_another_task(one: dict[str, object], other: dict[str, object]) -> None:
    tasks = Task(env="x", seed=1, options=one), Task(env="x", seed=1, options=other)
    if tasks[0].id == tasks[1].id:
        assert tasks[0] == tasks[1]


def test_the_id_of_a_task_reads_like_this() -> None:
    assert Task(env="turngym/Corridor-v0", seed=7).id == "turngym/Corridor-v0?seed=7"
    assert Task(env="x", seed=7, options={"b": 1, "a": "y"}).id == 'x?seed=7&options={"a":"y","b":1}'


def test_a_task_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Task(env="x", seed=0).seed = 1  # type: ignore[misc]


def test_a_call_has_a_logprob_for_each_action_id() -> None:
    call = Call(prompt_ids=[1, 2], action_ids=[3, 4], logprobs=[-0.1, -0.2])
    assert (call.stop, call.version) == ("stop", 0)
    with pytest.raises(ValueError, match="2 action ids but 1 logprobs"):
        Call(prompt_ids=[1], action_ids=[3, 4], logprobs=[-0.1])


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError):
        trajectory().rewards = 1.0  # type: ignore[attr-defined]


def test_the_reward_of_an_episode_is_the_sum_over_its_turns() -> None:
    assert trajectory().reward == 0
    assert trajectory(0.5, 0.0, 1.0).reward == 1.5


def test_an_episode_that_was_not_told_of_success_did_not_fail() -> None:
    assert trajectory().success is None


def test_only_a_group_with_two_outcomes_is_informative() -> None:
    task = Task(env="x", seed=0)
    won, lost = trajectory(0.0, 1.0), trajectory(0.0)
    assert Group(task=task, trajectories=[won, lost]).informative
    assert not Group(task=task, trajectories=[won, trajectory(1.0)]).informative
    assert not Group(task=task, trajectories=[won]).informative
    assert not Group(task=task, trajectories=[won], failed=[lost]).informative
