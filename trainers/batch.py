"""From samples to padded tensors: batches of similar length, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from turngym.core.samples import Sample


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Sequences padded on the right, and for their T sampled tokens where they stand and what is known of them.

    With a causal model nothing before the padding sees it, so no attention mask is needed.
    """

    index: list[int]  # [B] which of the given samples
    token_ids: Tensor  # [B, L]
    at: Tensor  # [T] position in the flattened [B * L] whose output predicts the token
    target: Tensor  # [T] the sampled token
    sequence: Tensor  # [T] number of its sample among the given ones
    row: Tensor  # [T] number of its turn
    logprobs: Tensor  # [T] as the engine reported them
    advantages: Tensor  # [T]
    old_logprobs: Tensor | None = None  # [T]
    ref_logprobs: Tensor | None = None  # [T]
    values: Tensor | None = None  # [T]
    returns: Tensor | None = None  # [T]


def batches(
    samples: Sequence[Sample], max_tokens: int, device: torch.device | str = "cpu"
) -> Iterator[Batch]:
    """All samples in batches of at most `max_tokens` tokens, padding included, longest first.

    A sample longer than `max_tokens` is a batch of its own.
    """
    order = sorted(range(len(samples)), key=lambda i: (-len(samples[i].token_ids), i))
    start = 0
    while start < len(order):
        width = len(samples[order[start]].token_ids)
        size = max(1, max_tokens // max(width, 1))
        yield collate(samples, order[start : start + size], device)
        start += size


def collate(samples: Sequence[Sample], index: list[int], device: torch.device | str = "cpu") -> Batch:
    """One batch of the samples at `index`."""
    chosen = [samples[i] for i in index]
    width = max(len(sample.token_ids) for sample in chosen)
    ids = torch.zeros(len(chosen), width, dtype=torch.long)
    for line, sample in zip(ids, chosen, strict=True):
        line[: len(sample.token_ids)] = torch.tensor(sample.token_ids)
    spots = [
        (b, p) for b, sample in enumerate(chosen) for p, row in enumerate(sample.row) if row >= 0 and p > 0
    ]

    def floats(name: str) -> Tensor | None:
        lists = [getattr(sample, name) for sample in chosen]
        if any(values is None for values in lists):
            return None
        return torch.tensor([lists[b][p] for b, p in spots], dtype=torch.float32, device=device)

    logprobs, advantages = floats("logprobs"), floats("advantages")
    assert logprobs is not None
    assert advantages is not None
    return Batch(
        index=index,
        token_ids=ids.to(device),
        at=torch.tensor([b * width + p - 1 for b, p in spots], dtype=torch.long, device=device),
        target=torch.tensor([chosen[b].token_ids[p] for b, p in spots], dtype=torch.long, device=device),
        sequence=torch.tensor([index[b] for b, _ in spots], dtype=torch.long, device=device),
        row=torch.tensor([chosen[b].row[p] for b, p in spots], dtype=torch.long, device=device),
        logprobs=logprobs,
        advantages=advantages,
        old_logprobs=floats("old_logprobs"),
        ref_logprobs=floats("ref_logprobs"),
        values=floats("values"),
        returns=floats("returns"),
    )


def scatter(batch: Batch, per_token: Tensor, samples: Sequence[Sample], name: str) -> None:
    """Write one number per sampled token [T] back into the samples' list `name`; context gets 0.0."""
    numbers = iter(per_token.tolist())
    for i in batch.index:
        sample = samples[i]
        setattr(
            sample, name, [next(numbers) if row >= 0 and p > 0 else 0.0 for p, row in enumerate(sample.row)]
        )


def padding(samples: Sequence[Sample], max_tokens: int) -> float:
    """The share of padding that `batches` would give, between 0 and 1."""
    real = sum(len(sample.token_ids) for sample in samples)
    padded = sum(batch.token_ids.numel() for batch in batches(samples, max_tokens))
    return 1 - real / max(padded, 1)
