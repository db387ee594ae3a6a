"""A flat as it stands when a task begins: its things, and what is on, in, near and facing what.

Source: the scene graphs of VirtualHome (Puig et al. 2018, arXiv 1806.07011), in the form in which the package
virtualhome-eval stores them. Nothing here changes after it is built, so all episodes of a task share one `Home`, and
what two flats have in common is kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

RELATIONS = ("ON", "INSIDE", "BETWEEN", "CLOSE", "FACING", "HOLDS_RH", "HOLDS_LH", "SITTING")

Edge = tuple[int, str, int]
"""From, relation, to."""

ROOM = "Rooms"
"""The category of a node that is a room."""


class Thing(NamedTuple):
    """A node of the graph, without what actions change."""

    id: int
    kind: str
    """The class name: `coffee_table`."""
    category: str
    properties: frozenset[str]


@dataclass(frozen=True)
class Home:
    """A graph as it was at the start."""

    things: Mapping[int, Thing]
    """In the order of the file, which is the order in which the simulator goes through them."""
    states: Mapping[int, frozenset[str]]
    out: Mapping[str, Mapping[int, tuple[int, ...]]]
    """By relation and origin: where the edges go, in the order of the file."""

    @classmethod
    def read(cls, graph: dict[str, Any]) -> Home:
        """From a graph's JSON. Of nodes with one id the last counts, of equal edges one."""
        nodes = {node["id"]: node for node in graph["nodes"]}
        edges = dict.fromkeys(
            (edge["from_id"], edge["relation_type"], edge["to_id"]) for edge in graph["edges"]
        )
        things = {id: _shared(_thing(node)) for id, node in nodes.items()}
        states = {id: _shared(frozenset(node["states"])) for id, node in nodes.items()}
        return cls(things, states, _outgoing(edges))

    @cached_property
    def character(self) -> int:
        """The person who acts: the character with the lowest id."""
        return min(thing.id for thing in self.things.values() if thing.kind == "character")

    @cached_property
    def body(self) -> tuple[int, ...]:
        """Parts of the body, which are wherever the character walks."""
        return tuple(thing.id for thing in self.things.values() if "BODY_PART" in thing.properties)

    @cached_property
    def rank(self) -> dict[int, int]:
        """The place of a node in the order of the file."""
        return {id: place for place, id in enumerate(self.things)}

    @cached_property
    def out_sets(self) -> dict[str, dict[int, frozenset[int]]]:
        """`out` for asking whether an edge exists."""
        return {
            relation: {origin: _shared(frozenset(targets)) for origin, targets in out.items()}
            for relation, out in self.out.items()
        }

    @cached_property
    def into(self) -> dict[str, dict[int, tuple[int, ...]]]:
        """By relation and target: where the edges come from."""
        edges = ((target, relation, origin) for origin, relation, target in self.edges())
        return _outgoing(edges)

    def edges(self) -> Iterable[Edge]:
        """All edges."""
        for relation, out in self.out.items():
            for origin, targets in out.items():
                for target in targets:
                    yield origin, relation, target

    def is_room(self, id: int) -> bool:
        """Whether a node is a room."""
        return self.things[id].category == ROOM


def _thing(node: dict[str, Any]) -> Thing:
    return Thing(node["id"], node["class_name"], node["category"], _shared(frozenset(node["properties"])))


def _outgoing(edges: Iterable[Edge]) -> dict[str, dict[int, tuple[int, ...]]]:
    lists: dict[str, dict[int, list[int]]] = {relation: {} for relation in RELATIONS}
    for origin, relation, target in edges:
        lists[relation].setdefault(origin, []).append(target)
    return {
        relation: {origin: _shared(tuple(targets)) for origin, targets in out.items()}
        for relation, out in lists.items()
    }


_kept: dict[Any, Any] = {}


def _shared(value: Any) -> Any:
    """The one copy of an immutable value: the flats of all tasks are nearly the same flat."""
    return _kept.setdefault(value, value)
