"""What has to be so at the end: the difference that a person's program made, condition by condition.

Source: the goals of SPA's VirtualHome environment (`revised_graph`): states that differ between the first and the
last graph, edges that went and edges that came, without closeness, facing and the character's own room.
"""

from __future__ import annotations

from dataclasses import dataclass

from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.home import Edge, Home

_PASSING = ("CLOSE", "FACING")
"""Relations that say where somebody happens to stand and look."""


@dataclass(frozen=True)
class Goal:
    """Conditions, all of which are false at the start."""

    states: tuple[tuple[int, frozenset[str]], ...]
    """The states that a thing has to have, exactly."""
    come: tuple[Edge, ...]
    gone: tuple[Edge, ...]

    @classmethod
    def between(cls, start: Home, end: Home) -> Goal:
        """What differs at the end; both graphs have the same nodes."""
        states = [(id, end.states[id]) for id in sorted(end.states) if end.states[id] != start.states[id]]
        before, after = _lasting(start), _lasting(end)
        return cls(tuple(states), tuple(sorted(after - before)), tuple(sorted(before - after)))

    def __len__(self) -> int:
        return len(self.states) + len(self.come) + len(self.gone)

    def reached(self, graph: Graph) -> int:
        """How many of the conditions hold."""
        return (
            sum(graph.states(id) == states for id, states in self.states)
            + sum(graph.has(*edge) for edge in self.come)
            + sum(not graph.has(*edge) for edge in self.gone)
        )


def _lasting(home: Home) -> set[Edge]:
    return {edge for edge in home.edges() if edge[1] not in _PASSING and not _is_place(home, edge)}


def _is_place(home: Home, edge: Edge) -> bool:
    origin, relation, target = edge
    return origin == home.character and relation == "INSIDE" and home.is_room(target)
