"""Where the released trainer puts rewards, and its advantages, against plain loops and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core.samples import Sample, pack
from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Steps
from turngym.credit.gae import GAE
from turngym.credit.progress_tokens import (
    PositionGAE,
    adapted,
    advantages,
    at_turn_ends,
    penalised,
    placed,
    shortened,
    turn_ends,
)

NUMBERS = st.floats(-3, 3, width=16)


@given(st.lists(st.booleans(), max_size=12), st.lists(NUMBERS, max_size=5), st.booleans())
def test_scores_stand_at_the_ends_of_runs_matched_from_the_last(sampled, score, weigh):
    ends = [t for t in range(len(sampled)) if sampled[t] and not (t + 1 < len(sampled) and sampled[t + 1])]
    slow = [0.0] * len(sampled)
    for back in range(1, 1 + min(len(ends), len(score))):
        slow[ends[-back]] = score[-back] * (back - 1 if weigh else 1)
    ours = placed(np.array(score, dtype=np.float64), np.array(sampled, dtype=bool), remaining=weigh)
    assert ours.tolist() == slow


def test_the_weighed_score_is_rounded_to_the_type_of_the_scores():
    score = np.array([0.1, 0.1, 0.1, 0.1], dtype=np.float16)
    sampled = np.array([True, False, True, False, True, False, True])
    assert placed(score, sampled, remaining=True).tolist() == [
        float(np.float16(0.1) * np.float16(3)),
        0,
        float(np.float16(0.1) * np.float16(2)),
        0,
        float(np.float16(0.1)),
        0,
        0,
    ]


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.booleans()), max_size=10))
def test_advantages_are_the_discounted_sum_of_surprises_over_all_positions(positions):
    gamma, lam = 0.9, 0.8
    reward, value = [r * m for r, _, m in positions], [v * m for _, v, m in positions]
    surprise = [
        r + gamma * (value[t + 1] if t + 1 < len(value) else 0) - value[t] for t, r in enumerate(reward)
    ]
    slow = [
        sum((gamma * lam) ** (k - t) * surprise[k] for k in range(t, len(surprise)))
        for t in range(len(surprise))
    ]
    columns = [np.array([p[i] for p in positions], dtype=np.float64) for i in (0, 1)]
    mask = np.array([p[2] for p in positions], dtype=bool)
    assert advantages(*columns, mask, gamma=gamma, lam=lam) == pytest.approx(slow)


def test_the_reference_is_charged_at_every_position():
    zeros = np.zeros(3)
    ours = penalised(np.array([0.0, 1.0, 0.0]), np.array([-1.0, -2.0, -3.0]), zeros, 0.5)
    assert ours.tolist() == [0.5, 2.0, 1.5]


def test_the_coefficient_moves_towards_the_target_and_by_a_fifth_at_most():
    assert adapted(0.3, 6.0, 100) == 0.3
    assert adapted(0.3, 100.0, 100, horizon=1000) == pytest.approx(0.3 * 1.02)
    assert adapted(0.3, 0.0, 100, horizon=1000) == pytest.approx(0.3 * 0.98)
    assert adapted(0.3, 6.6, 100, horizon=1000) == pytest.approx(0.3 * 1.01)


def test_a_turn_ends_at_its_last_token_whichever_call_sampled_it():
    samples = [
        Sample(version=0, token_ids=[9, 1, 1, 9, 2], row=[-1, 0, 0, -1, 1]),
        Sample(version=0, token_ids=[9, 2, 2], row=[-1, 1, 1]),
    ]
    assert turn_ends(samples, 3).tolist() == [1, 4, -1]
    assert at_turn_ends(np.array([0.5, 0.25, 7.0]), samples).tolist() == [0, 0.5, 0, 0, 0.25]


def test_a_shortened_sequence_ends_its_turn_early_and_loses_the_later_ones():
    whole = Sample(
        version=0, token_ids=[9, 1, 1, 9, 2], row=[-1, 0, 0, -1, 1], logprobs=[0.0] * 5, advantages=[0.0] * 5
    )
    (cut,) = shortened([whole], 2)
    assert (cut.token_ids, cut.row) == ([9, 1], [-1, 0])
    assert turn_ends([cut], 2).tolist() == [0, -1]
    assert len(whole.token_ids) == 5


def played(gap: int) -> Steps:
    """Two episodes of two turns of two tokens each, with `gap` tokens of observation between the turns."""
    task = Task(env="e", seed=0)
    episodes = []
    for member in range(2):
        ids, turns = [5], []
        for reward in (0.25, float(member)):
            call = Call(prompt_ids=list(ids), action_ids=[1, 2], logprobs=[0.0, 0.0])
            turns.append(Turn(obs="o", action="a", reward=reward, calls=[call]))
            ids += [1, 2] + [6] * gap
        episodes.append(Trajectory(task=task, member=member, turns=turns))
    steps = Steps.of([Group(task=task, trajectories=episodes)], pack(episodes))
    return replace(steps, token_value=np.arange(8) / 8, value=np.zeros(4), final_value=np.zeros(4))


def test_without_observations_it_is_gae_per_token():
    steps, settings = played(gap=0), {"gamma": 0.9, "lam": 0.8}
    ours = PositionGAE(whiten=False, **settings)(steps)
    theirs = GAE(level="token", **settings)(steps)
    assert np.allclose(ours.advantages, theirs.advantages)
    assert np.allclose(ours.returns, theirs.returns)


def test_credit_fades_over_observations():
    near, far = (
        PositionGAE(whiten=False)(replace(played(gap=gap), token_value=np.zeros(8))) for gap in (1, 50)
    )
    passed_on = [
        one.advantages[5] - 0.25 for one in (near, far)
    ]  # what the second turn's 1 gave to the first turn
    assert passed_on == pytest.approx([(0.99 * 0.95) ** 3, (0.99 * 0.95) ** 52])


def test_whitened_advantages_have_mean_nought_and_unit_variance_and_leave_the_returns():
    steps = played(gap=2)
    plain, whitened = PositionGAE(whiten=False)(steps), PositionGAE()(steps)
    assert whitened.advantages.mean() == pytest.approx(0, abs=1e-12)
    assert whitened.advantages.var(ddof=1) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(plain.returns, whitened.returns)


def test_without_a_critic_it_is_refused():
    with pytest.raises(ValueError, match=r"gae_positions needs Steps\.token_value; train with a critic"):
        PositionGAE()(replace(played(gap=1), token_value=None))
