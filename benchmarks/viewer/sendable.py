"""A stored record as JSON that a browser reads: every browser's numbers, and long texts cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

LONGEST = 20_000
"""Characters of a text, and entries of a list, that are sent at once."""
EXACT = 2**53
"""Up to here a browser's numbers hold every integer."""


def sendable(value: Any, path: str = "") -> Any:
    """The value with what a browser could not read or bear replaced.

    A text or list longer than `LONGEST` becomes `{"head": its beginning, "length": of the whole, "path": keys to
    it}`; NaN, infinities and integers that a browser would round become their text.
    """
    if isinstance(value, str):
        return value if len(value) <= LONGEST else _cut(value[:LONGEST], value, path)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < EXACT else str(value)
    if isinstance(value, dict):
        return {str(key): sendable(entry, _join(path, key)) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        entries = [sendable(entry, _join(path, i)) for i, entry in enumerate(value[:LONGEST])]
        return entries if len(value) <= LONGEST else _cut(entries, value, path)
    return value


def _cut(head: Any, whole: Sequence[Any], path: str) -> dict[str, Any]:
    return {"head": head, "length": len(whole), "path": path}


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def lookup(value: Any, path: str) -> Any:
    """What lies at a path of `sendable`'s. Raises `LookupError` where nothing does."""
    for key in path.split("."):
        if isinstance(value, list) and key.isdecimal():
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value[key]
        else:
            raise LookupError(f"there is nothing at {path!r}")
    return value
