"""When an answer is right."""

from __future__ import annotations

import re
from fractions import Fraction

_NUMBER = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?|[-+]?\.\d+", re.ASCII)

LONGEST = 100
"""Characters that a number may have."""


def right(given: str, wanted: str | Fraction, tolerance: Fraction) -> bool:
    """Whether `given` is the number `wanted` within `tolerance`, or the same word in any case.

    A number may have commas between thousands, a currency sign in front and a percent sign behind.
    """
    if isinstance(wanted, str):
        return given.strip().strip("'\".").casefold() == wanted.casefold()
    number = number_in(given)
    return number is not None and abs(number - wanted) <= tolerance


def number_in(text: str) -> Fraction | None:
    """The number that the whole text is, or `None`."""
    bare = text.strip("'\"$€£% \n")
    return Fraction(bare.replace(",", "")) if len(bare) <= LONGEST and _NUMBER.fullmatch(bare) else None


def shown(answer: str | Fraction, tolerance: Fraction) -> str:
    """A right answer as one would write it."""
    if isinstance(answer, str):
        return answer
    return f"{float(answer):.2f}" if tolerance else str(answer)
