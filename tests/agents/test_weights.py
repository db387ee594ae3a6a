"""What is written for vLLM is the module's very policy, and a probe tells one policy from another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import AutoModelForCausalLM

from turngym.agents.engines import specimen, weights
from turngym.agents.engines.hf import HFEngine
from turngym.core.errors import ConfigError
from turngym.trainers import models

PROMPT = torch.tensor([[5, 6, 7, 8, 9, 10]])


def read(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(PROMPT).logits


@pytest.mark.parametrize("model", [models.tiny().model, specimen.llama(0)], ids=["tied", "untied"])
def test_a_written_model_says_what_the_module_says(model: Any, tmp_path: Path) -> None:
    tied = model.config.tie_word_embeddings
    written = read(weights.write(model, tmp_path))
    assert torch.equal(logits(written), logits(model))
    assert written.lm_head.weight is not written.model.embed_tokens.weight
    assert model.config.tie_word_embeddings == tied


def test_adapters_are_added_into_what_is_written(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from turngym.trainers import lora

    policy = lora.adapt(models.tiny(), rank=4)
    plain = logits(policy.model)
    with torch.no_grad():
        for name, weight in policy.model.named_parameters():
            if ".lora_" in name:
                weight.normal_(std=0.1)
    written = read(weights.write(policy.model, tmp_path))
    assert torch.allclose(logits(written), logits(policy.model), atol=1e-5)
    assert not torch.allclose(logits(written), plain, atol=1e-2)
    assert not [name for name in written.state_dict() if "lora" in name]


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    model = specimen.llama(0)
    weights.write(model, tmp_path)
    specimen.become(model, 1)
    assert torch.equal(logits(read(weights.write(model, tmp_path))), logits(specimen.llama(1)))


def test_another_models_shapes_are_refused_by_name() -> None:
    known = weights.shapes(specimen.llama(0))
    weights.check_shapes(specimen.llama(1), known)
    with pytest.raises(
        ConfigError, match=r"embed_tokens.weight has shape \[261, 128\] and vLLM's \[100, 32\]"
    ):
        weights.check_shapes(models.tiny().model, known | {"model.embed_tokens.weight": [100, 32]})


def test_versions_are_told_token_by_token_only_where_they_differ() -> None:
    spans = [{"version": "3", "start": 0, "end": 2}, {"version": "4", "start": 2, "end": 3}]
    assert weights.by_token(spans, 3) == ["3", "3", "4"]
    mixed = weights.completed([5, 6, 7], [-0.1] * 3, "stop", ["3", "3", "4"])
    assert (mixed.version, mixed.versions) == (3, [3, 3, 4])
    assert weights.completed([5], [-0.1], "stop", ["4"]).versions is None


def test_a_probe_tells_one_policy_from_another() -> None:
    one, other = specimen.llama(0), specimen.llama(1)
    engine = HFEngine(one, stop_ids=specimen.STOP_IDS)
    assert asyncio.run(weights.disagreement(engine, one)) < 1e-4
    assert asyncio.run(weights.disagreement(engine, other)) > 0.5


def test_a_probe_leaves_the_module_in_the_mode_it_was_in() -> None:
    model = specimen.llama(0).train()
    asyncio.run(weights.disagreement(HFEngine(specimen.llama(0), stop_ids=specimen.STOP_IDS), model))
    assert model.training


def test_adapters_are_refused_where_vllm_would_not_know_their_names() -> None:
    pytest.importorskip("peft")
    from turngym.trainers import lora

    policy = models.tiny()
    weights.need_plain(policy.model, "nccl")
    with pytest.raises(ConfigError, match=r"engine\.transfer = 'nccl' cannot send adapters; use 'disk'"):
        weights.need_plain(lora.adapt(policy, rank=2).model, "nccl")
