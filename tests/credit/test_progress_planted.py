"""SPA's estimator finds the contributions that were planted, in episodes that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("transformers")

from tests.credit.planted import rank_correlation, spa, table, truth


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
