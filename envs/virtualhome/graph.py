"""What is true in a flat at one moment: the edges and states that actions have changed since the start.

Source: `EnvironmentState` of virtualhome-eval. Where a thing is in several rooms, or was taken from among several,
the simulator takes the first of a Python set of ids, so the order of its sets is part of its rules. To agree with it
step by step, `Graph` keeps the same sets and treats them alike: a set that is read takes in the edges of the start and
gives up the removed ones, and every action that is done begins with a copy of all sets (`renew`). The order of a set
of ints depends on its history, but not on the process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from hashlib import blake2b

from turngym.envs.virtualhome.home import RELATIONS, Edge, Home

HANDS = ("HOLDS_RH", "HOLDS_LH")

_NONE: frozenset[int] = frozenset()


class Graph:
    """A flat in play. Reading may reorder sets, never what they hold; `home` is never changed."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.me = home.character
        self.added: dict[str, dict[int, set[int]]] = {relation: {} for relation in RELATIONS}
        """By relation and origin: targets that the start did not have, and after a read those that it had too."""
        self.removed: dict[str, dict[int, set[int]]] = {relation: {} for relation in RELATIONS}
        self.changed: dict[int, frozenset[str]] = {}
        """States of the nodes that an action gave states, in the order of their first change."""
        self.taken: dict[int, tuple[int, str]] = {}
        """Where a grabbed thing came from: another thing and the relation to it."""

    def copy(self) -> Graph:
        """An independent graph in the same state."""
        twin = copy(self)
        twin.added = {relation: _twins(sets) for relation, sets in self.added.items()}
        twin.removed = {relation: _twins(sets) for relation, sets in self.removed.items()}
        twin.changed, twin.taken = self.changed.copy(), self.taken.copy()
        return twin

    # What is so

    def states(self, id: int) -> frozenset[str]:
        """The states of a node: `{"CLEAN", "OFF"}`."""
        return self.changed[id] if id in self.changed else self.home.states[id]

    def has(self, origin: int, relation: str, target: int) -> bool:
        """Whether an edge exists."""
        found = self.added[relation].get(origin)
        if found is not None:
            return target in self._refreshed(found, origin, relation)
        known = target in self.home.out_sets[relation].get(origin, _NONE)
        return known and target not in self.removed[relation].get(origin, _NONE)

    def targets(self, origin: int, relation: str) -> list[int]:
        """Where the edges of a node go, in the simulator's order."""
        found = self.added[relation].get(origin)
        return list(self._refreshed(set() if found is None else found, origin, relation))

    def origins(self, relation: str, target: int) -> Iterator[int]:
        """The nodes with an edge to `target`, in the simulator's order; stop early and the rest is not read."""
        asked = {*self.home.into[relation].get(target, ()), *self.added[relation]}
        return (origin for origin in self.in_order(asked) if self.has(origin, relation, target))

    def in_order(self, ids: Iterable[int]) -> list[int]:
        """Nodes as the simulator goes through them: first those with changed states, then as in the file."""
        changed, rank = self.changed, self.home.rank
        places = {id: place - len(changed) for place, id in enumerate(changed)}
        return sorted(ids, key=lambda id: places.get(id, rank[id]))

    def reaches(self, id: int) -> bool:
        """Whether a thing is close to the character, close to such a thing, or on one."""
        return self.has(self.me, "CLOSE", id) or any(
            self.has(one, "CLOSE", id) or self.has(id, "ON", one) for one in self.targets(self.me, "CLOSE")
        )

    def _refreshed(self, found: set[int], origin: int, relation: str) -> set[int]:
        found.update(self.home.out[relation].get(origin, ()))
        found.difference_update(self.removed[relation].get(origin, _NONE))
        return found

    # What changes

    def renew(self) -> None:
        """Copy every set, as the simulator does before it changes anything: the copy may have another order."""
        for sets in self.added.values():
            for origin, targets in sets.items():
                sets[origin] = set(list(targets))  # noqa: C414 (set(targets) would keep the order)

    def set_states(self, id: int, *, gone: Iterable[str] = (), new: Iterable[str] = ()) -> None:
        """Take states from a node, then give it others."""
        self.changed[id] = (self.states(id) - frozenset(gone)) | frozenset(new)

    def add(self, origin: int, relation: str, target: int) -> None:
        """Make an edge exist."""
        removed = self.removed[relation].get(origin)
        if removed and target in removed:
            removed.remove(target)
        elif target not in self.home.out_sets[relation].get(origin, _NONE):
            self.added[relation].setdefault(origin, set()).add(target)

    def join(self, one: int, relation: str, other: int) -> None:
        """Make an edge exist in both directions."""
        self.add(one, relation, other)
        self.add(other, relation, one)

    def cut(self, origin: int, relation: str, target: int) -> None:
        """Remove an edge, if it exists."""
        if target in self.home.out_sets[relation].get(origin, _NONE):
            self.removed[relation].setdefault(origin, set()).add(target)
        elif origin in self.added[relation]:
            self.added[relation][origin].discard(target)

    def cut_from(self, origin: int, relation: str) -> None:
        """Remove all edges of a node."""
        for target in (*self.home.out[relation].get(origin, ()), *self.added[relation].get(origin, ())):
            self.cut(origin, relation, target)

    def cut_around(self, id: int, *relations: str) -> None:
        """Remove all edges from and to a node."""
        for relation in relations:
            self.cut_from(id, relation)
            for origin in (*self.home.into[relation].get(id, ()), *self.added[relation]):
                self.cut(origin, relation, id)

    # As a whole

    def fingerprint(self) -> str:
        """Equal in every process for graphs with equal edges, states and memory of where things were taken from."""
        changed = sorted(
            (id, *sorted(states)) for id, states in self.changed.items() if states != self.home.states[id]
        )
        facts = (sorted(self.gained()), sorted(self.lost()), changed, sorted(self.taken.items()))
        return blake2b(repr(facts).encode(), digest_size=16).hexdigest()

    def edges(self) -> set[Edge]:
        """All edges that exist."""
        edges = set(self.home.edges())
        return (edges - self.lost()) | self.gained()

    def gained(self) -> set[Edge]:
        """The edges that the start did not have."""
        return {
            (origin, relation, target)
            for relation, sets in self.added.items()
            for origin, targets in sets.items()
            for target in targets - self.home.out_sets[relation].get(origin, _NONE)
        }

    def lost(self) -> set[Edge]:
        """The edges of the start that are no more."""
        return {
            (origin, relation, target)
            for relation, sets in self.removed.items()
            for origin, targets in sets.items()
            for target in targets
        }


def _twins(sets: dict[int, set[int]]) -> dict[int, set[int]]:
    return {origin: targets.copy() for origin, targets in sets.items()}
