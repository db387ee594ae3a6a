"""Keys and values of many episodes in one tensor per layer, and the attention that reads them in place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AttentionInterface

ATTENTION = "turngym"
"""The name under which transformers finds `attend`."""

GRAIN = 64
"""Positions are reserved in multiples of this."""

GAP_BYTES = 262_144
"""So much of idle slots is read along: reading it costs a CPU about as much as one more call (20 us)."""


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

    Nothing is ever concatenated or moved: a pass writes its new keys into the rows, and attention reads views
    of neighbouring rows. All rows together never take more than `max_tokens` positions; the episodes unused
    for longest are forgotten for others.
    """

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.capacity = 0  # positions per slot
        self._owners: list[Held | None] = []
        self._keys: dict[int, torch.Tensor] = {}  # per layer [slots, heads, capacity, dim]
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
        """Give every episode of a batch that `fits` a slot with room for `length` tokens."""
        self._batches += 1
        for held in batch:
            held.used = self._batches
        if length > self.capacity:
            self._lengthen(length, len(batch))
        fresh = [held for held in batch if held.slot < 0]
        self._make_room(len(fresh))
        free = (slot for slot, owner in enumerate(self._owners) if owner is None)
        for held, slot in zip(fresh, free, strict=False):
            self._owners[slot], held.slot = held, slot

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

    def copy(self, source: Held, targets: Sequence[Held]) -> None:
        """Let other episodes begin with all that one holds."""
        slots, length = [target.slot for target in targets], len(source.ids)
        for stored in (*self._keys.values(), *self._values.values()):
            stored[slots, :, :length] = stored[source.slot, :, :length]
        for target in targets:
            target.ids = list(source.ids)

    def write(self, layer: int, places: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values [heads, T, dim] at `places` [heads * T] of the flattened rows."""
        for store, new in ((self._keys, key), (self._values, value)):
            if layer not in store:
                heads, _, dim = new.shape
                store[layer] = _zeros((len(self._owners), heads, self.capacity, dim), new)
            store[layer].flatten(0, 2).index_copy_(0, places, new.flatten(0, 1))

    def read(self, layer: int, slots: slice, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Views of keys and values [B, heads, length, dim]."""
        return self._keys[layer][slots, :, :length], self._values[layer][slots, :, :length]

    def runs(self, slots: Sequence[int], length: int) -> list[slice]:
        """Neighbouring slots that are read in one piece, a few idle ones among them; `slots` must ascend."""
        gap = self._gap(length)
        runs = [slice(slots[0], slots[0] + 1)]
        for slot in slots[1:]:
            low = runs[-1].start if slot - runs[-1].stop <= gap else slot
            if low == slot:
                runs.append(slice(slot, slot + 1))
            else:
                runs[-1] = slice(low, slot + 1)
        return runs

    def _gap(self, length: int) -> float:
        stored = next(iter(self._values.values()), None)
        if stored is None or stored.device.type != "cpu":
            return math.inf
        return GAP_BYTES / (2 * length * stored.shape[1] * stored.shape[3] * stored.element_size())

    def _make_room(self, fresh: int) -> None:
        """Free or add slots for new episodes."""
        room = self.max_tokens // self.capacity
        owned = [owner for owner in self._owners if owner]
        idle = sorted((owner for owner in owned if owner.used < self._batches), key=lambda held: held.used)
        for held in idle[: max(len(owned) + fresh - room, 0)]:
            self.release(held)
        needed = sum(owner is not None for owner in self._owners) + fresh
        if needed > len(self._owners):
            self._resize(min(room, max(needed, 2 * len(self._owners))), self.capacity)

    def _lengthen(self, length: int, rows: int) -> None:
        """Longer slots, by a generous step where memory is plentiful; slots beyond the bound are dropped."""
        plenty = self.max_tokens // (2 * max(rows, len(self._owners))) // GRAIN * GRAIN
        capacity = max(_rounded(length), min(max(4 * GRAIN, 2 * self.capacity), plenty))
        slots = min(len(self._owners), self.max_tokens // capacity)
        for held in filter(None, self._owners[slots:]):
            self.release(held)
        self._resize(slots, capacity)

    def _resize(self, slots: int, capacity: int) -> None:
        kept = [owner.slot for owner in self._owners[:slots] if owner]
        length = max((len(owner.ids) for owner in self._owners[:slots] if owner), default=0)
        for store in (self._keys, self._values):
            for layer, old in store.items():
                store[layer] = _zeros((slots, old.shape[1], capacity, old.shape[3]), old)
                store[layer][kept, :, :length] = old[kept, :, :length]
        self._owners = self._owners[:slots] + [None] * (slots - len(self._owners))
        self.capacity = capacity


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


def _zeros(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Zeros as `like`; on a CPU the pages are handed out, huge ones if possible, when they are first used."""
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    raw = np.zeros(math.prod(shape) * like.element_size(), dtype=np.uint8)
    return torch.from_numpy(raw).view(like.dtype).view(shape)


def _bias(keys: torch.Tensor, own: torch.Tensor, window: int | None, like: torch.Tensor) -> torch.Tensor:
    """0 where a key stands at or before the query's own place, within the window, and -inf elsewhere."""
    hidden = keys > own
    if window is not None:
        hidden |= keys <= own - window
    return torch.zeros_like(hidden, dtype=like.dtype).masked_fill_(hidden, float("-inf"))


def _numbers(run: slice) -> range:
    return range(run.start, run.stop)


def _rounded(length: int) -> int:
    return -(-length // GRAIN) * GRAIN
