"""Other words for actions: pairs of templates, read from a table or a TOML file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from string import Formatter

from turngym.core.config import load_run, shipped, shipped_names
from turngym.core.errors import ConfigError

FOLDER = "envs/languages"
LONGEST = 1000
"""Characters of an action that is looked at; longer text is no action and is passed on as it is."""


class Language:
    """Translates actions by pairs of templates, the environment's and the player's.

    A slot in braces stands for any words and has to be in both templates of a pair: `("move {thing} to
    {place}", "put {thing} in/on {place}")`. The first pair that fits is taken; what fits none stays as it is.

    Raises `ConfigError` for a pair whose slots differ.
    """

    def __init__(self, pairs: Sequence[Sequence[str]]) -> None:
        for pair in pairs:
            _check(pair)
        self._say = [(_pattern(native), spoken) for native, spoken in pairs]
        self._understand = [(_pattern(spoken), native) for native, spoken in pairs]

    def say(self, action: str) -> str:
        """The environment's action in the player's words."""
        return _translated(action, self._say)

    def understand(self, action: str) -> str:
        """The player's action in the environment's words."""
        return _translated(action, self._understand)


@lru_cache(maxsize=16)
def load_language(name: str | os.PathLike[str]) -> Language:
    """A language by the name of a shipped table or by the path of a TOML file with `pairs = [[a, b], ...]`.

    Raises `ConfigError` where there is none or its file is damaged.
    """
    named = str(name)
    path = Path(named) if named.endswith(".toml") else shipped(FOLDER, named, kind="language")
    table = load_run(path)
    if not isinstance(table.get("pairs"), list):
        raise ConfigError(f"{path} has no list 'pairs'; write pairs = [[environment's form, player's], ...]")
    return Language(table["pairs"])


def names() -> list[str]:
    """The languages that come with turngym."""
    return shipped_names(FOLDER)


def _check(pair: Sequence[str]) -> None:
    if len(pair) != 2 or not all(isinstance(one, str) for one in pair):
        raise ConfigError(f"{pair!r} is no pair of templates; write [environment's form, player's form]")
    native, spoken = pair
    if sorted(_slots(native)) != sorted(_slots(spoken)):
        raise ConfigError(f"the templates {native!r} and {spoken!r} have different slots; name the same ones")


def _slots(template: str) -> list[str]:
    return [slot for _, slot, _, _ in Formatter().parse(template) if slot is not None]


def _pattern(template: str) -> re.Pattern[str]:
    parts = (
        re.escape(text) + (f"(?P<{slot}>.+?)" if slot else "")
        for text, slot, _, _ in Formatter().parse(template)
    )
    return re.compile("".join(parts))


def _translated(action: str, pairs: Sequence[tuple[re.Pattern[str], str]]) -> str:
    if len(action) <= LONGEST:
        for pattern, template in pairs:
            if found := pattern.fullmatch(action.strip()):
                return template.format(**found.groupdict())
    return action
