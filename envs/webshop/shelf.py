"""Products on disk: one JSON record a line, found by its place, parsed when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from turngym.envs.webshop.index import mapped
from turngym.envs.webshop.originals import line
from turngym.envs.webshop.products import CatalogueError, Product

LINES = "products.jsonl"
OFFSETS = "offsets.npy"

KEPT = 4096
"""Parsed products that a process holds."""


class Shelf(Sequence[Product]):
    """The products of an indexed folder, read from the mapped file when they are shown.

    Raises `CatalogueError` where the folder's files are missing or do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._offsets = mapped(folder / OFFSETS)  # [N + 1]
            self._lines = np.asarray(np.memmap(folder / LINES, np.uint8, mode="r"))
        except (EOFError, OSError, ValueError) as error:
            raise damaged(folder, str(error)) from error
        if len(self._lines) != self._offsets[-1]:
            raise damaged(folder, f"{LINES} has {len(self._lines)} bytes, not {self._offsets[-1]}")
        self._folder = folder
        self._parsed = lru_cache(maxsize=KEPT)(self._parse)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> Product:  # type: ignore[override]
        """The product of that row; no slices."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self._parsed(row)

    def _parse(self, row: int) -> Product:
        record = self._lines[self._offsets[row] : self._offsets[row + 1]].tobytes()
        try:
            return line(json.loads(record)).product
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(self._folder, f"line {row + 1} of {LINES} is no product: {error}") from error


def damaged(folder: Path, what: str) -> CatalogueError:
    """The error for a folder that does not open."""
    return CatalogueError(
        f"{folder} is no complete catalogue: {what}; make it again with `turngym data webshop`"
    )
