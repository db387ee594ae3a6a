"""Attention over a `KVCache` that reads keys and values where they lie, as transformers calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface

from turngym.agents.engines.kvcache import KVCache

ATTENTION = "turngym"
"""The name under which transformers finds `attend`."""


class Layout:
    """One forward pass over T tokens of B episodes in a row: where each token stands, what it may look at.

    Tokens are grouped by episode and in order. `slots[b]` is the episode's slot, ascending; `starts[b]` the
    position of its first token; `counts[b]` the number of its tokens.
    """

    def __init__(
        self, cache: KVCache, slots: Sequence[int], starts: Sequence[int], counts: Sequence[int], device: Any
    ) -> None:
        self.cache, self.slots, self.starts, self.counts = cache, slots, starts, counts
        start, count, slot = torch.tensor([starts, counts, slots], device=device)
        row = torch.repeat_interleave(torch.arange(len(slots), device=device), count)  # [T]
        self.last = count.cumsum(0) - 1  # [B] the tokens whose logits are wanted
        self.position = (
            start[row] + torch.arange(len(row), device=device) - (self.last + 1 - count)[row]
        )  # [T]
        self._slot = slot[row]  # [T]
        self._places: dict[int, torch.Tensor] = {}
        self._bias: dict[int | None, torch.Tensor] = {}
        self._lanes: Lanes | None = None

    def places(self, heads: int) -> torch.Tensor:
        """Where the tokens' keys belong in the flattened rows, [heads * T]; computed once a pass."""
        if heads not in self._places:
            head = torch.arange(heads, device=self._slot.device)[:, None]
            self._places[heads] = (
                (self._slot * heads + head) * self.cache.capacity + self.position
            ).flatten()
        return self._places[heads]

    def attention(
        self, layer: int, queries: torch.Tensor, scaling: float | None, window: int | None
    ) -> torch.Tensor:
        """Attention of queries [heads, groups, T, D] to their episodes; [heads, groups, T, D]."""
        if len(self.position) > len(self.slots):
            return self._row_by_row(layer, queries, scaling, window)
        if self._lanes is None:
            self._lanes = Lanes(self.cache, self.slots, self.position)
        return self._lanes.attention(layer, queries, scaling, window)

    def _row_by_row(
        self, layer: int, queries: torch.Tensor, scaling: float | None, window: int | None
    ) -> torch.Tensor:
        """New tokens of one episode at a time: no row is padded to the longest."""
        bias = self._staircase(window, queries)
        edge, first, seen = max(self.starts), 0, []
        for slot, start, count in zip(self.slots, self.starts, self.counts, strict=True):
            keys, values = self.cache.read(layer, slice(slot, slot + 1), start + count)  # [1, heads, L, D]
            seen.append(
                F.scaled_dot_product_attention(
                    queries[:, :, first : first + count],
                    keys[0, :, None].expand(-1, queries.shape[1], -1, -1),
                    values[0, :, None].expand(-1, queries.shape[1], -1, -1),
                    attn_mask=bias[:count, edge - start : edge + count],
                    scale=scaling,
                )
            )
            first += count
        return torch.cat(seen, 2)

    def _staircase(self, window: int | None, like: torch.Tensor) -> torch.Tensor:
        """0 where the n-th new token may look, else -inf; its own place is column `max(starts) + n`."""
        if window not in self._bias:
            own = max(self.starts) + torch.arange(max(self.counts), device=like.device)[:, None]
            keys = torch.arange(max(self.starts) + max(self.counts), device=like.device)
            self._bias[window] = _bias(keys, own, window, like)
        return self._bias[window]


class Lanes:
    """One token for each of B episodes: a lane for every slot that is read, idle ones among them."""

    def __init__(self, cache: KVCache, slots: Sequence[int], position: torch.Tensor) -> None:
        self.cache = cache
        self.length = int(position.max()) + 1
        self.runs = cache.runs(slots, self.length)
        lanes = {slot: lane for lane, slot in enumerate(slot for run in self.runs for slot in _numbers(run))}
        self._full = len(lanes) == len(slots)
        self._lane = torch.tensor([lanes[slot] for slot in slots], device=position.device)  # [B]
        # An idle lane looks at its first key; its output is never read.
        self._own = position.new_zeros(len(lanes)).index_copy_(0, self._lane, position)
        self._bias: dict[int | None, torch.Tensor] = {}

    def attention(
        self, layer: int, queries: torch.Tensor, scaling: float | None, window: int | None
    ) -> torch.Tensor:
        """Attention of queries [heads, groups, B, D]: neighbouring slots are read in one piece."""
        lanes = self._spread(queries.permute(2, 0, 1, 3))  # [lanes, heads, groups, D]
        if window not in self._bias:
            keys = torch.arange(self.length, device=queries.device)
            self._bias[window] = _bias(keys, self._own[:, None, None, None], window, queries)
        bias, first, seen = self._bias[window], 0, []  # [lanes, 1, 1, length]
        for run in self.runs:
            mine = slice(first, first + run.stop - run.start)
            keys, values = self.cache.read(layer, run, self.length)
            seen.append(
                F.scaled_dot_product_attention(lanes[mine], keys, values, attn_mask=bias[mine], scale=scaling)
            )
            first = mine.stop
        return self._gather(torch.cat(seen)).permute(1, 2, 0, 3)

    def _spread(self, rows: torch.Tensor) -> torch.Tensor:
        """[B, ...] to [lanes, ...], zeros in idle lanes."""
        if self._full:
            return rows
        return rows.new_zeros(len(self._own), *rows.shape[1:]).index_copy_(0, self._lane, rows)

    def _gather(self, lanes: torch.Tensor) -> torch.Tensor:
        """[lanes, ...] to [B, ...]."""
        return lanes if self._full else lanes[self._lane]


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,  # [1, H, T, D]
    key: torch.Tensor,  # [1, heads, T, D]
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    layout: Layout | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention over the cache, as transformers calls it. Returns [1, T, H, D].

    `H = heads * groups`: the heads of a group share their keys, which are never repeated.
    """
    if layout is None:
        raise ValueError(
            f"{type(module).__name__} does not hand keywords on to its attention; HFEngine cannot run it"
        )
    if softcap is not None or s_aux is not None:
        raise ValueError(
            f"{type(module).__name__} caps scores or has attention sinks; HFEngine cannot run it exactly"
        )
    layer: int = module.layer_idx  # type: ignore[assignment]
    heads, kind = key.shape[1], value.dtype
    layout.cache.write(layer, layout.places(heads), key[0].to(kind), value[0])
    grouped = query[0].to(kind).view(heads, -1, *query.shape[2:])
    seen = layout.attention(layer, grouped, scaling, sliding_window)
    return seen.flatten(0, 1).transpose(0, 1)[None], None


AttentionInterface.register(ATTENTION, attend)


def _bias(keys: torch.Tensor, own: torch.Tensor, window: int | None, like: torch.Tensor) -> torch.Tensor:
    """0 where a key stands at or before the query's own place, within the window, and -inf elsewhere."""
    hidden = keys > own
    if window is not None:
        hidden |= keys <= own - window
    return torch.zeros_like(hidden, dtype=like.dtype).masked_fill_(hidden, float("-inf"))


def _numbers(run: slice) -> range:
    return range(run.start, run.stop)
