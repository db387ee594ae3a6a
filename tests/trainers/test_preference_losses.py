"""DPO, conservative DPO and IPO by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from turngym.trainers.preference_losses import dpo, gap_weights, ipo, margin, preference


def test_the_margin_is_what_the_policy_prefers_beyond_the_reference():
    chosen, rejected, ref_chosen, ref_rejected = (torch.tensor([x]) for x in (-1.0, -4.0, -2.0, -3.0))
    assert margin(chosen, rejected, ref_chosen, ref_rejected).tolist() == [2.0]


def test_dpo_by_hand():
    h = torch.tensor([0.0, 2.0, -2.0])
    assert dpo(h, beta=0.5).tolist() == pytest.approx(
        [math.log(2), math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))]
    )


def test_conservative_dpo_by_hand():
    # beta h = 1: -0.9 log sigmoid(1) - 0.1 log sigmoid(-1) = 0.9 * 0.313262 + 0.1 * 1.313262
    assert float(dpo(torch.tensor([2.0]), beta=0.5, smoothing=0.1)) == pytest.approx(0.413262, abs=1e-6)
    each = dpo(torch.tensor([2.0, 2.0]), beta=0.5, smoothing=torch.tensor([0.0, 0.1])).tolist()
    assert each == pytest.approx([0.313262, 0.413262], abs=1e-6)


def test_ipo_by_hand():
    # 1 / (2 * 0.1) = 5
    assert ipo(torch.tensor([5.0, 0.0, 7.0]), beta=0.1).tolist() == [0.0, 25.0, 4.0]


@given(st.floats(-20, 20), st.floats(0.05, 2), st.floats(0.01, 0.49))
def test_conservative_dpo_is_least_where_the_label_is_as_sure_as_it_says(h, beta, smoothing):
    best = torch.tensor(math.log((1 - smoothing) / smoothing) / beta, dtype=torch.float64)
    here = torch.tensor(h, dtype=torch.float64)
    assert dpo(best, beta, smoothing) <= dpo(here, beta, smoothing) + 1e-9


@given(st.floats(-5, 5), st.floats(0.05, 2))
def test_dpo_of_a_pair_and_of_its_reverse_differ_by_beta_h(h, beta):
    here = torch.tensor(h, dtype=torch.float64)
    assert float(dpo(-here, beta) - dpo(here, beta)) == pytest.approx(beta * h, abs=1e-9)


def test_gap_weights_average_one():
    assert gap_weights(torch.tensor([1.0, 2.0, 3.0])).tolist() == [0.5, 1.0, 1.5]


def test_an_unknown_loss_is_named():
    with pytest.raises(ValueError, match="'kto' is unknown; choose 'dpo' or 'ipo'"):
        preference(torch.zeros(1), "kto", 0.1, 0.0)  # type: ignore[arg-type]
