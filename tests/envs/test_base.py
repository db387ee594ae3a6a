from __future__ import annotations

import pickle
from typing import Any

import gymnasium
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs import EnvFailure, Text, TextEnv


class Silent(TextEnv):
    """The least an environment can be."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return "", 0.0, False, False, {}


@given(st.text())
def test_every_string_is_text(text: str) -> None:
    assert text in Text()


@given(st.one_of(st.none(), st.integers(), st.binary(), st.lists(st.text())))
def test_nothing_else_is_text(other: Any) -> None:
    assert other not in Text()


def test_stock_text_would_refuse_a_sentence() -> None:
    sentence = "You are in cell 3."
    assert sentence not in gymnasium.spaces.Text(100)
    assert sentence in Text()


def test_samples_are_words_that_follow_from_the_seed() -> None:
    one, other = Text(seed=3), Text(seed=3)
    words = [one.sample() for _ in range(50)]
    assert words == [other.sample() for _ in range(50)]
    assert len(set(words)) > 25
    assert all(word.isalpha() and word.islower() and len(word) <= 8 for word in words)


def test_text_spaces_are_equal_to_each_other_alone() -> None:
    assert Text() == Text(seed=1)
    assert Text() != gymnasium.spaces.Discrete(2)


def test_a_space_survives_pickling() -> None:
    space = Text(seed=5)
    assert pickle.loads(pickle.dumps(space)).sample() == space.sample()


def test_each_environment_has_spaces_of_its_own() -> None:
    one, other = Silent(), Silent()
    one.action_space.seed(0)
    before = other.action_space.np_random.bit_generator.state
    one.action_space.sample()
    assert other.action_space.np_random.bit_generator.state == before
    assert one.action_space is one.action_space


def test_a_subclass_may_set_a_space_of_its_own() -> None:
    env = Silent()
    env.action_space = gymnasium.spaces.Discrete(2)
    assert env.action_space == gymnasium.spaces.Discrete(2)


def test_reset_seeds_the_generator() -> None:
    env = Silent()
    draws = []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        draws.append(int(env.np_random.integers(1 << 40)))
    assert draws[0] == draws[2] != draws[1]


def test_a_failure_keeps_message_and_traceback_when_pickled() -> None:
    failure = pickle.loads(pickle.dumps(EnvFailure("the house burned down", "line 7")))
    assert (str(failure), failure.trace) == ("the house burned down", "line 7")
    with pytest.raises(EnvFailure, match=r"^the house burned down$"):
        raise failure
