"""A transformer of a few thousand weights, for contracts that need to know what a model really says."""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY = 100
STOP_IDS = [3, 4]


def llama(seed: int) -> Any:
    """A random Llama of two layers; equal seeds give equal weights."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,  # smaller ones vLLM's CPU kernels do not take
        max_position_embeddings=1024,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = LlamaForCausalLM(config)
        # Larger weights than usual, so that the tokens' chances differ clearly.
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    return model.eval()


def become(model: Any, seed: int) -> None:
    """Give the model other weights in place, as an update does."""
    model.load_state_dict(llama(seed).state_dict())


def logprobs(model: Any, prompt_ids: list[int], token_ids: list[int], temperature: float) -> list[float]:
    """Of each token after the prompt, by one forward pass over everything; temperature 0 counts as 1."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt_ids + token_ids])).logits[0, len(prompt_ids) - 1 : -1]
    chances = torch.log_softmax(logits.float() / (temperature or 1.0), -1)  # [T, V]
    return [float(chances[place, token]) for place, token in enumerate(token_ids)]
