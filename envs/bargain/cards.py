"""What a party is told, as text for a player, as chat messages for a model and as data for a judge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from turngym.envs.bargain.scenario import Scenario, listed
from turngym.envs.bargain.talk import Message, grammar

Line = dict[str, str]
"""A turn of the transcript: speaker (`you` or `partner`), name, text, act, offer."""


def card_text(scenario: Scenario, mine: int, turns: int) -> str:
    """The card of a side: the situation for both, then what only that side knows."""
    me, other = scenario.sides[mine], scenario.sides[1 - mine]
    issues = "\n".join(f"- {issue.name}: {listed(issue)}" for issue in scenario.issues)
    notes = "\n".join(f"- {note}" for note in me.notes)
    points = " ".join(argument.text for argument in me.arguments)
    return (
        f"reach an agreement with {other.name} that is worth many points to you, in at most {turns} turns. "
        f"{scenario.background}\n\nYou are {me.name}, {me.role}. You want to {me.goal}. To agree on:\n{issues}"
        f"\n\nOnly you know what it is worth to you:\n{notes}\n- no deal: {me.reserve} points"
        f"\n\nYou can point out: {points}"
    )


def card_data(scenario: Scenario, mine: int) -> dict[str, dict[str, Any]]:
    """Both cards as plain data, `you` and `partner`."""
    return {"you": _data(scenario, mine), "partner": _data(scenario, 1 - mine)}


def _data(scenario: Scenario, side: int) -> dict[str, Any]:
    me = scenario.sides[side]
    return {
        "background": scenario.background,
        "name": me.name,
        "role": me.role,
        "goal": me.goal,
        "worth": [*me.notes],
        "no_deal": me.reserve,
        "arguments": [argument.text for argument in me.arguments],
    }


def transcript_line(speaker: str, name: str, message: Message, scenario: Scenario) -> Line:
    """A turn as plain data."""
    offer = "" if message.deal is None else scenario.written(message.deal)
    return {"speaker": speaker, "name": name, "text": message.said, "act": message.act, "offer": offer}


def partner_messages(
    scenario: Scenario, side: int, turns: int, transcript: Iterable[Line]
) -> list[dict[str, str]]:
    """The talk as the model behind `side` sees it: its card as the system, the player as the user."""
    rules = f"You speak in turns with {scenario.sides[1 - side].name}. A turn is one of: {grammar(scenario)}."
    system = f"{rules}\n\nYour task is to: {card_text(scenario, side, turns)}"
    turns_said = [
        {"role": "user" if line["speaker"] == "you" else "assistant", "content": _as_action(line)}
        for line in transcript
    ]
    return [{"role": "system", "content": system}, *turns_said]


def _as_action(line: Line) -> str:
    """The turn in the grammar again."""
    act = f"offer[{line['offer']}]" if line["offer"] else line["act"]
    return " ".join(part for part in (f"say[{line['text']}]" if line["text"] else "", act) if part)
