"""Samples in the tensors that TRL's `GRPOTrainer` computes its loss from, and which TRL those are."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
import trl
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from trl import GRPOTrainer

from turngym.core.errors import PrerequisiteError
from turngym.core.samples import Sample

TESTED = "1.16"
"""The version of TRL whose private methods were read and tested."""


def check_version() -> None:
    """Raises `PrerequisiteError` unless this TRL computes its loss as the tested one does."""
    asked = [*inspect.signature(GRPOTrainer._generate_and_score_completions).parameters]
    loss = [*inspect.signature(GRPOTrainer._compute_loss).parameters]
    if not trl.__version__.startswith(f"{TESTED}.") or (asked, loss) != (
        ["self", "inputs"],
        ["self", "model", "inputs"],
    ):
        raise PrerequisiteError(
            f"TRL {trl.__version__} is installed, and its private GRPOTrainer._generate_and_score_completions is known "
            f"as {TESTED} has it; pip install 'trl=={TESTED}.*', or choose the trainer 'policy'"
        )


def tensors(
    samples: Sequence[Sample], device: torch.device | str = "cpu", pad_id: int = 0
) -> dict[str, Tensor]:
    """The batch of B samples, of which one at least sampled a token.

    `prompt_ids` [B, P] is what all have before the first sampled token of any, so that nothing is padded on the left;
    `completion_ids` [B, T] is the rest, where `tool_mask` is 0 on context. `advantages` [B, T] are one per token.
    """
    firsts = (next((p for p, row in enumerate(sample.row) if row >= 0 and p), None) for sample in samples)
    start = min(first for first in firsts if first is not None)
    completions = [torch.tensor(sample.token_ids[start:]) for sample in samples]
    prompts = torch.tensor([sample.token_ids[:start] for sample in samples], dtype=torch.long)
    batch = {
        "prompt_ids": prompts,
        "prompt_mask": torch.ones_like(prompts),
        "completion_ids": pad_sequence(completions, batch_first=True, padding_value=pad_id),
        "completion_mask": pad_sequence([torch.ones_like(ids) for ids in completions], batch_first=True),
        "tool_mask": _padded([[row >= 0 for row in sample.row] for sample in samples], start, torch.long),
        "advantages": _padded([sample.advantages for sample in samples], start),
        "num_items_in_batch": torch.tensor(float(sum(sample.sampled for sample in samples))),
    }
    optional: dict[str, list[list[float] | None]] = {
        "old_per_token_logps": [sample.old_logprobs or sample.logprobs for sample in samples],
        "ref_per_token_logps": [sample.ref_logprobs for sample in samples],
        "sampling_per_token_logps": [sample.logprobs for sample in samples],
    }
    known = {
        name: _padded(rows, start) for name, rows in optional.items() if all(row is not None for row in rows)
    }
    return {name: tensor.to(device) for name, tensor in (batch | known).items()}


def _padded(rows: Sequence[Sequence[float] | None], start: int, dtype: torch.dtype = torch.float32) -> Tensor:
    tails = [torch.tensor((row or [])[start:], dtype=dtype) for row in rows]
    return pad_sequence(tails, batch_first=True)
