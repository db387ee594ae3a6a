"""What a player is told of a flat: the room on entering it, and what is close. Everything in order, each fact once.

The facts are those that SPA's VirtualHome environment tells, in words instead of symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turngym.envs.virtualhome.glance import Glance
from turngym.envs.virtualhome.questions import held, room, shut_in
from turngym.envs.virtualhome.words import Names, words

NOTHING = "Nothing happens."

_RELATIONS = {"ON": "on", "INSIDE": "in"}


def introduction(glance: Glance, names: Names, title: str, description: str) -> str:
    """The first observation: the task, the rooms, and the room that the character is in."""
    rooms = [names.of[id] for id in names.told if glance.home.is_room(id)]
    task = f"The task is {title} ({description})."
    return f"{task}\nThe home has these rooms: {', '.join(rooms)}.\n{entered(glance, names)}"


def entered(glance: Glance, names: Names) -> str:
    """The room with all that is in sight, then what is close."""
    seen = [names.of[id] for id in in_sight(glance, names)]
    return _joined(
        f"{_place(glance, names)} You see {', '.join(seen) or 'nothing'}.", close_by(glance, names)
    )


def stayed(glance: Glance, names: Names) -> str:
    """The room by name, then what is close."""
    return _joined(_place(glance, names), close_by(glance, names))


def in_sight(glance: Glance, names: Names) -> list[int]:
    """The things in the room that nothing closed hides, without those that the character holds or wears."""
    here = room(glance, glance.me)
    hidden = {here, *held(glance, "HOLDS_LH", "HOLDS_RH"), *glance.origins("ON", glance.me)}
    return [
        id for id in names.told if id not in hidden and room(glance, id) == here and not shut_in(glance, id)
    ]


def close_by(glance: Glance, names: Names) -> str:
    """Facts about what is close; what the character holds and wears. Empty where there is nothing to say."""
    facts = ", ".join(_facts(glance, names))
    carried = _named(held(glance, "HOLDS_LH", "HOLDS_RH"), names)
    worn = _named(glance.origins("ON", glance.me), names)
    return _joined(
        facts and f"Close to you: {facts}.", carried and f"You have {carried}.", worn and f"You wear {worn}."
    )


def _place(glance: Glance, names: Names) -> str:
    here, states = room(glance, glance.me), glance.states(glance.me)
    posture = " sitting" if "SITTING" in states else " lying" if "LYING" in states else ""
    return (
        f"You are{posture} in the {names.of[here]}."
        if here is not None
        else f"You are{posture or ' nowhere'}."
    )


def _facts(glance: Glance, names: Names) -> Iterator[str]:
    for id in names.told:
        if id in glance.close and not glance.home.is_room(id):
            yield from _facts_about(glance, names, id)


def _facts_about(glance: Glance, names: Names, id: int) -> Iterator[str]:
    name, states = names.of[id], glance.states(id)
    if states:
        yield f"{name} is {' and '.join(sorted(map(words, states)))}"
    for relation, preposition in _RELATIONS.items():
        for other in sorted(glance.targets(id, relation), key=names.order.__getitem__):
            if other in names.listed and not glance.home.is_room(other):
                yield f"{name} is {preposition} {names.of[other]}"
    # Close things tell themselves what they are on and in.
    for relation, preposition in _RELATIONS.items():
        if relation == "ON" or "CLOSED" not in states:
            for other in sorted(glance.origins(relation, id), key=names.order.__getitem__):
                if other in names.listed and other not in glance.close:
                    yield f"{names.of[other]} is {preposition} {name}"


def _named(ids: Iterable[int], names: Names) -> str:
    return " and ".join(names.of[id] for id in sorted(ids, key=names.order.__getitem__))


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
