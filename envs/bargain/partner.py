"""The scripted partner concedes with time, listens to arguments and leaves when nothing moves; no chance is in it.

Its aspiration, the points below which it agrees to nothing, falls from its best deal in the first turn to its reserve
in the last along 1 - x**haste, the time-dependent tactics of Faratin, Sierra and Jennings (1998, "Negotiation decision
functions for autonomous agents"). Of the deals that reach the aspiration it offers the one nearest to what was offered
last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from turngym.envs.bargain.scenario import Argument, Deal, Scenario, Side
from turngym.envs.bargain.talk import Message

SWAY = 0.1
"""An argument that counts takes so much of the way from best deal to reserve."""


@dataclass(frozen=True)
class Mind:
    """What the partner remembers; a new one after every turn."""

    scenario: Scenario
    side: int
    """The side it plays."""
    turns: int
    """How many the other party has."""
    turn: int = 0
    """How many the other party has taken."""
    heard: frozenset[str] = frozenset()
    """Keywords of the arguments that were made."""
    promised: int | None = None
    """Points of the best offer it got."""
    idle: int = 0
    """Turns in a row without a better offer."""
    asked: Deal | None = None
    """The last offer it got."""
    offer: Deal | None = None
    """Its own offer, which can be accepted."""

    @property
    def me(self) -> Side:
        """The partner's own card."""
        return self.scenario.sides[self.side]

    @property
    def worth(self) -> dict[Deal, int]:
        """The partner's points of every deal."""
        return self.scenario.worth[self.side]

    def aspiration(self) -> float:
        """Points that a deal must reach in this turn."""
        moved = len(self.heard.intersection(self.me.persona.moved_by))
        passed = (self.turn - 1) / (self.turns - 1) if self.turns > 1 else 1.0
        share = max(1 - float(passed**self.me.persona.haste) - SWAY * moved, 0.0)
        return self.me.reserve + (max(self.worth.values()) - self.me.reserve) * share


@lru_cache(maxsize=8192)  # the expert tries plans that begin alike
def answer(mind: Mind, message: Message) -> tuple[Message, Mind]:
    """The partner's turn after the other party's message, which neither accepts nor leaves."""
    made = _made(mind, message)
    heard = replace(mind, turn=mind.turn + 1, heard=mind.heard | {argument.keyword for argument in made})
    points = None if message.deal is None else mind.worth[message.deal]
    least = heard.aspiration()
    if points is not None and points >= least:
        return Message("Agreed.", "accept"), heard
    better = points is not None and (heard.promised is None or points > heard.promised)
    heard = replace(
        heard, promised=points if better else heard.promised, idle=0 if better else heard.idle + 1
    )
    if heard.idle > mind.me.persona.patience:
        return Message("This leads nowhere. Goodbye.", "leave"), replace(heard, offer=None)
    offer = _counter(heard, least)
    said = " ".join(part for part in (_on_arguments(heard, made), _on_offer(heard, points, better)) if part)
    return Message(said, "offer", offer), replace(heard, offer=offer)


def _made(mind: Mind, message: Message) -> list[Argument]:
    """The other party's arguments that the message makes for the first time."""
    said = message.said.lower()
    known = mind.scenario.sides[1 - mind.side].arguments
    return [one for one in known if one.keyword not in mind.heard and one.keyword in said]


def _counter(mind: Mind, least: float) -> Deal:
    """Of the deals that reach the aspiration the nearest to the other's offer, or without one the least."""
    enough = [(points, deal) for deal, points in mind.worth.items() if points >= least]
    if mind.asked is None:
        return min(enough)[1]
    asked = mind.asked
    return min(enough, key=lambda pair: (_distance(mind.scenario, pair[1], asked), *pair))[1]


def _distance(scenario: Scenario, deal: Deal, other: Deal) -> int:
    """In percent of each issue's range."""
    columns = zip(scenario.issues, deal, other, strict=True)
    return sum(100 * abs(one - two) // (len(issue.options) - 1) for issue, one, two in columns)


def _on_arguments(mind: Mind, made: list[Argument]) -> str:
    if not made:
        return ""
    moved = mind.me.persona.moved_by
    return (
        "That is a fair point."
        if any(one.keyword in moved for one in made)
        else "That does not matter to me."
    )


def _on_offer(mind: Mind, points: int | None, better: bool) -> str:
    if mind.idle == mind.me.persona.patience:
        return "Make me a better offer, or I shall go."
    if points is None:
        return ("What do you propose? I propose this.", "I could agree to this.")[mind.turn % 2]
    if better:
        return ("That is not enough for me yet. How about this?", "We are getting closer. My offer:")[
            mind.turn % 2
        ]
    return (
        "You offered me more before. My offer:"
        if points < (mind.promised or 0)
        else "I have heard that already."
    )
