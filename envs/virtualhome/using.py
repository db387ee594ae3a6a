"""Rules of opening, switching, cleaning and looking, and of what changes nothing.

Source: virtualhome-eval, `execution.py`, executors of the same names.
"""

from __future__ import annotations

from functools import partial

from turngym.envs.virtualhome.change import Change, if_allowed
from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.questions import faces, free_hand, held, holds, is_a, kind, rests, room, shut_in

_SQUEEZABLE = frozenset(
    (
        *("cleaning_solution", "tooth_paste", "shampoo", "food_peanut_butter", "dish_soap", "soap"),
        *("towel", "rag", "paper", "sponge", "food_lemon", "check"),
    )
)


def open_up(graph: Graph, id: int) -> Change | None:
    """Open what is closed and not running; needs a free hand. The simulator asks twice."""
    allowed = _can_open(graph, id) and _can_open(graph, id)
    return if_allowed(allowed, partial(graph.set_states, id, gone=("CLOSED",), new=("OPEN",)))


def _can_open(graph: Graph, id: int) -> bool:
    return (
        _has_lid(graph, id)
        and graph.reaches(id)
        and free_hand(graph) is not None
        and "CLOSED" in graph.states(id)
        and "ON" not in graph.states(id)
    )


def close_up(graph: Graph, id: int) -> Change | None:
    """Close what is open."""
    allowed = _can_close(graph, id) and _can_close(graph, id)
    return if_allowed(allowed, partial(graph.set_states, id, gone=("OPEN",), new=("CLOSED",)))


def _can_close(graph: Graph, id: int) -> bool:
    return _has_lid(graph, id) and graph.reaches(id) and "OPEN" in graph.states(id)


def _has_lid(graph: Graph, id: int) -> bool:
    return is_a(graph, id, "CAN_OPEN") or kind(graph, id) in ("desk", "window")


def switch_on(graph: Graph, id: int) -> Change | None:
    """Switch on what is off and not unplugged."""
    ready = is_a(graph, id, "HAS_SWITCH") and graph.reaches(id)
    allowed = ready and "OFF" in graph.states(id) and "PLUGGED_OUT" not in graph.states(id)
    return if_allowed(allowed, partial(graph.set_states, id, gone=("OFF",), new=("ON",)))


def switch_off(graph: Graph, id: int) -> Change | None:
    """Switch off what is on."""
    allowed = is_a(graph, id, "HAS_SWITCH") and graph.reaches(id) and "ON" in graph.states(id)
    return if_allowed(allowed, partial(graph.set_states, id, gone=("ON",), new=("OFF",)))


def plug(now: str, then: str, graph: Graph, id: int) -> Change | None:
    """Bring a plug from one state to the other; needs a free hand."""
    allowed = (
        is_a(graph, id, "HAS_PLUG")
        and graph.reaches(id)
        and free_hand(graph) is not None
        and now in graph.states(id)
    )
    return if_allowed(allowed, partial(graph.set_states, id, gone=(now,), new=(then,)))


def wash(graph: Graph, id: int) -> Change | None:
    """Wash, rinse or scrub anything in reach."""
    return if_allowed(graph.reaches(id), _cleaning(graph, id))


def wipe(graph: Graph, id: int) -> Change | None:
    """Wipe anything in reach with anything in a hand."""
    return if_allowed(graph.reaches(id) and bool(held(graph, "HOLDS_RH", "HOLDS_LH")), _cleaning(graph, id))


def _cleaning(graph: Graph, id: int) -> Change:
    return partial(graph.set_states, id, gone=("DIRTY",), new=("CLEAN",))


def turn_to(graph: Graph, id: int) -> Change | None:
    """Face anything at all."""
    return partial(_face, graph, id)


def _face(graph: Graph, id: int) -> None:
    graph.cut_from(graph.me, "FACING")
    graph.add(graph.me, "FACING", id)


def look_at(graph: Graph, id: int) -> Change | None:
    """Look or point at what is faced."""
    return if_allowed(faces(graph, id))


def watch(graph: Graph, id: int) -> Change | None:
    """Watch something to look at in the room, while facing it."""
    here, there = room(graph, graph.me), room(graph, id)
    allowed = (
        is_a(graph, id, "LOOKABLE")
        and here is not None
        and here == there
        and faces(graph, id)
        and (kind(graph, id) == "computer" or not rests(graph) or graph.has(graph.me, "FACING", id))
        and not shut_in(graph, id)
    )
    return if_allowed(allowed)


def touch(graph: Graph, id: int) -> Change | None:
    """Touch something in reach that nothing closed holds."""
    return if_allowed(graph.reaches(id) and not shut_in(graph, id))


def type_on(graph: Graph, id: int) -> Change | None:
    """Type on a keyboard, or on anything with a switch."""
    return if_allowed(graph.reaches(id) and (kind(graph, id) == "keyboard" or is_a(graph, id, "HAS_SWITCH")))


def drink(graph: Graph, id: int) -> Change | None:
    """Drink from what is held."""
    return if_allowed(is_a(graph, id, "DRINKABLE", "RECIPIENT") and holds(graph, id))


def read(graph: Graph, id: int) -> Change | None:
    """Read what is held."""
    return if_allowed(is_a(graph, id, "READABLE") and holds(graph, id))


def eat(graph: Graph, id: int) -> Change | None:
    """Eat something in reach, or what is on it."""
    if not graph.reaches(id):
        return None
    edible = is_a(graph, id, "EATABLE") or any(
        is_a(graph, one, "EATABLE") for one in [*graph.origins("ON", id)]
    )
    return if_allowed(edible)


def cut(graph: Graph, id: int) -> Change | None:
    """Cut food in reach with a knife in one hand and the other free."""
    allowed = (
        free_hand(graph) is not None
        and graph.reaches(id)
        and is_a(graph, id, "EATABLE")
        and is_a(graph, id, "CUTTABLE")
        and any("knife" in kind(graph, one) for one in held(graph, "HOLDS_LH", "HOLDS_RH"))
    )
    return if_allowed(allowed)


def greet(graph: Graph, id: int) -> Change | None:
    """Greet a person, wherever that is."""
    return if_allowed(is_a(graph, id, "PERSON"))


def squeeze(graph: Graph, id: int) -> Change | None:
    """Squeeze clothes and soft things in reach; needs a free hand."""
    ready = free_hand(graph) is not None and graph.reaches(id)
    return if_allowed(ready and (is_a(graph, id, "CLOTHES") or kind(graph, id) in _SQUEEZABLE))


def move(graph: Graph, id: int) -> Change | None:
    """Move or pull what is movable; needs a free hand."""
    return if_allowed(_can_move(graph, id, is_a(graph, id, "MOVABLE") or kind(graph, id) == "button"))


def push(graph: Graph, id: int) -> Change | None:
    """Push anything in reach, whatever its properties; needs a free hand."""
    return if_allowed(_can_move(graph, id, True))


def _can_move(graph: Graph, id: int, movable: bool) -> bool:
    loose = movable or kind(graph, id) in ("chair", "curtain")
    return loose and graph.reaches(id) and not shut_in(graph, id) and free_hand(graph) is not None
