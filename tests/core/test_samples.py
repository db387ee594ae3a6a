from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core.samples import Sample, assign, pack
from turngym.core.types import Call, Task, Trajectory, Turn


def call(prompt_ids: list[int], action_ids: list[int], version: int = 0) -> Call:
    logprobs = [-token / 10 for token in action_ids]
    return Call(prompt_ids=prompt_ids, action_ids=action_ids, logprobs=logprobs, version=version)


def episode(*turns: list[Call]) -> Trajectory:
    made = [Turn(obs="", action="", reward=0.0, calls=calls) for calls in turns]
    return Trajectory(task=Task(env="e", seed=0), member=0, turns=made)


def test_a_growing_conversation_is_one_sample() -> None:
    (sample,) = pack([episode([call([1, 2], [3, 4])], [call([1, 2, 3, 4, 5], [6])])])
    assert sample.token_ids == [1, 2, 3, 4, 5, 6]
    assert sample.row == [-1, -1, 0, 0, -1, 1]
    assert sample.logprobs == [0.0, 0.0, -0.3, -0.4, 0.0, -0.6]
    assert sample.advantages == [0.0] * 6
    assert sample.sampled == 3


def test_a_prompt_written_afresh_opens_a_new_sample() -> None:
    first, second = pack([episode([call([1, 2], [3])], [call([1, 9], [4])])])
    assert (first.token_ids, first.row) == ([1, 2, 3], [-1, -1, 0])
    assert (second.token_ids, second.row) == ([1, 9, 4], [-1, -1, 1])


def test_the_same_text_in_other_tokens_does_not_continue_a_sample() -> None:
    samples = pack([episode([call([1], [5, 6])], [call([1, 56, 7], [8])])])
    assert [sample.token_ids for sample in samples] == [[1, 5, 6], [1, 56, 7, 8]]


def test_calls_of_one_turn_share_its_row() -> None:
    (sample,) = pack([episode([call([1], [2]), call([1, 2, 3], [4])], [call([1, 2, 3, 4, 5], [6])])])
    assert sample.row == [-1, 0, -1, 0, -1, 1]


def test_rows_count_turns_over_all_episodes_and_turns_without_calls_too() -> None:
    first, second = pack([episode([], [call([1], [2])]), episode([call([1, 2], [3])])])
    assert (first.row, second.row) == ([-1, 1], [-1, -1, 2])


def test_a_sample_never_runs_on_into_the_next_episode() -> None:
    samples = pack([episode([call([1], [2])]), episode([call([1, 2, 3], [4])])])
    assert [sample.token_ids for sample in samples] == [[1, 2], [1, 2, 3, 4]]


def test_a_sample_is_as_old_as_its_oldest_token() -> None:
    (sample,) = pack([episode([call([1], [2], version=4)], [call([1, 2], [3], version=5)])])
    assert sample.version == 4


calls = st.lists(st.tuples(st.lists(st.integers(1, 9), max_size=4), st.lists(st.integers(1, 9), max_size=4)))


@given(calls, st.booleans())
def test_packing_keeps_every_sampled_token_in_order(
    parts: list[tuple[list[int], list[int]]], growing: bool
) -> None:
    turns, seen = [], [0]
    for context, sampled in parts:
        seen = [*seen, *context] if growing else [0, *context]
        turns.append([call(seen, sampled)])
        seen = seen + sampled
    samples = pack([episode(*turns)])
    packed = [
        (row, token)
        for sample in samples
        for row, token in zip(sample.row, sample.token_ids, strict=True)
        if row >= 0
    ]
    assert packed == [(row, token) for row, (_, sampled) in enumerate(parts) for token in sampled]
    assert not growing or len(samples) == min(len(parts), 1)
    for sample in samples:
        assert (
            len({len(sample.token_ids), len(sample.row), len(sample.logprobs), len(sample.advantages)}) == 1
        )


def two_turns() -> list[Sample]:
    return pack([episode([call([1], [2, 3])], [call([1, 2, 3, 4], [5])])])


def test_credit_per_turn_reaches_every_token_of_the_turn() -> None:
    samples = two_turns()
    assign(samples, [0.5, -1.0], [2.0, 3.0])
    assert samples[0].advantages == [0.0, 0.5, 0.5, 0.0, -1.0]
    assert samples[0].returns == [0.0, 2.0, 2.0, 0.0, 3.0]


def test_credit_per_token_is_written_in_order() -> None:
    samples = two_turns()
    assign(samples, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], per="token")
    assert samples[0].advantages == [0.0, 1.0, 2.0, 0.0, 3.0]
    assert samples[0].returns == [0.0, 4.0, 5.0, 0.0, 6.0]


def test_without_returns_there_are_none() -> None:
    samples = two_turns()
    assign(samples, [0.5, -1.0])
    assert samples[0].returns is None


def test_turns_without_tokens_at_the_end_may_have_credit() -> None:
    samples = two_turns()
    assign(samples, [0.5, -1.0, 9.0])
    assert samples[0].advantages == [0.0, 0.5, 0.5, 0.0, -1.0]


@pytest.mark.parametrize(("numbers", "per"), [(1, "turn"), (2, "token"), (4, "token")])
def test_credit_of_another_length_is_refused(numbers: int, per: Literal["turn", "token"]) -> None:
    with pytest.raises(ValueError, match=f"{numbers} advantages per {per} for 2 turns and 3 sampled tokens"):
        assign(two_turns(), [1.0] * numbers, per=per)
