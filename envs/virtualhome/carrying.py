"""Rules of taking, putting, wearing and pouring.

Source: virtualhome-eval, `execution.py`, executors of the same names.
"""

from __future__ import annotations

from functools import partial

from turngym.envs.virtualhome.change import Change, if_allowed, unnoticed
from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.questions import free_hand, held, holds, is_a, kind, room, shut_in


def grab(graph: Graph, id: int) -> Change | None:
    """Take something in reach that nothing closed holds into the next free hand, the right one first."""
    liftable = is_a(graph, id, "GRABBABLE") or kind(graph, id) in ("water", "child")
    if not liftable or id in graph.taken or not graph.reaches(id) or shut_in(graph, id):
        return None
    if (hand := free_hand(graph)) is None or (here := room(graph, graph.me)) is None:
        return None
    return partial(_take, graph, id, hand, here, _place(graph, id))


def _place(graph: Graph, id: int) -> tuple[int, str] | None:
    """The first thing that a thing is on, in or close to, and which of the three."""
    for relation in ("ON", "INSIDE", "CLOSE"):
        for one in graph.targets(id, relation):
            if not graph.home.is_room(one):
                return one, relation
    return None


def _take(graph: Graph, id: int, hand: str, here: int, place: tuple[int, str] | None) -> None:
    graph.cut_around(id, "ON", "INSIDE", "CLOSE", "HOLDS_LH", "HOLDS_RH")
    graph.join(graph.me, "CLOSE", id)
    graph.add(graph.me, hand, id)
    graph.add(id, "INSIDE", here)
    if place is not None:
        graph.join(graph.me, "CLOSE", place[0])
        graph.taken[id] = place


def put(relation: str, graph: Graph, id: int, target: int) -> Change | None:
    """Put what is held on or into something in reach; into what opens only while it is open."""
    return if_allowed(_fits(graph, id, target, relation), partial(_lay, graph, id, target, relation))


def put_back(graph: Graph, id: int) -> Change | None:
    """Put what is held where it was grabbed; done without effect where that is out of reach."""
    if id not in graph.taken:
        return None
    target, relation = graph.taken[id]
    return put(relation, graph, id, target) or unnoticed


def _fits(graph: Graph, id: int, target: int, relation: str) -> bool:
    within = holds(graph, id) and graph.reaches(target)
    return within and (
        relation != "INSIDE" or not is_a(graph, target, "CAN_OPEN") or "OPEN" in graph.states(target)
    )


def _lay(graph: Graph, id: int, target: int, relation: str) -> None:
    _let_go(graph, id)
    graph.join(graph.me, "CLOSE", target)
    graph.join(id, "CLOSE", target)
    graph.add(id, relation, target)
    graph.taken.pop(id, None)


def _let_go(graph: Graph, id: int) -> None:
    graph.cut(graph.me, "HOLDS_LH", id)
    graph.cut(graph.me, "HOLDS_RH", id)


def drop(graph: Graph, id: int) -> Change | None:
    """Let go of what is held, in the room."""
    if id not in held(graph, "HOLDS_LH", "HOLDS_RH") or (here := room(graph, graph.me)) is None:
        return None
    return partial(_leave, graph, id, here)


def _leave(graph: Graph, id: int, here: int) -> None:
    _let_go(graph, id)
    graph.add(id, "INSIDE", here)
    graph.taken.pop(id, None)


def put_on(graph: Graph, id: int) -> Change | None:
    """Wear what is held, if it is clothes."""
    allowed = id in held(graph, "HOLDS_LH", "HOLDS_RH") and is_a(graph, id, "CLOTHES")
    return if_allowed(allowed, partial(_dress, graph, id))


def _dress(graph: Graph, id: int) -> None:
    graph.add(id, "ON", graph.me)
    _let_go(graph, id)


def take_off(graph: Graph, id: int) -> Change | None:
    """Stop wearing clothes; they are nowhere in particular then."""
    allowed = graph.has(id, "ON", graph.me) and is_a(graph, id, "CLOTHES")
    return if_allowed(allowed, partial(graph.cut, id, "ON", graph.me))


def pour(graph: Graph, id: int, target: int) -> Change | None:
    """Pour what is held into a recipient in reach. Only water leaves the hand."""
    allowed = (
        is_a(graph, id, "POURABLE", "DRINKABLE")
        and (is_a(graph, target, "RECIPIENT") or kind(graph, target) in ("hands_both", "sponge", "face"))
        and holds(graph, id)
        and graph.reaches(target)
    )
    return if_allowed(allowed, partial(_flow, graph, id, target))


def _flow(graph: Graph, id: int, target: int) -> None:
    graph.add(id, "INSIDE", target)
    if kind(graph, id) == "water":
        _let_go(graph, id)
