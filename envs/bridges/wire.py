"""Infos as plain JSON data and back, so that a remote environment tells what a local one does."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from turngym.core.types import Info


def plain_info(info: Info) -> Info:
    """The entries of `info` that plain data can hold; the others are left out.

    Tuples become lists, sets sorted lists, dataclasses the list of their fields, NumPy's scalars Python's.
    """
    return {str(key): value for key, raw in info.items() if (value := _plain_or_missing(raw)) is not _MISSING}


def restored_info(info: Info) -> Info:
    """What `plain_info` made, with `state` hashable again: equal states stay equal, different ones different."""
    return {key: hashable(value) if key == "state" else value for key, value in info.items()}


def plain(value: Any) -> Any:
    """`value` as JSON data; raises `TypeError` for anything that is not made of plain values."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {well_formed(str(key)): plain(part) for key, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(part) for part in value), key=json.dumps)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is no plain data")


def hashable(value: Any) -> Any:
    """JSON data with tuples for lists, and sorted tuples of pairs for objects."""
    if isinstance(value, list):
        return tuple(hashable(part) for part in value)
    if isinstance(value, dict):
        return tuple((key, hashable(value[key])) for key in sorted(value))
    return value


def well_formed(text: str) -> str:
    """`text` with `?` for the lone surrogates that UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


_MISSING = object()


def _plain_or_missing(value: Any) -> Any:
    try:
        return plain(value)
    except (TypeError, RecursionError):
        return _MISSING
