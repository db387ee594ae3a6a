"""What a party says in a turn: free text, and at most one offer, acceptance, rejection or farewell."""

from __future__ import annotations

import re
from dataclasses import dataclass

from turngym.envs.bargain.scenario import Deal, Scenario

ACTS = ("offer", "accept", "reject", "leave")

LONGEST = 2000
"""Characters of a turn that are heard."""

_SAY = re.compile(r"say\s*\[([^\]]*)\]", re.IGNORECASE)
_OFFER = re.compile(r"offer\s*\[([^\]]*)\]", re.IGNORECASE)


@dataclass(frozen=True)
class Message:
    """One turn of a party."""

    said: str = ""
    act: str = ""
    """One of `ACTS`, or empty where the party only talks."""
    deal: Deal | None = None
    """What is offered."""


def grammar(scenario: Scenario) -> str:
    """How a turn is written, in a line."""
    terms = ", ".join(f"{issue.name}=..." for issue in scenario.issues)
    return f"say[words], offer[{terms}], say[words] offer[...], accept, reject or leave; other text is said as it is"


def read_message(text: str, scenario: Scenario) -> Message:
    """The turn that a text means.

    `say[...]` may stand before one act; a text without any form is said as it is. Raises `ValueError`, which says what
    is wrong, for an empty text, two offers and an offer of anything but one option of each issue.
    """
    text = text[:LONGEST].strip()
    said = " ".join(part.strip() for part in _SAY.findall(text)).strip()
    rest = _SAY.sub(" ", text).strip()
    offers = _OFFER.findall(rest)
    if len(offers) > 1:
        raise ValueError("make one offer a turn")
    if offers:
        return Message(said or _OFFER.sub("", rest).strip(), "offer", scenario.read(_terms(offers[0])))
    if (act := rest.lower().rstrip(".!")) in ACTS[1:]:
        return Message(said, act)
    if not (said or rest):
        raise ValueError("say something")
    return Message(said or rest)


def _terms(offer: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in offer.split(",") if part.strip())
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
