"""Which answers are compared: those to the same tokens."""

from __future__ import annotations

import pytest

from turngym.core.samples import Sample
from turngym.trainers.pairs import Answer, pairs


def sample(*parts: tuple[list[int], list[int], float], first_row: int = 0) -> Sample:
    """Context, reply and advantage of each turn."""
    made = Sample(version=0)
    for row, (context, reply, advantage) in enumerate(parts, start=first_row):
        made.token_ids += context + reply
        made.row += [-1] * len(context) + [row] * len(reply)
        made.logprobs += [0.0] * len(context) + [-1.0] * len(reply)
        made.advantages += [0.0] * len(context) + [advantage] * len(reply)
    return made


def found(samples: list[Sample], **options: object) -> list[tuple[list[int], list[int], float]]:
    """Tokens of the better and of the worse answer, and the gap."""

    def tokens(answer: Answer) -> list[int]:
        return [samples[answer.sample].token_ids[place] for place in answer.places]

    return [(tokens(one.chosen), tokens(one.rejected), one.gap) for one in pairs(samples, **options)]  # type: ignore[arg-type]


def test_replies_to_the_same_tokens_are_compared():
    samples = [sample(([7, 8], [1], 2.0)), sample(([7, 8], [2], -1.0)), sample(([7, 9], [3], -5.0))]
    assert found(samples) == [([1], [2], 3.0)]


def test_later_turns_compare_where_all_before_them_was_equal():
    samples = [
        sample(([7], [1], 0.5), ([8], [2], 1.0)),
        sample(([7], [1], 0.5), ([8], [3], 0.0)),
        sample(([7], [4], 0.5), ([8], [5], 9.0)),
    ]
    assert found(samples) == [([2], [3], 1.0)]


def test_equal_replies_are_one_with_the_mean_of_their_advantages():
    samples = [sample(([7], [1], 2.0)), sample(([7], [1], 0.0)), sample(([7], [2], 0.25))]
    assert found(samples) == [([1], [2], 0.75)]


def test_a_gap_within_the_margin_is_no_preference():
    samples = [sample(([7], [1], 1.0)), sample(([7], [2], 0.75)), sample(([7], [3], 0.0))]
    assert found(samples, margin=0.5) == [([1], [3], 1.0), ([2], [3], 0.75)]
    assert found(samples, choose="extremes") == [([1], [3], 1.0)]


def test_equal_advantages_are_no_preference():
    assert found([sample(([7], [1], 1.0)), sample(([7], [2], 1.0))]) == []
    assert found([]) == []


def test_episodes_compare_all_their_replies_with_the_environment_between_them_as_context():
    samples = [
        sample(([7], [1], 1.0), ([8], [2], 1.0)),
        sample(([7], [3], -1.0), ([9], [4], -1.0)),
        sample(([6], [3], -1.0)),
    ]
    assert found(samples, level="episode") == [([1, 2], [3, 4], 2.0)]


def test_one_reply_of_one_token_may_begin_another():
    samples = [sample(([7], [1], 1.0)), sample(([7], [1, 2], 0.0))]
    assert found(samples) == [([1], [1, 2], 1.0)]


def test_an_unknown_level_is_named():
    with pytest.raises(ValueError, match="level is 'turn' or 'episode'"):
        pairs([], level="token")  # type: ignore[arg-type]
