"""Rules of going, finding and posture. Doors, open or closed, are never in the way.

Source: virtualhome-eval, `execution.py`, executors of the same names.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from turngym.envs.virtualhome.change import Change, if_allowed
from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.questions import crowded, held, is_a, kind, rests, room

_SEATS = {
    "couch": 4,
    "bed": 4,
    "chair": 1,
    "loveseat": 2,
    "sofa": 4,
    "toilet": 1,
    "pianobench": 2,
    "bench": 2,
}
_BEDS = {"couch": 2, "bathtub": 2, "bed": 3, "loveseat": 2, "sofa": 2, "bench": 1}


def walk(graph: Graph, id: int) -> Change | None:
    """Be where a thing is; needs to stand, and a room of the thing."""
    there = room(graph, id)
    if rests(graph) or room(graph, graph.me) is None:
        return None
    room(graph, id)
    if there is None or (left := room(graph, graph.me)) is None:
        return None
    return partial(_go, graph, id, there, left, held(graph, "HOLDS_LH", "HOLDS_RH"))


def _go(graph: Graph, id: int, there: int, left: int, carried: list[int]) -> None:
    """Be close to a thing and to what it is on and in. What is held comes along, but into the room that was left."""
    graph.cut_around(graph.me, "INSIDE", "CLOSE", "FACING")
    graph.add(graph.me, "INSIDE", there)
    if there != id:
        boxes = [box for box in graph.targets(id, "INSIDE") if not graph.home.is_room(box)]
        _approach(graph, (*boxes, *graph.in_order(graph.home.body), id))
    for one in carried:
        graph.cut_around(one, "INSIDE", "CLOSE", "FACING")
    for one in carried:
        _approach(graph, (one,))
        graph.add(one, "INSIDE", left)
    if is_a(graph, id, "CAN_OPEN"):
        _approach(graph, graph.origins("INSIDE", id))
    _approach(graph, graph.targets(id, "ON"))


def _approach(graph: Graph, ids: Iterable[int]) -> None:
    for id in ids:
        graph.join(graph.me, "CLOSE", id)


def find(graph: Graph, id: int) -> Change | None:
    """Turn from what was faced to a thing in reach, or walk to it."""
    at_hand = graph.has(id, "ON", graph.me) or is_a(graph, id, "BODY_PART") or graph.reaches(id)
    if at_hand or (rests(graph) and graph.reaches(id)):
        return if_allowed(graph.reaches(id), partial(_notice, graph, id))
    return walk(graph, id)


def _notice(graph: Graph, id: int) -> None:
    graph.cut_from(graph.me, "FACING")
    graph.join(graph.me, "CLOSE", id)


def sit(graph: Graph, id: int) -> Change | None:
    """Sit down on something in reach with a free place."""
    allowed = (
        graph.reaches(id)
        and "SITTING" not in graph.states(graph.me)
        and is_a(graph, id, "SITTABLE")
        and not crowded(graph, id, _SEATS.get(kind(graph, id), 1))
    )
    return if_allowed(allowed, partial(_sit_down, graph, id))


def _sit_down(graph: Graph, id: int) -> None:
    graph.add(graph.me, "ON", id)
    for one in graph.targets(id, "FACING"):
        graph.add(graph.me, "FACING", one)
    graph.set_states(graph.me, gone=("LYING",), new=("SITTING",))


def lie(graph: Graph, id: int) -> Change | None:
    """Lie down on something in reach with a free place."""
    allowed = (
        graph.reaches(id)
        and "LYING" not in graph.states(graph.me)
        and is_a(graph, id, "LIEABLE")
        and not crowded(graph, id, _BEDS.get(kind(graph, id), 1))
    )
    return if_allowed(allowed, partial(_lie_down, graph, id))


def _lie_down(graph: Graph, id: int) -> None:
    graph.add(graph.me, "ON", id)
    graph.set_states(graph.me, gone=("SITTING",), new=("LYING",))


def stand_up(graph: Graph) -> Change | None:
    """Rise. The character stays on the seat, which later counts as one thing on it."""
    return if_allowed(rests(graph), partial(graph.set_states, graph.me, gone=("SITTING", "LYING")))


def doze(graph: Graph) -> Change | None:
    """Sleep or wake up, sitting or lying."""
    return if_allowed(rests(graph))
