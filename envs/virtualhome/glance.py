"""A look at a graph that leaves no trace, for what the player is told: what can be done, and what is in sight."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from turngym.envs.virtualhome.graph import Graph

_NONE: frozenset[int] = frozenset()


class Glance(Graph):
    """A graph at one moment, only to be asked. Unlike with `Graph`, no answer reorders a set, and all are kept."""

    def __init__(self, graph: Graph) -> None:
        self.home, self.me = graph.home, graph.me
        self.added, self.removed = graph.added, graph.removed
        self.changed, self.taken = graph.changed, graph.taken
        self._targets: dict[tuple[int, str], list[int]] = {}

    def has(self, origin: int, relation: str, target: int) -> bool:
        """Whether an edge exists."""
        if target in self.home.out_sets[relation].get(origin, _NONE):
            return target not in self.removed[relation].get(origin, _NONE)
        return target in self.added[relation].get(origin, _NONE)

    def targets(self, origin: int, relation: str) -> list[int]:
        """Where the edges of a node go, by id; not to be changed."""
        found = self._targets.get((origin, relation))
        if found is None:
            found = self._targets[origin, relation] = sorted(self._all(origin, relation))
        return found

    def origins(self, relation: str, target: int) -> Iterator[int]:
        """The nodes with an edge to `target`, in no particular order."""
        asked = {*self.home.into[relation].get(target, ()), *self.added[relation]}
        return (origin for origin in asked if self.has(origin, relation, target))

    def reaches(self, id: int) -> bool:
        """Whether a thing is in reach."""
        return id in self.reach

    @cached_property
    def close(self) -> frozenset[int] | set[int]:
        """What the character is close to."""
        return self._all(self.me, "CLOSE")

    @cached_property
    def reach(self) -> set[int]:
        """What is in reach: close things, what is close to them and what is on them."""
        found = set(self.close)
        for one in self.close:
            found |= self._all(one, "CLOSE")
            found.update(self.origins("ON", one))
        return found

    def _all(self, origin: int, relation: str) -> frozenset[int] | set[int]:
        known = self.home.out_sets[relation].get(origin, _NONE)
        added, removed = self.added[relation].get(origin), self.removed[relation].get(origin)
        if added:
            known = known | added
        return known - removed if removed else known
