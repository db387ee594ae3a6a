"""Keys and values of many episodes, in one tensor per layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

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
            stored[slots, :, :length] = stored[source.slot, :, :length].clone()
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


def _zeros(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Zeros as `like`; on a CPU the pages are handed out, huge ones if possible, when they are first used."""
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    raw = np.zeros(math.prod(shape) * like.element_size(), dtype=np.uint8)
    return torch.from_numpy(raw).view(like.dtype).view(shape)


def _rounded(length: int) -> int:
    return -(-length // GRAIN) * GRAIN
