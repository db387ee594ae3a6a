"""SPA's rewards against plain loops over their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.credit.batches import batches
from tests.credit.definitions import Row, table

from turngym.credit.progress_reward import (
    leave_one_out,
    not_refused,
    redistributed,
    remaining,
    step_rewards,
    whole_episodes,
)

NUMBERS = st.floats(-3, 3, width=32)
MAYBE = st.one_of(NUMBERS, st.just(float("nan")))


@given(st.lists(st.tuples(NUMBERS, st.booleans()), max_size=8), NUMBERS, NUMBERS)
def test_a_reward_is_alpha_c_plus_beta_g(turns, alpha, beta):
    contribution = np.array([c for c, _ in turns], dtype=np.float64)
    executed = np.array([g for _, g in turns], dtype=bool)
    ours = step_rewards(contribution, executed, alpha=alpha, beta=beta)
    assert ours == pytest.approx([alpha * c + (beta if g else 0) for c, g in turns])


@given(batches())
def test_remaining_counts_the_turns_after(rows):
    steps = table(rows)
    slow = [sum(o.traj == r.traj for o in rows[i + 1 :]) for i, r in enumerate(rows)]
    assert remaining(steps.traj).tolist() == slow


@given(st.lists(st.tuples(st.integers(0, 2), MAYBE), min_size=1, max_size=8))
def test_leave_one_out_is_the_outcome_less_the_mean_of_the_known_others(episodes):
    task = np.unique([t for t, _ in episodes], return_inverse=True)[1]
    outcome = np.array([r for _, r in episodes], dtype=np.float64)
    slow = []
    for i, own in enumerate(outcome):
        others = [r for j, r in enumerate(outcome) if j != i and task[j] == task[i] and np.isfinite(r)]
        slow.append(own - np.mean(others) if others else own)
    assert np.allclose(leave_one_out(outcome, task), slow, equal_nan=True)


def test_only_a_refusal_in_the_answer_is_not_executed():
    answers = ["You open it.", "Nothing happens.", "nothing happens", "Then: Nothing happens here.", None]
    assert not_refused(answers).tolist() == [True, False, True, False, True]


def test_an_episode_is_whole_if_every_turn_with_tokens_has_a_number():
    nan = float("nan")
    traj = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    contribution = np.array([0.1, 0.2, 0.3, nan, 0.4, nan, nan, nan])
    tokens = np.array([1, 1, 1, 1, 1, 0, 0, 0])
    assert (
        whole_episodes(contribution, traj, tokens).tolist()
        == [True] * 2 + [False] * 2 + [True] * 2 + [False] * 2
    )


@given(batches(), st.data())
def test_whole_episodes_are_paid_the_new_rewards_and_the_others_the_old(rows, data):
    steps = table(rows)
    reward = np.array(data.draw(st.lists(NUMBERS, min_size=len(rows), max_size=len(rows))), dtype=np.float64)
    chosen = data.draw(st.sets(st.sampled_from([row.traj for row in rows])))
    whole = np.isin([row.traj for row in rows], list(chosen))
    new = redistributed(steps, reward, whole)
    for i, row in enumerate(rows):
        assert new.reward[i] == (reward[i] if row.traj in chosen else row.reward)
        assert new.bootstrap[i] == (row.bootstrap and row.traj not in chosen)


def test_a_missing_number_is_refused_by_turn_and_episode():
    steps = table(
        [Row(group=0, traj=0, state=0), Row(group=0, traj=1, state=0), Row(group=0, traj=1, state=1)]
    )
    reward = np.array([0.0, 0.0, float("nan")])
    assert redistributed(steps, reward, np.array([True, False, False])).reward.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="turn 1 of episode 1 was paid nan and has no contribution"):
        redistributed(steps, reward, np.array([False, True, True]))
