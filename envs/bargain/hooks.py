"""A partner or a judge of one's own: a function, or `"module:attribute"` that names one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from turngym.core.errors import UserError

Partner = Callable[[list[dict[str, str]]], str]
"""Chat messages, a system message with the partner's card first, to the partner's turn in the environment's grammar."""

Judge = Callable[[list[dict[str, str]], dict[str, dict[str, Any]]], float | None]
"""Transcript and both cards (`you`, `partner`) to the goal score of `you`, 0 to 10; `None` where it cannot say."""


class HookError(UserError, ValueError):
    """A hook that cannot be found or answers what it should not."""


def find_hook(hook: Any) -> Any:
    """The function itself, or the one that `"module:attribute"` names. Raises `HookError` where there is none."""
    if callable(hook):
        return hook
    module, _, name = str(hook).partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise HookError(f"{hook!r} names no function ({error}); write module:attribute") from error
    if callable(found):
        return found
    raise HookError(f"{hook!r} is a {type(found).__name__}; name a function")


def checked_goal(score: Any) -> float | None:
    """The judge's answer. Raises `HookError` for anything but `None` and a number from 0 to 10."""
    if score is None:
        return None
    if isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 10:
        return float(score)
    raise HookError(f"the judge answered {str(score)[:100]!r}; let it return a number from 0 to 10, or None")
