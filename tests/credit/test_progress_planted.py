"""SPA's estimator finds the contributions that were planted, in episodes that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("transformers")

from tests.credit.planted import forward, race, rank_correlation, spa, table, truth

from turngym.credit import Steps


@pytest.mark.parametrize("head", ["mlp", "hidden", "logits"])
def test_planted_contributions_are_recovered_at_a_rank_correlation_of_nine_tenths(head):
    method, held_out = spa(head=head), table(999, tasks=16)
    for seed in range(30):
        credits = method.fit(table(seed, tasks=32))
    recovered = method.contributions(held_out)
    assert rank_correlation(recovered, truth(held_out)) > 0.9
    assert credits.metrics["spa_explained"] > 0.9
    sums, outcomes = (np.bincount(held_out.traj, x) for x in (recovered, held_out.reward))
    assert np.mean((sums - outcomes) ** 2) < 0.1 * outcomes.var()


def test_they_are_recovered_through_noise_that_is_as_large_as_an_action_and_from_windows():
    method, held_out = spa(), table(999, tasks=16, windows=True)
    before = rank_correlation(
        method.contributions(held_out) + 1e-9 * np.arange(len(held_out)), truth(held_out)
    )
    for seed in range(30):
        method.fit(table(seed, tasks=32, windows=True, noise=0.3))
    assert abs(before) < 0.3
    assert rank_correlation(method.contributions(held_out), truth(held_out)) > 0.9


def test_credit_from_before_the_update_does_not_know_the_outcome_it_is_given():
    """With outcomes that are pure noise, contributions are as wrong before as a guess; after many passes they fit."""
    rng = np.random.default_rng(0)
    steps = table(0, tasks=8)
    steps.reward[:] = np.where(steps.reward != 0, rng.normal(size=len(steps)), 0.0)
    outcomes = np.bincount(steps.traj, steps.reward)
    method = spa(epochs=60, minibatch=8)
    before, metrics = method.learn(steps)
    after = np.bincount(steps.traj, method.contributions(steps))
    assert abs(np.corrcoef(np.bincount(steps.traj, before), outcomes)[0, 1]) < 0.5
    assert np.corrcoef(after, outcomes)[0, 1] > 0.9
    assert metrics["spa_explained"] < 0.1


def chance(steps: Steps) -> np.ndarray:
    """The chance of winning a race after each turn: that the turns left hold as many steps as are missing. [N]"""
    known = []
    for one in steps.trajectories:
        made = np.cumsum([forward(turn) for turn in one.turns])
        left = 8 - np.arange(1, len(made) + 1)
        lost, once = (5 / 8) ** left, left * (3 / 8) * (5 / 8) ** np.maximum(left - 1, 0)
        known += [[1 - lost - once, 1 - lost, np.ones(len(made))][n][t] for t, n in enumerate(made.tolist())]
    return np.array(known)


def test_regressed_on_every_beginning_contributions_add_up_to_the_chance_of_winning():
    method, held_out = spa(regress="prefixes"), race(999, tasks=64)
    for seed in range(100):
        method.fit(race(seed))
    contribution = method.contributions(held_out)
    so_far = np.concatenate(
        [np.cumsum(contribution[held_out.traj == e]) for e in range(held_out.traj.max() + 1)]
    )
    assert np.corrcoef(so_far, chance(held_out))[0, 1] > 0.9
    step = np.array([forward(turn) for one in held_out.trajectories for turn in one.turns])
    for turn in range(1, 8):
        among = held_out.t == turn
        assert contribution[among & step].mean() > contribution[among & ~step].mean() + 0.05
