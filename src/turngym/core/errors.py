"""Errors of the user's making, told in one sentence, and failures that are nobody's mistake."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


class UserError(Exception):
    """Something the user can put right; the message names the thing, the value and the remedy.

    The command prints that sentence without a traceback.
    """

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ConfigError(UserError, ValueError):
    """A run file or an override that cannot be used."""


class PrerequisiteError(UserError, RuntimeError):
    """Data, a device or a program that has to be there first."""


class Failure(Exception):
    """Something that broke under an episode, and says nothing about the policy that played it."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message, trace)
        self.message = message
        self.trace = trace
        """The traceback as text; empty where there is none."""

    def __str__(self) -> str:
        return self.message


def suggest(name: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, if one is near, and all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    listed = f"known are {', '.join(known)}" if known else "none is known"
    return f"did you mean {near[0]!r}? ({listed})" if near else listed
