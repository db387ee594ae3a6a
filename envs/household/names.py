"""Display names of entities: `cabinet_bar__minus_00_dot_36_bar_...` is `cabinet 3`.

Source: `alfworld.agents.utils.misc.Demangler` (alfworld 0.4.2) without its shuffling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_SPELT_OUT = {"_bar_": "|", "_minus_": "-", "_plus_": "+", "_dot_": ".", "_comma_": ","}


def display_names(ids: Iterable[str]) -> dict[str, str]:
    """Name every id; ids of one kind are numbered in sorted order, the first gets the highest number."""
    ordered = sorted(ids)
    left = Counter(_kind(one) for one in ordered)
    names = {}
    for one in ordered:
        kind = _kind(one)
        if kind is None:
            names[one] = _plain(one) + " "  # the space before the number that it does not have
        else:
            names[one] = f"{kind} {left[kind]}"
            left[kind] -= 1
    return names


def _kind(one: str) -> str | None:
    kind, bar, _ = one.partition("_bar_")
    if not bar:
        return None
    return kind + "basin" if "basin" in one else kind


def _plain(one: str) -> str:
    for word, sign in _SPELT_OUT.items():
        one = one.replace(word, sign)
    return one
