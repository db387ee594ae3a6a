"""From samples to tensors: rows of similar length, so that little is padding, or a tree of their prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from turngym.core.samples import Sample
from turngym.trainers.tree import Tree, groves, plant

Packing = Literal["rows", "tree"]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What goes through the model at once, and for the T sampled tokens where they stand and what is known of them.

    Rows are sequences padded on the right; with a causal model nothing before the padding sees it, so no attention
    mask is needed. With a `tree` there is one row, its places. Positions count over the flattened [B * L].
    """

    index: list[int]  # which of the given samples
    token_ids: Tensor  # [B, L]
    at: Tensor  # [T] position whose output predicts the token
    own: Tensor  # [T] position of the token itself
    target: Tensor  # [T] the sampled token
    sequence: Tensor  # [T] number of its sample among the given ones
    row: Tensor  # [T] number of its turn
    logprobs: Tensor  # [T] as the engine reported them
    advantages: Tensor  # [T]
    old_logprobs: Tensor | None = None  # [T]
    ref_logprobs: Tensor | None = None  # [T]
    values: Tensor | None = None  # [T]
    returns: Tensor | None = None  # [T]
    tree: Tree | None = None


def batches(
    samples: Sequence[Sample],
    max_tokens: int,
    device: torch.device | str = "cpu",
    packing: Packing = "rows",
) -> Iterator[Batch]:
    """All samples in batches of at most `max_tokens` tokens to compute, padding included.

    `rows` come longest first. A `tree` computes what several samples begin with once. A sample longer than
    `max_tokens` is a batch of its own.
    """
    if checked_packing(packing) == "tree":
        for index in groves([sample.token_ids for sample in samples], max_tokens):
            yield planted(samples, index, device)
        return
    order = sorted(range(len(samples)), key=lambda i: (-len(samples[i].token_ids), i))
    start = 0
    while start < len(order):
        width = len(samples[order[start]].token_ids)
        size = max(1, max_tokens // max(width, 1))
        yield collate(samples, order[start : start + size], device)
        start += size


def checked_packing(packing: Packing) -> Packing:
    """The packing itself. Raises `ValueError` where there is none of that name."""
    if packing not in ("rows", "tree"):
        raise ValueError(f"packing is {packing!r}; choose 'rows' or 'tree'")
    return packing


def collate(samples: Sequence[Sample], index: list[int], device: torch.device | str = "cpu") -> Batch:
    """One batch of the samples at `index`, a padded row each."""
    chosen = [samples[i] for i in index]
    width = max(len(sample.token_ids) for sample in chosen)
    ids = torch.zeros(len(chosen), width, dtype=torch.long)
    for line, sample in zip(ids, chosen, strict=True):
        line[: len(sample.token_ids)] = torch.tensor(sample.token_ids)
    places = [range(b * width, b * width + len(sample.token_ids)) for b, sample in enumerate(chosen)]
    return _batch(samples, index, ids, places, device)


def planted(samples: Sequence[Sample], index: list[int], device: torch.device | str = "cpu") -> Batch:
    """One batch of the samples at `index` as a tree of their prefixes."""
    tree = plant([samples[i].token_ids for i in index])
    places = [tree.places(number) for number in range(len(index))]
    return _batch(samples, index, torch.tensor([tree.token_ids]), places, device, tree)


def _batch(
    samples: Sequence[Sample],
    index: list[int],
    ids: Tensor,
    places: Sequence[Sequence[int]],
    device: torch.device | str,
    tree: Tree | None = None,
) -> Batch:
    """`places` are the positions of each chosen sample's tokens."""
    chosen = [samples[i] for i in index]
    spots = [
        (b, p) for b, sample in enumerate(chosen) for p, row in enumerate(sample.row) if row >= 0 and p > 0
    ]

    def numbers(of_spots: Iterable[int]) -> Tensor:
        return torch.tensor(list(of_spots), dtype=torch.long, device=device)

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
        at=numbers(places[b][p - 1] for b, p in spots),
        own=numbers(places[b][p] for b, p in spots),
        target=numbers(chosen[b].token_ids[p] for b, p in spots),
        sequence=numbers(index[b] for b, _ in spots),
        row=numbers(chosen[b].row[p] for b, p in spots),
        logprobs=logprobs,
        advantages=advantages,
        old_logprobs=floats("old_logprobs"),
        ref_logprobs=floats("ref_logprobs"),
        values=floats("values"),
        returns=floats("returns"),
        tree=tree,
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
