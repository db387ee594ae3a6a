"""Keys and values of many episodes in one tensor per layer, and the attention that reads them in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface

ATTENTION = "turngym"
"""The name under which transformers finds `attend`."""

GRAIN = 64
"""Positions are reserved in multiples of this."""


@dataclass(eq=False, slots=True)
class Held:
    """What the cache holds of one episode."""

    ids: list[int] = field(default_factory=list)
    """The tokens whose keys and values are stored, from the start of the conversation."""
    slot: int = -1
    """Its row in the tensors; -1 without one."""
    used: int = 0
    """When it was last placed, counted in batches."""


class KVCache:
    """One row ("slot") per episode; the keys of its n tokens lie at positions 0 to n-1.

    A forward pass works on the rows 0 to B-1, so attention reads views and nothing is ever concatenated:
    `place` brings a batch there, and moves nothing where the same episodes come again. All rows together
    never take more than `max_tokens` positions; the longest unused episodes are forgotten for others.
    """

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.capacity = 0  # positions per slot
        self._owners: list[Held | None] = []
        self._keys: dict[int, torch.Tensor] = {}  # per layer [slots, capacity, heads, dim]
        self._values: dict[int, torch.Tensor] = {}
        self._batches = 0

    @property
    def reserved(self) -> int:
        """Positions over all slots."""
        return len(self._owners) * self.capacity

    def fits(self, length: int) -> int:
        """How many rows of `length` tokens may be placed together; 0 where one is already too long."""
        return self.max_tokens // max(self.capacity, _rounded(length))

    def place(self, batch: Sequence[Held], length: int) -> None:
        """Give the batch the slots 0 to B-1, in any order, each with room for `length` tokens."""
        self._batches += 1
        for held in batch:
            held.used = self._batches
        self._reserve(batch, length)
        movers = [held for held in batch if not 0 <= held.slot < len(batch)]
        if movers:
            self._move(movers, len(batch))

    def release(self, held: Held) -> None:
        """Forget an episode."""
        if held.slot >= 0:
            self._owners[held.slot] = None
        held.slot, held.ids = -1, []

    def clear(self) -> None:
        """Forget every episode; the memory is kept."""
        for held in filter(None, self._owners):
            self.release(held)

    def reset(self) -> None:
        """Forget every episode and give the memory back."""
        self.clear()
        self._owners, self.capacity = [], 0
        self._keys.clear()
        self._values.clear()

    def write(self, layer: int, places: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values [T, heads, dim] at `places` [T], which count positions over all slots."""
        for store, new in ((self._keys, key), (self._values, value)):
            if layer not in store:
                store[layer] = new.new_zeros(len(self._owners), self.capacity, *new.shape[1:])
            store[layer].flatten(0, 1).index_copy_(0, places, new)

    def read(self, layer: int, slots: slice | torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values [B, heads, length, dim]; views where `slots` is a slice."""
        keys, values = self._keys[layer][slots, :length], self._values[layer][slots, :length]
        return keys.transpose(1, 2), values.transpose(1, 2)

    def copy(self, source: Sequence[int], target: Sequence[int], length: int) -> None:
        """Copy the first `length` positions of slots to other slots, all at once."""
        for stored in (*self._keys.values(), *self._values.values()):
            stored[list(target), :length] = stored[list(source), :length]

    def _move(self, movers: list[Held], rows: int) -> None:
        """Bring `movers` below `rows`, and whoever is in the way to the slots that become free."""
        homes = {id(mover) for mover in movers}
        kept = self._owners[:rows]
        targets = [slot for slot, owner in enumerate(kept) if owner is None or owner.used < self._batches]
        displaced = [owner for slot in targets if (owner := self._owners[slot])]
        free = [mover.slot for mover in movers if mover.slot >= 0]
        free += [slot for slot in range(rows, len(self._owners)) if self._owners[slot] is None]
        pairs = [*zip(movers, targets, strict=True), *zip(displaced, free, strict=False)]
        moved = [(held.slot, target, len(held.ids)) for held, target in pairs if held.ids]
        for slot in (*targets, *free):
            self._owners[slot] = None
        for held, target in pairs:
            self._owners[target], held.slot = held, target
        if moved:
            source, target_slots, lengths = zip(*moved, strict=True)
            self.copy(source, target_slots, max(lengths))

    def _reserve(self, batch: Sequence[Held], length: int) -> None:
        """Make room for the batch: longer slots, more slots, or fewer other episodes."""
        if length > self.capacity:
            self._lengthen(length, len(batch))
        room = self.max_tokens // self.capacity
        fresh = sum(held.slot < 0 for held in batch)
        idle = [owner for owner in self._owners if owner and owner.used < self._batches]
        excess = len(idle) + len(batch) - room
        for held in sorted(idle, key=lambda held: held.used)[: max(excess, 0)]:
            self.release(held)
        needed = sum(owner is not None for owner in self._owners) + fresh
        if needed > len(self._owners):
            self._resize(min(room, max(needed, 2 * len(self._owners))), self.capacity)

    def _lengthen(self, length: int, rows: int) -> None:
        """Longer slots, by a generous step where the batch allows it; slots beyond the bound are dropped."""
        step = min(_rounded(2 * self.capacity), self.max_tokens // max(rows, 1) // GRAIN * GRAIN)
        capacity = max(_rounded(length), step)
        slots = min(len(self._owners), self.max_tokens // capacity)
        for held in filter(None, self._owners[slots:]):
            self.release(held)
        self._resize(slots, capacity)

    def _resize(self, slots: int, capacity: int) -> None:
        kept, length = min(slots, len(self._owners)), min(capacity, self.capacity)
        for store in (self._keys, self._values):
            for layer, old in store.items():
                store[layer] = old.new_zeros(slots, capacity, *old.shape[2:])
                store[layer][:kept, :length] = old[:kept, :length]
        self._owners = self._owners[:slots] + [None] * (slots - len(self._owners))
        self.capacity = capacity


class Layout:
    """One forward pass over a packed row of T tokens from B episodes: where each token stands.

    Tokens are grouped by episode and in order; `starts[b]` is the position of the first one of row b,
    `counts[b]` their number, `slots[b]` the episode's slot.
    """

    def __init__(
        self, cache: KVCache, slots: Sequence[int], starts: Sequence[int], counts: Sequence[int], device: Any
    ) -> None:
        self.cache, self.rows, self.columns = cache, len(slots), max(counts)
        self.length = max(start + count for start, count in zip(starts, counts, strict=True))
        start, count = torch.tensor([starts, counts], device=device)
        slot = torch.tensor(slots, device=device)
        self.row = torch.repeat_interleave(torch.arange(self.rows, device=device), count)  # [T]
        first = count.cumsum(0) - count
        self.column = torch.arange(len(self.row), device=device) - first[self.row]  # [T]
        self.position = start[self.row] + self.column  # [T]
        self.places = slot[self.row] * cache.capacity + self.position  # [T]
        self.last = first + count - 1  # [B] the token whose logits are wanted
        self.slots = slice(slots[0], slots[0] + self.rows) if _adjacent(slots) else slot
        # Padding columns of short rows look at what a real token there would; their output is not read.
        self._queries = start[:, None] + torch.arange(self.columns, device=device)  # [B, N]
        self._bias: dict[tuple[int | None, int], torch.Tensor] = {}

    def bias(self, window: int | None, groups: int, like: torch.Tensor) -> torch.Tensor:
        """0 where a query may look and -inf elsewhere, [B, 1, groups * N, length]; computed once a pass."""
        if (window, groups) not in self._bias:
            keys = torch.arange(self.length, device=like.device)
            seen = keys <= self._queries[:, :, None]
            if window is not None:
                seen &= keys > self._queries[:, :, None] - window
            bias = torch.zeros_like(seen, dtype=like.dtype).masked_fill_(~seen, float("-inf"))
            self._bias[window, groups] = bias.repeat(1, groups, 1)[:, None]
        return self._bias[window, groups]

    def grid(self, packed: torch.Tensor) -> torch.Tensor:
        """[T, ...] to [B, N, ...], zeros where a row has fewer than N tokens."""
        if len(packed) == self.rows * self.columns:
            return packed.view(self.rows, self.columns, *packed.shape[1:])
        padded = packed.new_zeros(self.rows, self.columns, *packed.shape[1:])
        padded[self.row, self.column] = packed
        return padded

    def packed(self, grid: torch.Tensor) -> torch.Tensor:
        """[B, N, ...] to [T, ...]."""
        if len(self.row) == self.rows * self.columns:
            return grid.flatten(0, 1)
        return grid[self.row, self.column]


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

    Heads that share keys (grouped queries) are folded into the queries, so keys are never repeated.
    """
    if layout is None:
        raise ValueError(f"{type(module).__name__} does not pass keyword arguments on to its attention; HFEngine cannot run it")
    if softcap is not None or s_aux is not None:
        raise ValueError(f"{type(module).__name__} caps scores or has attention sinks; HFEngine cannot run it exactly")
    layer: int = module.layer_idx  # type: ignore[assignment]
    heads, dim, kind = key.shape[1], query.shape[3], value.dtype
    layout.cache.write(layer, layout.places, key[0].transpose(0, 1).to(kind), value[0].transpose(0, 1))
    keys, values = layout.cache.read(layer, layout.slots, layout.length)
    grid = layout.grid(query[0].transpose(0, 1).to(kind))  # [B, N, H, D]
    groups = grid.shape[2] // heads
    folded = grid.unflatten(2, (heads, groups)).permute(0, 2, 3, 1, 4).flatten(2, 3)  # [B, heads, groups * N, D]
    bias = layout.bias(sliding_window, groups, folded)
    seen = F.scaled_dot_product_attention(folded, keys, values, attn_mask=bias, scale=scaling)
    unfolded = seen.unflatten(2, (groups, layout.columns)).permute(0, 3, 1, 2, 4)  # [B, N, heads, groups, D]
    return layout.packed(unfolded.reshape(layout.rows, layout.columns, -1, dim))[None], None


AttentionInterface.register(ATTENTION, attend)


def _rounded(length: int) -> int:
    return -(-length // GRAIN) * GRAIN


def _adjacent(slots: Sequence[int]) -> bool:
    return list(slots) == list(range(slots[0], slots[0] + len(slots)))
