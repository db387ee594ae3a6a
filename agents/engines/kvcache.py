"""Keys and values of many episodes in one tensor per layer, and the attention that reads them in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from transformers import AttentionInterface

ATTENTION = "turngym"
"""The name under which transformers finds `attend`."""

Ints = npt.NDArray[np.int64]


@dataclass(eq=False, slots=True)
class Held:
    """What the cache holds of one episode."""

    ids: list[int] = field(default_factory=list)
    """The tokens whose keys and values are stored, from the start of the conversation."""
    slot: int = -1
    """The row of the tensors; -1 without one."""


class KVCache:
    """One row ("slot") per episode; the keys of its n tokens lie at positions 0 to n-1.

    A forward pass works on the rows 0 to B-1, so attention reads views and nothing is ever concatenated:
    `place` brings a batch there, which moves nothing where the same episodes come again. Stored positions
    never exceed `max_tokens` over all rows; what does not fit is dropped and has to be computed again.
    """

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.capacity = 0  # positions per slot
        self._owners: list[Held | None] = []
        self._keys: dict[int, torch.Tensor] = {}  # per layer [slots, capacity, heads, dim]
        self._values: dict[int, torch.Tensor] = {}

    def fits(self, length: int) -> int:
        """How many rows of `length` tokens may be placed together."""
        return self.max_tokens // _rounded(length)

    def place(self, batch: Sequence[Held], length: int) -> None:
        """Give the batch the slots 0 to B-1, each with room for `length` tokens; those who have one there keep it."""
        self._reserve(batch, length)
        home = {held.slot for held in batch if 0 <= held.slot < len(batch)}
        empty = (slot for slot in range(len(batch)) if slot not in home)
        moves: list[tuple[int, int]] = []  # from, to
        spare = (slot for slot in range(len(batch), len(self._owners)) if self._owners[slot] is None)
        for held in batch:
            if 0 <= held.slot < len(batch):
                continue
            target = next(empty)
            self._move(self._owners[target], held.slot if held.slot >= 0 else next(spare, -1), moves)
            self._move(held, target, moves)
        self._copy(moves)

    def release(self, held: Held) -> None:
        """Forget an episode."""
        if held.slot >= 0:
            self._owners[held.slot] = None
        held.slot, held.ids = -1, []

    def clear(self) -> None:
        """Forget everything; the memory is kept."""
        for held in self._owners:
            if held is not None:
                held.slot, held.ids = -1, []
        self._owners = [None] * len(self._owners)

    def write(self, layer: int, places: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values [T, heads, dim] at `places` [T], which count positions over all slots."""
        for store, new in ((self._keys, key), (self._values, value)):
            if layer not in store:
                store[layer] = new.new_zeros(len(self._owners), self.capacity, *new.shape[1:])
            store[layer].flatten(0, 1).index_copy_(0, places, new)

    def read(self, layer: int, slots: slice | torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values [B, heads, length, dim]: views where `slots` is a slice."""
        keys, values = self._keys[layer][slots, :length], self._values[layer][slots, :length]
        return keys.transpose(1, 2), values.transpose(1, 2)

    def copy_rows(self, source: Sequence[int], target: Sequence[int], length: int) -> None:
        """Copy the first `length` positions of some slots to others."""
        for stored in (*self._keys.values(), *self._values.values()):
            stored[target, :length] = stored[source, :length]

    def _reserve(self, batch: Sequence[Held], length: int) -> None:
        if length > self.capacity:
            self._resize(len(self._owners), min(_rounded(length + length // 2), _rounded(length)))
        ...
