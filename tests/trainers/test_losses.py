"""Losses against their definitions, token by token."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from turngym.trainers import losses

numbers = st.floats(-3, 3, allow_nan=False, width=32)
triples = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=8)


def columns(rows: list[tuple[float, float, float]]) -> list[torch.Tensor]:
    return [torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True)]


def clipped_token(
    logp: float, old: float, advantage: float, low: float, high: float, dual: float | None
) -> float:
    ratio = math.exp(logp - old)
    loss = max(-advantage * ratio, -advantage * min(max(ratio, 1 - low), 1 + high))
    return min(loss, -advantage * dual) if dual is not None and advantage < 0 else loss


@given(triples, st.floats(0, 0.5), st.floats(0, 0.5), st.sampled_from([None, 2.0, 3.0]))
def test_the_clipped_loss_is_ppos_formula_token_by_token(rows, low, high, dual):
    logp, old, advantage = columns(rows)
    expected = [clipped_token(*row, low, high, dual) for row in rows]
    assert losses.clipped(logp - old, advantage, low, high, dual).tolist() == pytest.approx(expected)


@given(triples)
def test_on_policy_the_gradient_is_minus_the_advantage(rows):
    logp, _, advantage = columns(rows)
    logp.requires_grad_()
    losses.clipped(logp - logp.detach(), advantage).sum().backward()
    assert logp.grad is not None
    assert logp.grad.tolist() == pytest.approx((-advantage).tolist())


@given(triples, st.data())
def test_the_ratio_of_a_turn_is_the_product_over_its_tokens_in_one_sequence(rows, data):
    logp, old, _ = columns(rows)
    number = st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows))
    sequence, row = torch.tensor(data.draw(number)), torch.tensor(data.draw(number))
    expected = [
        math.prod(
            math.exp(logp[j] - old[j])
            for j in range(len(rows))
            if sequence[j] == sequence[i] and row[j] == row[i]
        )
        for i in range(len(rows))
    ]
    assert losses.log_ratio(logp, old, sequence, row, "turn").exp().tolist() == pytest.approx(
        expected, rel=1e-4
    )
    assert torch.equal(losses.log_ratio(logp, old, sequence, row), logp - old)


@given(triples)
def test_kl_estimates_vanish_where_policies_agree_and_k2_k3_are_never_negative(rows):
    logp, ref, _ = columns(rows)
    for kind in ("k1", "k2", "k3"):
        assert losses.kl(logp, logp, kind).abs().max() == 0
    assert (losses.kl(logp, ref, "k2") >= 0).all()
    assert (losses.kl(logp, ref, "k3") >= -1e-12).all()


def test_k1_and_k3_average_to_the_true_divergence_and_k2_is_close_for_near_policies():
    policy = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    reference = torch.tensor([0.4, 0.35, 0.25], dtype=torch.float64)
    true = (policy * (policy / reference).log()).sum()
    for kind, tolerance in (("k1", 1e-12), ("k3", 1e-12), ("k2", 2e-3)):
        mean = (policy * losses.kl(policy.log(), reference.log(), kind)).sum()
        assert mean.item() == pytest.approx(true.item(), abs=tolerance)


def test_entropy_of_equal_logits_is_the_logarithm_of_their_number():
    assert losses.entropy(torch.zeros(2, 8)).tolist() == pytest.approx([math.log(8)] * 2)


@given(triples, st.floats(0.01, 1))
def test_the_clipped_value_loss_is_never_below_the_plain_one(rows, clip):
    value, target, old = columns(rows)
    assert (losses.value_loss(value, target, old, clip) >= losses.value_loss(value, target) - 1e-12).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30))
def test_weights_sum_to_one_and_give_every_unit_the_same_share(pairs):
    sequence = torch.tensor([s for s, _ in pairs])
    row = torch.tensor([3 * s + r for s, r in pairs])
    for how, unit in (("token", torch.arange(len(pairs))), ("sequence", sequence), ("turn", row)):
        weight = losses.weights(sequence, row, how)
        shares = [float(weight[unit == u].sum()) for u in unit.unique()]
        assert shares == pytest.approx([1 / len(shares)] * len(shares), rel=1e-5)


def test_unknown_kinds_are_named_with_the_remedy():
    with pytest.raises(ValueError, match="'k4' is unknown; choose 'k1', 'k2' or 'k3'"):
        losses.kl(torch.zeros(1), torch.zeros(1), "k4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="choose 'token', 'sequence' or 'turn'"):
        losses.weights(torch.zeros(1), torch.zeros(1), "word")  # type: ignore[arg-type]
