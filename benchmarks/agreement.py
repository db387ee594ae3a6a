"""How our code agrees with a record, one row per kind of output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TOLERANCE = 1e-4
"""Relative, |ours - theirs| / max(1, |theirs|): the recorded numbers are float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """How one kind of output compares with its record."""

    kind: str
    cases: int
    largest_relative_error: float
    """Of words and flags 1 where they differ."""
    mismatches: int
    example: str = ""
    """Where the first mismatch is."""
    note: str = ""
    """What else is to be said of all cases together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One recorded output against ours."""

    kind: str
    error: float
    where: str
    tolerance: float = TOLERANCE


def same(kind: str, ours: object, theirs: object, where: str) -> Comparison:
    """Words and flags agree or do not."""
    return Comparison(
        kind=kind, error=float(ours != theirs), where=f"{where}: {ours!r} instead of {theirs!r}"
    )


def rows(comparisons: Iterable[Comparison]) -> list[Row]:
    """A row per kind, in the order in which the kinds first appear."""
    kinds: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        kinds.setdefault(comparison.kind, []).append(comparison)
    return [_row(kind, found) for kind, found in kinds.items()]


def _row(kind: str, found: list[Comparison]) -> Row:
    missed = [one for one in found if not one.error <= one.tolerance]  # catches NaN too
    return Row(
        kind=kind,
        cases=len(found),
        largest_relative_error=max(comparison.error for comparison in found),
        mismatches=len(missed),
        example=missed[0].where if missed else "",
    )
