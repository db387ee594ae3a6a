"""Which states read alike: GiGPO's grouping by similarity of text."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher

import numpy as np

from turngym.credit.toolbox import Ints

Cluster = tuple[SequenceMatcher[str], int]  # compares with the cluster's first text; its number


def clusters(group: Ints, texts: Sequence[Hashable], threshold: float) -> Ints:
    """The cluster of each row, numbered over all groups in order of first appearance. [N]

    A row joins the first cluster of its group whose first text it resembles at least to `threshold`, else it
    opens one. The result depends on the order of the rows, and the work grows with the square of the distinct
    texts in a group. Raises `TypeError` for a state that is no text.
    """
    opened: dict[int, list[Cluster]] = {}
    known: dict[tuple[int, str], int] = {}
    rows = list(zip(group.tolist(), map(_text, texts), strict=True))
    for place, text in rows:
        if (place, text) not in known:
            new = sum(len(found) for found in opened.values())
            known[place, text] = _join(opened.setdefault(place, []), text, threshold, new)
    return np.array([known[row] for row in rows], dtype=np.int64)


def _join(opened: list[Cluster], text: str, threshold: float, new: int) -> int:
    for matcher, number in opened:
        matcher.set_seq1(text)
        if _alike(matcher, threshold):
            return number
    opened.append((SequenceMatcher(None, "", text), new))
    return new


def _alike(matcher: SequenceMatcher[str], threshold: float) -> bool:
    """Whether `ratio()` reaches the threshold, asking its two cheap upper bounds first."""
    bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
    return all(bound() >= threshold for bound in bounds)


def _text(state: Hashable) -> str:
    if isinstance(state, str):
        return state
    kind = type(state).__name__
    raise TypeError(f"similarity compares texts, but a state is of type {kind}; leave similarity out")
