"""The preference trainer's two passes against plain autograd and against TRL's DPO loss; it learns the corridor."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from tests.trainers.test_learning import AGENTS, CORRIDOR
from tests.trainers.test_policy import MODEL, VOCABULARY, full_logprobs, gradient, parameters

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.core.config import override
from turngym.core.samples import Sample
from turngym.trainers.check import check_trainer
from turngym.trainers.pairs import Pair, pairs
from turngym.trainers.preference import PreferenceTrainer
from turngym.trainers.preference_losses import dpo, gap_weights, ipo
from turngym.trainers.run import train_run


def made_samples(seed: int = 0) -> list[Sample]:
    """Three prompts with three answers each, of different length."""
    rng = np.random.default_rng(seed)
    samples = []
    for row in range(9):
        context = [1 + row % 3] * (2 + row % 3)
        reply = rng.integers(0, VOCABULARY, rng.integers(1, 5)).tolist()
        length = len(context) + len(reply)
        samples.append(
            Sample(
                version=0,
                token_ids=context + reply,
                row=[-1] * len(context) + [row] * len(reply),
                logprobs=[0.0] * length,
                advantages=[0.0] * len(context) + [float(row)] * len(reply),
            )
        )
    return samples


def trainer(**options: Any) -> PreferenceTrainer:
    engine: Any = ScriptedEngine([])
    return PreferenceTrainer(copy.deepcopy(MODEL), engine, lr=1e-3, max_grad_norm=1e9, **options)


def other_reference() -> torch.nn.Module:
    """The model, moved a little."""
    moved = copy.deepcopy(MODEL)
    with torch.no_grad():
        for number, weight in enumerate(moved.parameters()):
            weight.add_(torch.full_like(weight, 0.01 * (-1) ** number))
    return moved


def plain(samples: list[Sample], chosen: list[Pair], options: dict[str, Any], model: Any) -> torch.Tensor:
    """The mean loss of the pairs, each answer by a forward pass of its own."""
    reference = other_reference()

    def ratio(number: int) -> torch.Tensor:
        logp = full_logprobs(model, samples[number]) - full_logprobs(reference, samples[number]).detach()
        return logp.mean() if options.get("average") else logp.sum()

    h = torch.stack([ratio(pair.chosen.sample) - ratio(pair.rejected.sample) for pair in chosen])
    loss = ipo(h, 0.3) if options.get("loss") == "ipo" else dpo(h, 0.3, options.get("smoothing", 0.0))
    if options.get("weighting") == "gap":
        loss = loss * gap_weights(torch.tensor([pair.gap for pair in chosen]))
    return loss.mean()


@pytest.mark.parametrize(
    "options",
    [{}, {"smoothing": 0.2}, {"weighting": "gap"}, {"loss": "ipo", "average": True}, {"average": True}],
)
@pytest.mark.parametrize("max_tokens", [16384, 12])
def test_two_passes_give_the_gradient_of_the_pairs_mean_loss(options, max_tokens):
    samples = made_samples()
    ours = trainer(beta=0.3, max_tokens=max_tokens, **options)
    scored_by_another(ours, samples)
    model: Any = copy.deepcopy(ours.model)
    loss = plain(samples, pairs(samples), options, model)
    torch.autograd.backward(loss)
    metrics = ours.update(samples)
    expected = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert metrics["pairs"] == 9
    assert metrics["preference_loss"] == pytest.approx(float(loss), abs=1e-5)
    assert expected.abs().max() > 1e-3
    assert torch.allclose(gradient(ours), expected, rtol=0, atol=1e-6)  # type: ignore[arg-type]


def scored_by_another(ours: PreferenceTrainer, samples: list[Sample]) -> None:
    """With a reference that is not the policy."""
    ours.version = 1
    assert ours.reference is not None
    ours.reference.load_state_dict(other_reference().state_dict())
    ours.score(samples)


def test_the_better_answer_becomes_likelier_against_the_worse():
    samples = made_samples()
    ours = trainer(epochs=20)
    ours.score(samples)
    first = ours.update(samples)
    ours.score(samples)
    second = ours.update(samples)
    assert second["margin"] > first["margin"] > 0
    assert second["preferred"] > 0.9


def test_the_reference_of_a_round_is_the_policy_as_the_round_began():
    samples = made_samples()
    ours = trainer(reference="round")
    ours.score(samples)
    assert ours.update(samples)["margin"] == pytest.approx(0, abs=1e-5)
    ours.score(samples)
    assert ours.update(samples)["margin"] == pytest.approx(0, abs=1e-5)


def test_without_a_pair_nothing_is_learned():
    ours = trainer()
    before = parameters(ours).clone()  # type: ignore[arg-type]
    samples = made_samples()[:3]
    ours.score(samples)
    assert ours.update(samples) == {"pairs": 0}
    assert torch.equal(parameters(ours), before)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [({"loss": "kto"}, "loss 'kto'"), ({"beta": 0.0}, "beta 0.0"), ({"smoothing": 0.5}, "smoothing 0.5")],
)
def test_a_wrong_option_is_told(option, sentence):
    with pytest.raises(ValueError, match=sentence):
        trainer(**option)


@pytest.mark.slow
def test_it_keeps_the_contract_but_for_a_lone_sample_which_is_no_pair():
    broken = [one.rule for one in check_trainer(partial(PreferenceTrainer, lr=1e-2)) if not one.passed]
    assert broken == ["follows_the_advantages"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [["loss=dpo"], ["loss=ipo", "beta=1.0"]])
def test_turn_level_preferences_learn_the_corridor(tmp_path, options):
    table = {"agent": AGENTS["chat"], "credit": {"name": "hgpo"}, "trainer": {"name": "dpo", "lr": 1e-3}}
    settings = ["weighting=gap", "reference=round", "minibatch=64", *options]
    run = override(CORRIDOR | table, ["loop.steps=20", *(f"trainer.{one}" for one in settings)])
    summary = train_run(run, tmp_path)
    assert summary["warm_start"]["success"] < 0.85
    assert summary["final"]["success"] >= 0.95


@pytest.mark.trl
@pytest.mark.parametrize(("loss", "average"), [("sigmoid", False), ("ipo", True)])
def test_trls_dpo_trainer_has_the_same_loss_and_gradient(tmp_path, loss, average):
    pytest.importorskip("trl", reason="needs turngym[trl]")
    samples = made_samples()
    ours = trainer(beta=0.3, loss="dpo" if loss == "sigmoid" else loss, average=average)
    scored_by_another(ours, samples)
    theirs = trls(tmp_path, loss, ours.model)
    value = theirs.compute_loss(theirs.model, collated(samples))
    torch.autograd.backward(value)
    expected = torch.cat([p.grad.flatten() for p in theirs.model.parameters() if p.grad is not None])
    assert ours.update(samples)["preference_loss"] == pytest.approx(float(value.detach()), abs=1e-5)
    assert torch.allclose(gradient(ours), expected, rtol=0, atol=1e-6)  # type: ignore[arg-type]


def trls(folder: Any, loss: str, model: torch.nn.Module) -> Any:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from turngym.trainers.tokenizer import byte_tokenizer

    settings = DPOConfig(
        str(folder),
        beta=0.3,
        loss_type=[loss],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        disable_dropout=True,
    )
    return DPOTrainer(
        model=copy.deepcopy(model),
        ref_model=other_reference(),
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}]),
        processing_class=byte_tokenizer(),
    )


def collated(samples: list[Sample]) -> dict[str, torch.Tensor]:
    """The pairs as TRL's collator lays them out."""
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    def halves(number: int) -> tuple[list[int], list[int]]:
        sample = samples[number]
        start = sample.row.count(-1)
        return sample.token_ids[:start], sample.token_ids[start:]

    rows = [
        {
            "prompt_ids": halves(pair.chosen.sample)[0],
            "chosen_ids": halves(pair.chosen.sample)[1],
            "rejected_ids": halves(pair.rejected.sample)[1],
        }
        for pair in pairs(samples)
    ]
    batch: dict[str, torch.Tensor] = DataCollatorForPreference(pad_token_id=0)(rows)
    return batch
