"""The trainer's arithmetic against plain autograd, on a real small transformer."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.core.samples import Sample
from turngym.trainers.batch import batches, padding
from turngym.trainers.models import tiny
from turngym.trainers.policy import PolicyTrainer, rate

VOCABULARY = 20
MODEL = tiny(
    hidden=32, layers=2, heads=2, feed_forward=48, vocabulary=[f"w{i}" for i in range(VOCABULARY - 5)]
).model


def make_samples(count: int = 5, seed: int = 0) -> list[Sample]:
    """Conversations of several turns and unequal length."""
    rng = np.random.default_rng(seed)
    samples, row = [], 0
    for _ in range(count):
        sample = Sample(version=0)
        for _ in range(rng.integers(1, 4)):
            context, reply = rng.integers(1, 6), rng.integers(1, 4)
            sample.token_ids += rng.integers(0, VOCABULARY, context + reply).tolist()
            sample.row += [-1] * context + [row] * reply
            row += 1
        sample.logprobs = [0.0 if r < 0 else -3.0 for r in sample.row]
        sample.advantages = [0.0 if r < 0 else float(rng.normal()) for r in sample.row]
        samples.append(sample)
    return samples


def trainer(**options: object) -> PolicyTrainer:
    return PolicyTrainer(copy.deepcopy(MODEL), ScriptedEngine([]), **options)  # type: ignore[arg-type]


def parameters(made: PolicyTrainer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in made.model.parameters()])


def gradient(made: PolicyTrainer) -> torch.Tensor:
    """What the last optimizer step followed."""
    return torch.cat([p.grad.flatten() for p in made.model.parameters() if p.grad is not None])


def full_logprobs(model: torch.nn.Module, sample: Sample) -> torch.Tensor:
    """Log-probability of every sampled token by one plain forward of the one sequence."""
    logits = model(input_ids=torch.tensor([sample.token_ids])).logits[0].log_softmax(-1)
    return torch.stack(
        [
            logits[p - 1, t]
            for p, (t, r) in enumerate(zip(sample.token_ids, sample.row, strict=True))
            if r >= 0
        ]
    )


def test_scoring_gives_the_logprobs_of_a_plain_forward_and_zero_on_context():
    samples = make_samples()
    made = trainer(max_tokens=40)
    made.score(samples)
    for sample in samples:
        assert sample.old_logprobs is not None
        sampled = [x for x, row in zip(sample.old_logprobs, sample.row, strict=True) if row >= 0]
        assert sampled == pytest.approx(full_logprobs(made.model, sample).tolist(), abs=1e-5)
        assert all(x == 0 for x, row in zip(sample.old_logprobs, sample.row, strict=True) if row < 0)


@pytest.mark.parametrize("normalise", ["token", "sequence", "turn"])
def test_how_a_step_is_cut_into_forward_passes_changes_nothing(normalise):
    results = []
    for max_tokens in (10, 35, 10_000):
        samples = make_samples(8)
        made = trainer(max_tokens=max_tokens, normalise=normalise, lr=1e-2, critic="trunk")
        made.score(samples)
        for sample in samples:
            sample.returns = [1.0] * len(sample.row)
        made.update(samples)
        results.append(gradient(made))
    assert results[0].norm() > 0.1
    assert torch.allclose(results[0], results[2], atol=1e-6)
    assert torch.allclose(results[1], results[2], atol=1e-6)


def test_the_on_policy_step_follows_the_policy_gradient():
    samples = make_samples(4)
    made = trainer(normalise="token", max_grad_norm=1e9)
    made.score(samples)
    plain = copy.deepcopy(made.model)
    tokens = sum(sample.sampled for sample in samples)
    for sample in samples:
        advantage = torch.tensor(
            [a for a, row in zip(sample.advantages, sample.row, strict=True) if row >= 0]
        )
        (-(full_logprobs(plain, sample) * advantage).sum() / tokens).backward()
    made.update(samples)
    for mine, other in zip(made.model.parameters(), plain.parameters(), strict=True):
        assert mine.grad is not None
        assert torch.allclose(mine.grad, other.grad, atol=1e-6)


@pytest.mark.parametrize("normalise", ["token", "sequence", "turn"])
def test_samples_without_advantage_count_in_the_mean_but_are_not_computed(normalise):
    samples = make_samples(6)
    for sample in samples[::2]:
        sample.advantages = [0.0] * len(sample.row)
    made, whole = trainer(normalise=normalise), trainer(normalise=normalise)
    whole._moving = lambda given: given  # type: ignore[method-assign]
    metrics = [each.update(samples) for each in (made, whole)]
    assert torch.allclose(gradient(made), gradient(whole), atol=1e-7)
    assert metrics[0]["policy_loss"] != metrics[1]["policy_loss"]  # a mean over fewer tokens


def test_a_step_without_any_advantage_changes_nothing():
    samples = make_samples(4)
    for sample in samples:
        sample.advantages = [0.0] * len(sample.row)
    made = trainer(lr=1.0)
    before = parameters(made)
    assert made.update(samples)["optimizer_steps"] == 0
    assert torch.equal(before, parameters(made))


def test_with_equal_policies_the_reference_divergence_is_zero_and_grows_after_a_step():
    samples = make_samples(6)
    made = trainer(kl_coef=0.1, lr=1e-2)
    made.score(samples)
    assert made.update(samples)["kl"] == pytest.approx(0, abs=1e-6)
    made.score(samples)
    assert made.update(samples)["kl"] > 1e-5


def test_the_reference_is_the_policy_where_training_begins():
    samples = make_samples()
    made = trainer(kl_coef=0.1, lr=1e-2)
    with torch.no_grad():  # a warm start, after the trainer was made
        for parameter in made.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    begun = parameters(made)
    made.score(samples)
    assert samples[0].ref_logprobs == samples[0].old_logprobs
    made.update(samples)
    made.score(samples)
    assert samples[0].ref_logprobs != samples[0].old_logprobs
    frozen = torch.cat([parameter.flatten() for parameter in made.reference.parameters()])
    assert torch.equal(frozen, begun)


def test_the_critic_learns_a_constant_return():
    samples = make_samples(6)
    made = trainer(critic="trunk", value_coef=1.0, lr=1e-3, value_lr=5e-2, weight_decay=0.0)
    for sample in samples:
        sample.advantages = [0.0] * len(sample.row)
    losses = []
    for _ in range(40):
        made.score(samples)
        for sample in samples:
            sample.returns = [2.0] * len(sample.row)
        losses.append(made.update(samples)["value_loss"])
    assert losses[0] > 1
    assert losses[-1] < 0.05


def test_a_critic_of_its_own_begins_as_the_policy_and_leaves_it_alone():
    samples = make_samples(4)
    made = trainer(critic="own", lr=1e-2, value_lr=1e-2)
    begun = parameters(made)
    for sample in samples:
        sample.advantages = [0.0] * len(sample.row)
        sample.returns = [1.0] * len(sample.row)
    made.score(samples)
    made.update(samples)
    assert torch.equal(parameters(made), begun * (1 - 1e-2 * 0.01))  # weight decay alone
    made.score(samples)
    assert max(samples[0].values) > 0


def test_in_its_warm_up_the_critic_learns_alone():
    samples = make_samples(4)
    made = trainer(critic="trunk", critic_warmup=1, lr=1e-2, weight_decay=0.0)
    begun = parameters(made)
    moved = []
    for _ in range(2):
        made.score(samples)
        for sample in samples:
            sample.returns = [1.0] * len(sample.row)
        made.update(samples)
        moved.append(not torch.equal(parameters(made), begun))
    assert moved == [False, True]
    assert made.critic.head.weight.abs().max() > 0


@pytest.mark.parametrize("critic", ["trunk", "own"])
def test_the_value_of_a_cut_off_end_is_that_of_the_prompt_that_came_next(critic):
    cut, whole = make_samples(2)
    made = trainer(critic=critic)
    torch.nn.init.normal_(made.critic.head.weight)
    cut.next_ids = [*cut.token_ids, 3, 4, 5]
    made.score([cut, whole])
    output = made.model(input_ids=torch.tensor([cut.next_ids]), output_hidden_states=True)
    expected = made.critic.head(output.hidden_states[-1][0, -1]).item()
    assert cut.final_value == pytest.approx(expected, abs=1e-5)
    assert whole.final_value is None


def test_an_unknown_critic_or_ratio_is_refused_by_name():
    with pytest.raises(ValueError, match="critic is 'both'; choose 'none', 'trunk' or 'own'"):
        trainer(critic="both")
    with pytest.raises(ValueError, match="ratio 'episode' is unknown; choose 'token' or 'turn'"):
        trainer(ratio="episode")


def test_a_clipped_turn_stands_still_as_a_whole():
    sample = Sample(version=0, token_ids=[1, 2, 3], row=[-1, 0, 0], logprobs=[0.0] * 3)
    sample.advantages = [0.0, 1.0, 1.0]
    made = trainer(lr=1e-2, ratio="turn", normalise="turn", recompute=False, weight_decay=0.0)
    made.score([sample])
    old = full_logprobs(made.model, sample).detach()
    sample.old_logprobs = [
        0.0,
        float(old[0]) - 0.15,
        float(old[1]) - 0.15,
    ]  # each within 1.2, both together not
    before = parameters(made)
    assert made.update([sample])["clipped"] == 1
    assert torch.equal(parameters(made), before)


def test_entropy_bonus_raises_entropy():
    def entropy_after(coefficient: float) -> float:
        samples = make_samples(6)
        for sample in samples:
            sample.advantages = [0.0] * len(sample.row)
        made = trainer(entropy_coef=coefficient, lr=1e-3)
        for _ in range(20):
            made.score(samples)
            metrics = made.update(samples)
        return metrics["entropy"]

    assert entropy_after(1.0) > entropy_after(-1.0) + 0.1


def test_the_same_state_learns_the_same_bit_for_bit():
    first, second = trainer(lr=1e-2, minibatch=3, epochs=2), trainer(lr=1e-2, minibatch=3, epochs=2)
    for made in (first, first):
        made.score(samples := make_samples(7))
        made.update(samples)
    second.score(samples := make_samples(7))
    second.update(samples)
    third = PolicyTrainer(copy.deepcopy(second.model), ScriptedEngine([]), lr=1e-2, minibatch=3, epochs=2)  # type: ignore[arg-type]
    third.load_state_dict(second.state_dict())
    third.score(samples := make_samples(7))
    third.update(samples)
    assert torch.equal(parameters(first), parameters(third))


def test_no_samples_change_nothing():
    made = trainer(lr=1.0)
    before = parameters(made)
    assert made.update([]) == {}
    assert torch.equal(before, parameters(made))


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(20, 200), st.integers(0, 1000))
def test_every_sampled_token_is_in_exactly_one_batch_within_the_budget(count, max_tokens, seed):
    samples = make_samples(count, seed)
    made = list(batches(samples, max_tokens))
    assert sorted(i for batch in made for i in batch.index) == list(range(count))
    for batch in made:
        assert batch.token_ids.numel() <= max_tokens or len(batch.index) == 1
        assert batch.token_ids.flatten()[batch.at + 1].tolist() == batch.target.tolist()
    assert sum(len(batch.at) for batch in made) == sum(sample.sampled for sample in samples)


def test_batches_of_similar_length_hold_a_third_of_the_padding_of_one_big_batch():
    samples = make_samples(200)
    assert padding(samples, 400) < padding(samples, 10**9) / 3


def test_bf16_computes_close_to_fp32_over_fp32_weights():
    samples = make_samples(6)
    full, mixed = trainer(), trainer(precision="bf16")
    full.score(samples)
    exact = [x for sample in samples for x in sample.old_logprobs or ()]
    mixed.score(samples)
    rounded = [x for sample in samples for x in sample.old_logprobs or ()]
    assert rounded == pytest.approx(exact, abs=0.05)
    assert rounded != exact
    mixed.update(samples)
    assert {parameter.dtype for parameter in mixed.model.parameters()} == {torch.float32}


@given(st.integers(0, 500), st.integers(0, 50), st.none() | st.integers(1, 400))
def test_the_rate_rises_then_falls_to_zero_and_stays_within_one(n, warmup, decay):
    now = rate(n, warmup=warmup, decay=decay)
    assert 0 <= now <= 1
    if decay is not None and n >= decay:
        assert now == 0
    if decay is None and n >= warmup:
        assert now == 1
