"""What the rules of many actions ask of a graph.

Source: the general checks of virtualhome-eval's `execution.py`.
"""

from __future__ import annotations

from itertools import islice

from turngym.envs.virtualhome.graph import HANDS, Graph

_POSTURES = frozenset({"SITTING", "LYING"})


def is_a(graph: Graph, id: int, *properties: str) -> bool:
    """Whether a thing has one of the properties."""
    return not graph.home.things[id].properties.isdisjoint(properties)


def kind(graph: Graph, id: int) -> str:
    """The class of a thing."""
    return graph.home.things[id].kind


def rests(graph: Graph) -> bool:
    """Whether the character sits or lies."""
    return not graph.states(graph.me).isdisjoint(_POSTURES)


def held(graph: Graph, *hands: str) -> list[int]:
    """What is in the hands."""
    return [id for hand in hands for id in graph.targets(graph.me, hand)]


def holds(graph: Graph, id: int) -> bool:
    """Whether a thing is in a hand."""
    return any(graph.has(graph.me, hand, id) for hand in HANDS)


def free_hand(graph: Graph) -> str | None:
    """The hand that would grab next."""
    return next((hand for hand in HANDS if not graph.targets(graph.me, hand)), None)


def faces(graph: Graph, id: int) -> bool:
    """Whether the character faces a thing, or something that faces it."""
    return graph.has(graph.me, "FACING", id) or any(
        graph.has(one, "FACING", id) for one in graph.targets(graph.me, "FACING")
    )


def shut_in(graph: Graph, id: int) -> bool:
    """Whether a thing is in something that is closed."""
    return any(
        "CLOSED" in graph.states(one) and not graph.home.is_room(one) for one in graph.targets(id, "INSIDE")
    )


def room(graph: Graph, id: int) -> int | None:
    """The room of a thing; `None` where it is in none, or within itself, on which the simulator hangs."""
    if graph.home.is_room(id):
        return id
    inside = graph.targets(id, "INSIDE")
    if len(inside) > 1:
        return next(filter(graph.home.is_room, graph.targets(id, "INSIDE")), None)
    passed: set[int] = set()
    while inside and inside[0] not in passed:
        if graph.home.is_room(inside[0]):
            return inside[0]
        passed.add(inside[0])
        inside = graph.targets(inside[0], "INSIDE")
    return None


def crowded(graph: Graph, id: int, places: int) -> bool:
    """Whether so many things, or more, are on a thing."""
    return sum(1 for _ in islice(graph.origins("ON", id), places)) == places
