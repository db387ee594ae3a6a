"""TRL's loss under our credit: the same gradients as our own trainer's, and the same contract."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.trainers.test_policy import MODEL, gradient, make_samples, parameters

pytest.importorskip("trl", reason="needs turngym[trl]")
import trl
from datasets import Dataset
from trl import GRPOConfig

from turngym.agents.chat import ChatAgent
from turngym.agents.engines.hf import HFEngine
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.agents.window import WindowAgent
from turngym.core.errors import ConfigError, PrerequisiteError
from turngym.core.samples import Sample
from turngym.credit import Credits
from turngym.envs.corridor import Corridor
from turngym.envs.pool import Pool
from turngym.trainers.check import check_trainer
from turngym.trainers.models import Policy, tiny
from turngym.trainers.policy import PolicyTrainer
from turngym.trainers.trl import TRLTrainer
from turngym.trainers.trl_batch import tensors
from turngym.trainers.trl_credit import CreditGRPOTrainer

pytestmark = pytest.mark.trl


def test_a_batch_has_what_all_share_as_its_prompt_and_masks_what_was_not_sampled():
    one = Sample(
        version=0,
        token_ids=[5, 6, 1, 7, 2],
        row=[-1, -1, 0, -1, 1],
        logprobs=[0, 0, -1, 0, -2],
        advantages=[0, 0, 0.5, 0, -0.5],
    )
    other = Sample(
        version=0,
        token_ids=[5, 6, 8, 3],
        row=[-1, -1, -1, 2],
        logprobs=[0, 0, 0, -3],
        advantages=[0, 0, 0, 1],
    )
    made = tensors([one, other], pad_id=9)
    assert made["prompt_ids"].tolist() == [[5, 6], [5, 6]]
    assert made["completion_ids"].tolist() == [[1, 7, 2], [8, 3, 9]]
    assert made["completion_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert made["tool_mask"].tolist() == [[1, 0, 1], [0, 1, 0]]
    assert made["advantages"].tolist() == [[0.5, 0, -0.5], [0, 1, 0]]
    assert made["old_per_token_logps"].tolist() == [[-1, 0, -2], [0, -3, 0]]
    assert made["num_items_in_batch"] == 3


def made(kind: Any, **options: Any) -> Any:
    return kind(copy.deepcopy(MODEL), ScriptedEngine([]), lr=1e-3, max_grad_norm=1e9, **options)


@pytest.mark.parametrize("normalise", ["token", "sequence"])
@pytest.mark.parametrize("max_tokens", [16384, 20])
def test_trls_loss_has_the_gradient_of_our_own(normalise, max_tokens):
    ours, theirs = (
        made(kind, normalise=normalise, max_tokens=max_tokens, clip_low=0.1, clip_high=0.3)
        for kind in (PolicyTrainer, TRLTrainer)
    )
    for each in (ours, theirs):
        samples = make_samples(7)
        each.score(samples)
        for _ in range(2):  # the second time ratios are no longer 1
            each.update(samples)
    assert gradient(ours).abs().max() > 0.05
    assert torch.allclose(gradient(ours), gradient(theirs), rtol=0, atol=2e-7)


@pytest.mark.parametrize("normalise", ["token", "sequence"])
def test_trls_loss_is_our_own(normalise):
    samples = make_samples(6)
    ours = made(PolicyTrainer, normalise=normalise, recompute=False)
    theirs = made(TRLTrainer, normalise=normalise, recompute=False)
    theirs.model.train()
    loss = float(theirs._loss(samples, samples).detach())
    watched = ours.update(samples)
    if normalise == "token":  # what the metrics report is the mean over tokens
        assert loss == pytest.approx(watched["policy_loss"], abs=1e-6)
    theirs.update(samples)
    assert torch.allclose(parameters(ours), parameters(theirs), rtol=0, atol=3e-6)


def test_dual_clip_is_trls_delta_and_kl_its_beta():
    for options in ({"dual_clip": 1.5}, {"dual_clip": None}, {"kl_coef": 0.3}):
        gradients = []
        for kind in (PolicyTrainer, TRLTrainer):
            each = made(kind, normalise="token", **options)
            samples = make_samples(5, seed=3)
            each.score(samples)
            for sample in samples:
                sample.old_logprobs = [old - 1.0 for old in sample.old_logprobs or []]  # ratios of e
            each.update(samples)
            each.update(samples)
            gradients.append(gradient(each))
        assert torch.allclose(*gradients, rtol=0, atol=5e-7), options


def test_an_advantage_belongs_to_its_token():
    samples = make_samples(4)
    moved = copy.deepcopy(samples)
    place = next(p for p, row in enumerate(moved[0].row) if row >= 0)
    moved[0].advantages[place] += 1.0
    first, second = made(TRLTrainer), made(TRLTrainer)
    first.update(samples)
    second.update(moved)
    assert (gradient(first) - gradient(second)).abs().max() > 1e-4


@pytest.mark.parametrize("loss", ["bnpo", "cispo", "sapo", "luspo", "vespo"])
def test_other_losses_of_trl_run_with_an_advantage_for_every_token(loss):
    each = made(TRLTrainer, loss=loss, clip_high=5.0)
    before = parameters(each).clone()
    metrics = each.update(make_samples(4))
    assert metrics["optimizer_steps"] == 1
    assert metrics["grad_norm"] > 0
    assert (parameters(each) - before).abs().max() > 0


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"critic": "trunk"}, "has no critic"),
        ({"normalise": "turn"}, "normalise is 'turn'"),
        ({"ratio": "turn"}, "ratio is 'turn'"),
        ({"loss": "dr_grpo"}, "loss 'dr_grpo' is unknown"),
    ],
)
def test_what_trl_has_no_place_for_is_refused_in_one_sentence(option, sentence):
    with pytest.raises(ConfigError, match=sentence) as refused:
        made(TRLTrainer, **option)
    assert "\n" not in str(refused.value)


def test_another_trl_is_refused_with_the_version_that_was_tested(monkeypatch):
    monkeypatch.setattr(trl, "__version__", "1.17.0")
    with pytest.raises(PrerequisiteError, match=r"TRL 1\.17\.0 is installed.*trl==1\.16"):
        made(TRLTrainer)


def test_the_models_own_pad_token_is_left_alone():
    model = copy.deepcopy(MODEL)
    model.config.pad_token_id = 3
    TRLTrainer(model, ScriptedEngine([]))  # type: ignore[arg-type]
    assert model.config.pad_token_id == 3


@pytest.mark.slow
def test_it_keeps_the_contract_of_a_trainer():
    assert [verdict for verdict in check_trainer(partial(TRLTrainer, lr=1e-2)) if not verdict.passed] == []


def policy() -> Policy:
    made = tiny(hidden=16, layers=1, heads=2, feed_forward=32, vocabulary=Corridor().vocabulary())
    with torch.no_grad():
        for weight in made.model.parameters():
            weight.mul_(5.0)
    return made


def by_time(steps: Any) -> Credits:
    """An untrained policy never wins, so that the reward teaches nothing."""
    return Credits(advantages=np.where(steps.t % 2, 1.0, -1.5))


def driven(made: Policy, pool: Pool, folder: Path, agent: Any = ChatAgent) -> CreditGRPOTrainer:
    sampler = Sampler(
        pool=pool,
        agent=agent,
        engine=HFEngine(made.model, stop_ids=made.eos_ids),
        renderer=Renderer(made.tokenizer),
        max_tokens=4,
        max_turns=4,
    )
    settings = GRPOConfig(
        str(folder),
        max_steps=1,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        num_generations=4,
        learning_rate=1e-3,
        max_grad_norm=1e9,
        epsilon=0.2,
        delta=3.0,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )
    return CreditGRPOTrainer(
        sampler=sampler,
        credit=by_time,
        model=made.model,
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": "", "seed": seed} for seed in range(8)]),
        processing_class=made.tokenizer,
    )


@pytest.mark.slow
def test_trl_drives_and_learns_what_our_own_trainer_would(tmp_path):
    theirs, ours = policy(), policy()
    with Pool(Corridor, workers=0, slots=8) as pool:
        trainer = driven(theirs, pool, tmp_path)
        trainer.train()
    assert len(trainer.samples) == 8
    assert any(any(sample.advantages) for sample in trainer.samples)
    own = PolicyTrainer(
        ours.model,
        ScriptedEngine([]),  # type: ignore[arg-type]
        lr=1e-3,
        weight_decay=0.0,
        max_grad_norm=1e9,
        recompute=False,
    )
    own.update(trainer.samples)
    pairs = zip(theirs.model.parameters(), ours.model.parameters(), strict=True)
    assert all(torch.allclose(one, other, rtol=0, atol=2e-5) for one, other in pairs)
    assert any("reward" in line for line in trainer.state.log_history)


@pytest.mark.slow
def test_a_prompt_written_afresh_each_turn_is_refused_where_trl_drives(tmp_path):
    with Pool(Corridor, workers=0, slots=8) as pool:
        trainer = driven(policy(), pool, tmp_path, partial(WindowAgent, window=0))
        with pytest.raises(ConfigError, match="one row an episode"):
            trainer.train()
