"""Objects of foreign packages written so that equal ones are written alike in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from typing import Any


def fingerprint(*parts: Any) -> str:
    """A short hash of all parts."""
    return hashlib.sha256(repr(plain(parts)).encode("utf-8", "replace")).hexdigest()[:32]


def plain(value: Any, without: Container[str] = ()) -> Any:
    """Containers and objects as nested tuples in a fixed order; functions and modules by their kind alone.

    Args:
        without: names of attributes and keys that are left out.
    """
    if isinstance(value, dict):
        named = sorted(((repr(key), key) for key in value), key=lambda pair: pair[0])
        return tuple((name, plain(value[key], without)) for name, key in named if key not in without)
    if isinstance(value, list | tuple):
        return tuple(plain(item, without) for item in value)
    if isinstance(value, set | frozenset):
        return tuple(sorted(repr(plain(item, without)) for item in value))
    if value is None or isinstance(value, str | bytes | int | float | complex):
        return value
    return type(value).__name__, plain(_attributes(value), without)


def _attributes(value: Any) -> Any:
    if callable(value):
        return {}
    if hasattr(value, "tolist"):
        return value.tolist()
    slots = {name: getattr(value, name, None) for name in getattr(type(value), "__slots__", ())}
    return slots | getattr(value, "__dict__", {})
