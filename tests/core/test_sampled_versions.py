"""Which policy version sampled which token: in a call, in a training sequence, on disk."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core.episodes import from_record, to_record
from turngym.core.samples import Sample, pack
from turngym.core.types import Call, Task, Trajectory, Turn


def call(prompt: list[int], versions: list[int]) -> Call:
    """A reply of as many tokens as there are versions; one number stands for equal ones."""
    alike = len(set(versions)) == 1
    return Call(
        prompt_ids=prompt,
        action_ids=[7] * len(versions),
        logprobs=[-1.0] * len(versions),
        version=min(versions),
        versions=None if alike else versions,
    )


def conversation(replies: list[list[int]], seen: int = 1) -> Trajectory:
    """A growing conversation in which the environment adds `seen` tokens before every reply."""
    turns: list[Turn] = []
    prompt: list[int] = []
    for versions in replies:
        prompt = [*prompt, *[1] * seen]
        turns.append(Turn(obs="", action="", reward=0.0, calls=[call(prompt, versions)]))
        prompt = [*prompt, *[7] * len(versions)]
    return Trajectory(task=Task(env="corridor", seed=0), member=0, turns=turns)


def test_a_sequence_of_one_version_carries_one_number():
    (sample,) = pack([conversation([[3, 3], [3]])])
    assert (sample.version, sample.versions) == (3, None)


def test_a_push_between_two_replies_is_kept_token_by_token():
    (sample,) = pack([conversation([[3, 3], [4]])])
    assert sample.row == [-1, 0, 0, -1, 1]
    assert sample.versions == [3, 3, 3, 3, 4]
    assert sample.version == 3


def test_a_push_in_the_middle_of_a_reply_is_kept_token_by_token():
    (sample,) = pack([conversation([[3, 4], [5], [5, 6]], seen=2)])
    assert sample.versions == [3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6]
    assert sample.version == 3


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=5))
def test_sampled_tokens_carry_the_versions_of_their_calls_in_order(replies):
    (sample,) = pack([conversation(replies)])
    versions = sample.versions or [sample.version] * len(sample.token_ids)
    sampled = [version for version, row in zip(versions, sample.row, strict=True) if row >= 0]
    assert sampled == [version for reply in replies for version in reply]
    assert len(versions) == len(sample.token_ids)
    assert sample.version == min(sampled)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_an_episode_comes_back_from_disk_with_its_versions(versions):
    episode = conversation([versions])
    record = to_record(episode, tokens=True)
    assert ("versions" in record["turns"][0]["calls"][0]) == (len(set(versions)) > 1)
    assert from_record(json.loads(json.dumps(record))) == episode


def test_a_record_without_versions_is_read_as_before():
    record = to_record(conversation([[2, 3]]), tokens=True)
    del record["turns"][0]["calls"][0]["versions"]
    assert from_record(record).turns[0].calls[0].versions is None


def test_a_call_whose_versions_are_too_few_is_refused():
    with pytest.raises(ValueError, match="2 action ids but 1 versions; give one per id"):
        Call(prompt_ids=[1], action_ids=[2, 3], logprobs=[0.0, 0.0], versions=[1])


def test_samples_made_by_hand_need_no_versions():
    assert Sample(version=0, token_ids=[1], row=[0]).versions is None
