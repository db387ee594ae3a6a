"""What a kind of tampering is: a change to a real result, and the check that has to catch it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.forgery import Forgery

Change = Callable[[Forgery], None]
KINDS: list[tuple[Change, str, str]] = []
"""What is done, which check catches it, and on the result of which panel."""


def tampering(caught_by: str, panel: str = "walks") -> Callable[[Change], Change]:
    """The change leaves the files as they shall be found."""

    def add(change: Change) -> Change:
        KINDS.append((change, caught_by, panel))
        return change

    return add


def restated(panel: str = "walks") -> Callable[[Change], Change]:
    """After the change of record or rows, digests and id are in order again; `verify` catches the rest."""
    return _then("verify", panel, Forgery.rehash)


def retold(caught_by: str, panel: str = "walks") -> Callable[[Change], Change]:
    """After the change of traces, rows, sums, digests and id follow from them."""
    return _then(caught_by, panel, Forgery.recompute)


def _then(caught_by: str, panel: str, after: Change) -> Callable[[Change], Change]:
    def add(change: Change) -> Change:
        def tamper(f: Forgery) -> None:
            change(f)
            after(f)

        tamper.__name__ = change.__name__
        return tampering(caught_by, panel)(tamper)

    return add


def won(trace: dict[str, Any]) -> bool:
    return bool(trace["success"])


def lost(trace: dict[str, Any]) -> bool:
    return trace["success"] is False and trace["status"] == "turn_limit"


def start(trace: dict[str, Any]) -> str:
    return str(trace["turns"][0]["obs"])


def other(name: str) -> str:
    return "right" if name == "left" else "left"
