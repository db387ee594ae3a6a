"""From a critic's values per token to values per turn."""

from __future__ import annotations

import numpy as np

from turngym.core.samples import Sample
from turngym.credit.steps import Steps
from turngym.trainers.values import with_values


def table(tokens: list[int]) -> Steps:
    n = len(tokens)
    return Steps(
        group=np.zeros(n, dtype=np.int64),
        traj=np.zeros(n, dtype=np.int64),
        t=np.arange(n),
        reward=np.zeros(n),
        state=np.arange(n),
        valid=np.ones(n, dtype=bool),
        tokens=np.array(tokens),
        bootstrap=np.zeros(n, dtype=bool),
    )


def test_a_turns_value_is_before_its_first_token_and_its_end_before_its_last():
    sample = Sample(version=0, token_ids=[5, 6, 7, 8, 9, 10], row=[-1, 0, 0, -1, 1, 2], logprobs=[0.0] * 6)
    sample.values = [0.0, 1.0, 2.0, 0.0, 3.0, 4.0]
    steps = with_values(table([2, 1, 1]), [sample])
    assert steps.value is not None
    assert steps.final_value is not None
    assert steps.token_value is not None
    assert steps.value.tolist() == [1.0, 3.0, 4.0]
    assert steps.final_value.tolist() == [2.0, 3.0, 4.0]
    assert steps.token_value.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_cut_off_end_has_the_value_of_the_prompt_that_came_next():
    sample = Sample(version=0, token_ids=[5, 6, 7, 8], row=[-1, 0, -1, 1], logprobs=[0.0] * 4)
    sample.values, sample.final_value = [0.0, 1.0, 0.0, 2.0], 7.0
    steps = with_values(table([1, 1]), [sample])
    assert steps.final_value is not None
    assert steps.final_value.tolist() == [1.0, 7.0]


def test_without_a_critic_the_table_is_unchanged():
    sample = Sample(version=0, token_ids=[5, 6], row=[-1, 0], logprobs=[0.0] * 2)
    assert with_values(steps := table([1]), [sample]) is steps
