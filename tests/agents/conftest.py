"""A byte-level tokenizer with a few merges, so that a word can be spelt in two ways, and small models."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MERGES = [("l", "e"), ("f", "t"), ("le", "ft"), ("g", "o"), ("Ġ", "left")]
SPECIALS = re.compile(
    r"<[|｜][^<>]*?[|｜]>|<(?:start|end)_of_(?:turn|utterance)>|<turn\|?>|<\|turn>|</?s>|\[/?INST\]"
)


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[..., Any]:
    """Build a tokenizer around a chat template; the markers that the template writes are special tokens."""
    pytest.importorskip("transformers")
    return _tokenizer


@pytest.fixture(scope="session")
def tokenizer(make_tokenizer: Callable[..., Any]) -> Any:
    return make_tokenizer(CHATML)


@pytest.fixture(scope="session")
def tiny_llama() -> Callable[..., Any]:
    """Build a random two-layer Llama; equal arguments give equal weights."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")

    def build(*, vocabulary: int = 100, heads: int = 4, kv_heads: int = 2, seed: int = 0) -> Any:
        torch.manual_seed(seed)
        config = transformers.LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=1024,
        )
        model = transformers.LlamaForCausalLM(config)
        for weight in model.parameters():  # larger than usual, so that the tokens' chances differ clearly
            torch.nn.init.normal_(weight, std=0.2)
        return model

    return build


def _tokenizer(template: str | None, *, end: str = "<|im_end|>") -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    merged = [left + right for left, right in MERGES]
    model = models.BPE(
        vocab={symbol: place for place, symbol in enumerate([*symbols, *merged])}, merges=MERGES
    )
    backend = Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    specials = sorted({end, *SPECIALS.findall(template or "")} - {end})
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|bos|>",
        eos_token=end,
        additional_special_tokens=specials,
        chat_template=template,
    )
