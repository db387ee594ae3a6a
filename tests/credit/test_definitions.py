"""Every method against the plain loops of its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.credit import definitions
from tests.credit.batches import GAMMAS, PENALTIES, batches
from tests.credit.definitions import table

from turngym.credit.anchor import HGPO, GiGPO
from turngym.credit.gae import GAE
from turngym.credit.group import GRPO, RLOO
from turngym.credit.reinforce import ReinforcePP, ReinforcePPBaseline

few = settings(max_examples=40, deadline=None)


def close(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


@few
@given(batches(), st.booleans(), st.booleans(), PENALTIES)
def test_grpo_centers_scores_by_group(rows, scale, cross_steps, penalty):
    settings = {"scale": scale, "cross_steps": cross_steps, "penalty": penalty}
    assert GRPO(**settings)(table(rows)).advantages.tolist() == close(definitions.grpo(rows, **settings))


@few
@given(batches(), PENALTIES)
def test_rloo_subtracts_the_mean_of_the_others(rows, penalty):
    expected = definitions.rloo(rows, penalty=penalty)
    assert RLOO(penalty=penalty)(table(rows)).advantages.tolist() == close(expected)


@few
@given(batches(), GAMMAS, st.sampled_from([0.0, 0.5, 1.0]), st.booleans(), PENALTIES)
def test_gigpo_adds_the_advantage_among_turns_in_the_same_state(rows, gamma, weight, scale, penalty):
    settings = {"gamma": gamma, "weight": weight, "scale": scale, "penalty": penalty}
    assert GiGPO(**settings)(table(rows)).advantages.tolist() == close(definitions.gigpo(rows, **settings))


@few
@given(
    batches(),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    GAMMAS,
    st.booleans(),
    st.sampled_from([(False, "released"), (True, "released"), (False, "paper")]),
    PENALTIES,
)
def test_hgpo_weighs_levels_of_shared_past(rows, depth, alpha, gamma, scale, kind, penalty):
    settings = {"depth": depth, "alpha": alpha, "gamma": gamma, "scale": scale, "penalty": penalty}
    settings |= {"base": kind[0], "variant": kind[1]}
    assert HGPO(**settings)(table(rows)).advantages.tolist() == close(definitions.hgpo(rows, **settings))


@few
@given(batches(), st.sampled_from([0.5, 0.9, 1.0]), PENALTIES)
def test_reinforce_pp_whitens_token_returns(rows, token_gamma, penalty):
    assume(sum(row.tokens for row in rows) > 1)
    expected = definitions.reinforce_pp(rows, token_gamma=token_gamma, penalty=penalty)
    found = ReinforcePP(token_gamma=token_gamma, penalty=penalty)(table(rows)).advantages
    assert found.tolist() == close(expected)


@few
@given(batches(), PENALTIES)
def test_the_baseline_form_whitens_what_the_group_mean_leaves(rows, penalty):
    steps = table(rows)
    assume(steps.tokens.sum() > 1)
    expected = definitions.reinforce_pp_baseline(rows, penalty=penalty)
    found = ReinforcePPBaseline(penalty=penalty)(steps).advantages
    assert np.repeat(found, steps.tokens).tolist() == close(expected)


@few
@given(batches(), GAMMAS, st.sampled_from([0.0, 0.5, 1.0]), PENALTIES)
def test_gae_sums_discounted_surprises(rows, gamma, lam, penalty):
    settings = {"gamma": gamma, "lam": lam, "penalty": penalty}
    assert GAE(**settings)(table(rows)).advantages.tolist() == close(definitions.gae(rows, **settings))
