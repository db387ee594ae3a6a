"""Who knows both cards: tries plans on the scripted partner, which has no chance in it, and takes the best."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from turngym.envs.bargain.partner import Mind, answer
from turngym.envs.bargain.scenario import Deal, Scenario
from turngym.envs.bargain.talk import Message

WAIT = "Let me think about it."


@lru_cache(maxsize=4096)
def best_plan(mind: Mind) -> tuple[Message, Deal | None]:
    """The first turn of the plan that ends in the best deal, and that deal; leaving where no plan ends in one."""
    for wanted in _wanted(mind):
        first, deal = _try(mind, wanted)
        if deal is not None:
            return first, deal
    return Message("", "leave"), None


def write_move(message: Message, scenario: Scenario) -> str:
    """The turn as an action."""
    offer = f"offer[{scenario.written(message.deal)}]" if message.deal is not None else message.act
    return " ".join(part for part in (f"say[{message.said}]" if message.said else "", offer) if part)


def _wanted(mind: Mind) -> list[Deal]:
    """The deals that both can agree to, the best for the player first; of equally good ones the partner's choice."""
    mine, theirs = mind.scenario.worth[1 - mind.side], mind.worth
    reserve = mind.scenario.sides[1 - mind.side].reserve
    found: dict[int, Deal] = {}
    for deal in sorted(mine, key=lambda deal: (-mine[deal], -theirs[deal], deal)):
        if mine[deal] > reserve and theirs[deal] >= mind.me.reserve:
            found.setdefault(mine[deal], deal)
    return list(found.values())


def _try(mind: Mind, wanted: Deal) -> tuple[Message, Deal | None]:
    """The first turn of a plan for the wanted deal or one as good, and what the plan comes to."""
    first = turn = _turn(mind, wanted)
    while turn.act != "accept":
        reply, mind = answer(mind, turn)
        if reply.act == "accept":
            return first, turn.deal
        if reply.act == "leave" or mind.turn == mind.turns:
            return first, None
        turn = _turn(mind, wanted)
    return first, mind.offer


def _turn(mind: Mind, wanted: Deal) -> Message:
    """Accept what is good enough; else argue and wait, and only when patience ends offer a little more."""
    mine, theirs = mind.scenario.worth[1 - mind.side], mind.worth
    if mind.offer is not None and mine[mind.offer] >= mine[wanted]:
        return Message("", "accept")
    if theirs[wanted] >= replace(mind, turn=mind.turn + 1).aspiration():
        return Message("", "offer", wanted)
    if mind.idle < mind.me.persona.patience:
        arguments = mind.scenario.sides[1 - mind.side].arguments
        return Message(next((one.text for one in arguments if one.keyword not in mind.heard), WAIT))
    promised = float("-inf") if mind.promised is None else mind.promised
    more = [(theirs[deal], deal) for deal in mine if mine[deal] >= mine[wanted] and theirs[deal] > promised]
    return Message("", "offer", min(more, default=(0, wanted))[1])
