"""What every contract is made of: rules that raise `Broken`, and verdicts on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Broken(AssertionError):
    """A plug-in breaks a rule; the message says how."""


class Verdict(NamedTuple):
    """What became of one rule."""

    rule: str
    passed: bool
    message: str
    """How it was broken, or a note where the rule did not apply."""


def verdicts(rules: Sequence[Callable[..., str | None]], *subject: Any) -> list[Verdict]:
    """Try every rule on the subject. A broken rule is a verdict, not an exception, and so is one that raises."""
    return [_verdict(rule, subject) for rule in rules]


def _verdict(rule: Callable[..., str | None], subject: tuple[Any, ...]) -> Verdict:
    try:
        return Verdict(rule.__name__, True, rule(*subject) or "")
    except Broken as broken:
        return Verdict(rule.__name__, False, str(broken))
    except Exception as error:
        return Verdict(rule.__name__, False, f"raised {error_text(error)}")


def need(kept: bool, message: str) -> None:
    """Raise `Broken` with the message where something does not hold."""
    if not kept:
        raise Broken(message)


def error_text(error: BaseException) -> str:
    """An exception's type and message."""
    return f"{type(error).__name__}: {error}"


def brief(value: Any) -> str:
    """The value as Python writes it, on one line and cut to what fits a message."""
    text = re.sub(r"\n\s*", " ", repr(value))
    return text if len(text) <= 200 else f"{text[:200]}..."
