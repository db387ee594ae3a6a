"""One forward pass over a batch: log-probabilities where tokens were sampled, and nowhere else."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from turngym.trainers.batch import Batch
from turngym.trainers.tree_attention import tree_trunk

PRECISIONS: dict[str, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Mixed precision over fp32 weights; `fp32` leaves everything as it is."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is unknown; choose one of {', '.join(PRECISIONS)}")
    dtype = PRECISIONS[precision]
    return nullcontext() if dtype is None else torch.autocast(device, dtype=dtype)


def hidden_states(model: nn.Module, batch: Batch) -> Tensor:
    """The trunk's output at the positions that predict sampled tokens [T, D]."""
    if batch.tree is not None:
        return tree_trunk(model, batch.token_ids, batch.tree).flatten(0, 1)[batch.at]
    trunk = model.get_decoder()  # type: ignore[operator]
    output: Tensor = trunk(input_ids=batch.token_ids, use_cache=False).last_hidden_state
    return output.flatten(0, 1)[batch.at]


def token_logits(model: nn.Module, hidden: Tensor, temperature: float = 1.0) -> Tensor:
    """Logits [T, V] in fp32 at the sampling temperature; temperature 0 (greedy) counts as 1."""
    logits: Tensor = model.get_output_embeddings()(hidden)  # type: ignore[operator]
    return logits.float() / (temperature or 1.0)


def token_logprobs(logits: Tensor, target: Tensor) -> Tensor:
    """Log-probability of each target token [T] under logits [T, V]."""
    return logits.gather(-1, target[:, None]).squeeze(-1) - logits.logsumexp(-1)


def width(model: nn.Module) -> int:
    """How many numbers the trunk puts out per position."""
    size: int = model.get_output_embeddings().weight.shape[-1]  # type: ignore[operator]
    return size
