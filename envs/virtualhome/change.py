"""What a rule answers: the change that an action would make now, or `None` where it is refused."""

from __future__ import annotations

from collections.abc import Callable

Change = Callable[[], None]


def no_change() -> None:
    """The change of an action that looks, touches or reads."""


def unnoticed() -> None:
    """The change of an action that the simulator passes over: it counts as done, but not even the sets are renewed."""


def if_allowed(allowed: bool, change: Change = no_change) -> Change | None:
    """The change where the action is allowed."""
    return change if allowed else None
