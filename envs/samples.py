"""Actions by chance where they cannot all be listed: what `info["sample"]` holds."""

from __future__ import annotations

import re
from collections.abc import Callable

from turngym.envs.draw import Draw

COUNT = 8
"""So many actions are drawn a turn; equal ones are told once."""

LOOKED_AT = 2000
"""Characters of a text, from its end, in which words are found."""

_WORD = re.compile(r"[\w#@][\w#@.:-]*")


class Samples:
    """Draws well-formed actions; which ones follows from the entropy and the draws before, so episodes repeat.

    It never asks the environment's own generator, so tasks and transitions are the same with and without it.
    """

    def __init__(self, *entropy: int) -> None:
        self._draw = Draw(*entropy)

    def __call__(self, action: Callable[[Draw], str]) -> list[str]:
        """Different actions, at least one and at most `COUNT`."""
        return list(dict.fromkeys(action(self._draw) for _ in range(COUNT)))


def words(text: str) -> list[str]:
    """The words, numbers and ids of a text, without the stop that ends a sentence; `["word"]` where it has none."""
    found = [one.rstrip(".:-") for one in _WORD.findall(text[-LOOKED_AT:])]
    return list(dict.fromkeys(filter(None, found))) or ["word"]
