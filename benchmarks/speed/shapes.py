"""Shapes of language models; random weights serve for speed."""

from __future__ import annotations

from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "vocab_size": 2048,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
    },
    "smollm2": {
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
    "0.5b": {
        "vocab_size": 151936,
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
    },
    "1.5b": {
        "vocab_size": 151936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
    },
}
"""Of a tiny model, of SmolLM2-135M, of Qwen2.5-0.5B and of Qwen2.5-1.5B."""


def llama(shape: str, layers: int | None = None) -> Any:
    """A random Llama of a shape, in fp32, with tied embeddings; `layers` of it, or all."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = SHAPES[shape] | ({} if layers is None else {"num_hidden_layers": layers})
    config = LlamaConfig(
        **sizes,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=2,
    )
    torch.manual_seed(0)
    return LlamaForCausalLM(config)


def flops(shape: str, tokens: int, predicted: int, layers: int | None = None) -> float:
    """Floating-point operations of matmuls to train on so many tokens, of which so many are predicted.

    Six for every weight and token; the head counts for predicted tokens alone, attention's own products are left out.
    """
    sizes = SHAPES[shape]
    hidden, wide, heads = sizes["hidden_size"], sizes["intermediate_size"], sizes["num_attention_heads"]
    kept = hidden * sizes["num_key_value_heads"] // heads
    layer = 2 * hidden * (hidden + kept) + 3 * hidden * wide
    count = sizes["num_hidden_layers"] if layers is None else layers
    return 6.0 * float(count * layer * tokens + sizes["vocab_size"] * hidden * predicted)
