"""Adapters by peft on real transformers: what they change, what is saved, what is refused."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch

pytest.importorskip("peft")

from tests.trainers.test_policy import make_samples
from tests.trainers.test_run import CORRIDOR, train_lines

from turngym.agents.engines.hf import HFEngine
from turngym.agents.llm import Sampling
from turngym.core.config import ConfigError, override
from turngym.trainers import lora, models
from turngym.trainers.checkpoint import CheckpointError
from turngym.trainers.merging import merge_run
from turngym.trainers.policy import PolicyTrainer
from turngym.trainers.run import train_run

IDS = torch.tensor([[5, 6, 7, 8, 9, 3]])


def plain() -> models.Policy:
    words = [f"w{i}" for i in range(15)]
    return models.tiny(hidden=32, layers=2, heads=2, feed_forward=48, vocabulary=words)


def adapted(rank: int = 4, **options: object) -> models.Policy:
    return lora.adapt(plain(), rank=rank, **options)  # type: ignore[arg-type]


def logits(policy: models.Policy) -> torch.Tensor:
    with torch.no_grad():
        return policy.model.eval()(input_ids=IDS).logits


def trained(policy: models.Policy, **options: object) -> PolicyTrainer:
    engine = HFEngine(policy.model, stop_ids=policy.eos_ids)
    made = PolicyTrainer(policy.model, engine, lr=1e-2, **options)  # type: ignore[arg-type]
    samples = make_samples(6)
    made.score(samples)
    made.update(samples)
    return made


def first_logprob(engine: HFEngine) -> float:
    sampling = Sampling(temperature=1.0, max_tokens=1, seed=0)
    return asyncio.run(engine.generate(IDS[0].tolist(), sampling)).logprobs[0]


def test_adapters_change_nothing_until_they_learn():
    assert torch.equal(logits(adapted()), logits(plain()))


def test_only_adapters_learn_and_the_engine_samples_with_them():
    policy = adapted()
    before = {name: weight.detach().clone() for name, weight in policy.model.named_parameters()}
    asked = first_logprob(HFEngine(policy.model, stop_ids=policy.eos_ids))
    made = trained(policy)
    moved = {
        name for name, weight in policy.model.named_parameters() if not torch.equal(weight, before[name])
    }
    assert moved
    assert all(".lora_" in name for name in moved)
    assert (
        len(made.optimizer.param_groups[0]["params"]) == 2 * 2 * 7
    )  # A and B of seven matrices in two layers
    expected = logits(policy)[0, -1].log_softmax(-1)
    assert first_logprob(made.publish()) != pytest.approx(asked, abs=1e-4)
    assert min(abs(float(x) - first_logprob(made.publish())) for x in expected) < 1e-5


def test_a_folder_of_adapters_holds_nothing_else_and_restores_them(tmp_path):
    policy = adapted()
    trained(policy)
    lora.write_adapters(policy.model, tmp_path)
    assert {path.suffix for path in tmp_path.glob("*.safetensors")} == {".safetensors"}
    assert [path.name for path in tmp_path.glob("*.safetensors")] == [lora.FILE]
    assert json.loads((tmp_path / "adapter_config.json").read_text())["r"] == 4
    other = adapted()
    lora.read_adapters(other.model, tmp_path)
    assert torch.equal(logits(other), logits(policy))


def test_peft_reads_the_folder_as_its_own(tmp_path):
    from peft import PeftModel

    policy = adapted()
    trained(policy)
    lora.write_adapters(policy.model, tmp_path)
    model = PeftModel.from_pretrained(plain().model, tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(model(input_ids=IDS).logits, logits(policy))


def test_adapters_of_another_model_are_refused_in_one_sentence(tmp_path):
    lora.write_adapters(adapted(rank=2).model, tmp_path)
    with pytest.raises(
        CheckpointError, match=r"for another model: .*\(2, 48\) there and \(4, 48\) here; resume"
    ):
        lora.read_adapters(adapted().model, tmp_path)
    with pytest.raises(CheckpointError, match="holds no adapters"):
        lora.read_adapters(adapted().model, tmp_path / "empty")


def test_merged_weights_say_what_adapters_said(tmp_path):
    policy = adapted()
    trained(policy)
    merged = lora.merged(policy)
    assert not lora.is_adapted(merged.model)
    assert lora.is_adapted(policy.model)
    assert torch.allclose(logits(merged), logits(policy), atol=1e-5)
    merged.save(tmp_path)
    assert torch.allclose(logits(models.pretrained(path=str(tmp_path))), logits(policy), atol=1e-5)


def test_adapters_learn_in_fp32_on_a_base_in_bf16():
    policy = plain()
    policy.model = policy.model.to(torch.bfloat16)
    made = trained(lora.adapt(policy, rank=4), precision="bf16")
    assert made.reader.model is policy.model  # no copy of the frozen weights
    kinds = {".lora_" in name: weight.dtype for name, weight in policy.model.named_parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}


def test_a_checkpointed_backward_pass_gives_adapters_the_same_gradient():
    first, second = adapted(), adapted()
    plain_one, checkpointed = trained(first), trained(second, checkpointing=True)
    gradients = [[p.grad for p in made._parameters()] for made in (plain_one, checkpointed)]
    for one, two in zip(*gradients, strict=True):
        assert torch.allclose(one, two, atol=1e-7)


RUN = override(CORRIDOR, ["model.lora={rank=4}", "eval.tasks=8", "trainer.lr=1e-2"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lora") / "run"
    train_run(override(RUN, ["loop.steps=4"]), out)
    return out


def test_a_run_resumes_from_adapters_bit_for_bit(run, tmp_path):
    for steps in (2, 4):
        train_run(override(RUN, [f"loop.steps={steps}"]), tmp_path / "parts", resume=steps > 2)
    assert train_lines(tmp_path / "parts")[-2:] == train_lines(run)[-2:]
    assert not list((run / "checkpoints").rglob("model.safetensors"))


def test_a_run_is_not_resumed_with_other_adapters(run):
    with pytest.raises(CheckpointError, match="for another model"):
        train_run(override(RUN, ["model.lora.rank=8", "loop.steps=6"]), run, resume=True)


def test_a_run_writes_its_policy_as_a_plain_model(run, tmp_path):
    merge_run(run, tmp_path / "plain")
    assert models.pretrained(path=str(tmp_path / "plain")).eos_ids
    with pytest.raises(CheckpointError, match="has no checkpoint"):
        merge_run(tmp_path, tmp_path / "plain")


@pytest.mark.parametrize(
    ("change", "message"),
    [("model.lora={rank=0}", "rank is 0"), ("model.lora={ranc=4}", "did you mean 'rank'"),
     ("model.lora={targets=[\"w\"]}", "w")],
)  # fmt: skip
def test_a_wrong_adapter_section_is_told_before_the_first_episode(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        train_run(override(RUN, [change]), tmp_path / "run")


def test_a_copy_of_an_adapted_policy_carries_its_adapters():
    policy = adapted()
    trained(policy)
    copy = models.Policy(model=deepcopy(policy.model), tokenizer=policy.tokenizer, eos_ids=policy.eos_ids)
    assert torch.equal(logits(copy), logits(policy))


@pytest.mark.smollm2
def test_smollm2_learns_by_adapters():
    policy = lora.adapt(models.smollm2(), rank=4)
    made = PolicyTrainer(policy.model, HFEngine(policy.model, stop_ids=policy.eos_ids), lr=1e-3)
    samples = make_samples(2)
    assert made.update(samples)["grad_norm"] > 0
    assert sum(weight.numel() for weight in made._parameters()) < 2e6
