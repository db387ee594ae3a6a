"""A player that sees everything and wins from wherever it is put.

It looks at the facts of the state and the goal, not at texts, and keeps no memory: the next command of a winning
plan depends on the state alone, so it can be asked at any time, after any detour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from turngym.envs.household.pddl import Expr
from turngym.envs.household.problem import Object, ProblemError, Receptacle
from turngym.envs.household.state import Action
from turngym.envs.household.world import World

_TREATMENTS = {"isclean": "clean", "ishot": "heat", "iscool": "cool"}


def next_command(world: World) -> str | None:
    """The next command of a winning plan; `None` where the goal holds already or can be reached no more.

    Raises `ProblemError` for a goal that is none of ALFWorld's six tasks.
    """
    if world.won:
        return None
    action = _Player(world, Aim.of(world.problem.goal.expr)).next_action()
    return None if action is None else world.commands.text(action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What ALFWorld's goals ask for."""

    target: str
    """Object type, such as `appletype`."""
    count: int
    place: str | None
    """Receptacle type that must hold `count` targets; `None` to hold one in the light of a lamp."""
    lamp: str | None
    """Object type of that lamp."""
    treatment: str | None
    """`clean`, `heat` or `cool`: what must be done to a target first."""

    @classmethod
    def of(cls, goal: Expr) -> Aim:
        """Read a goal."""
        atoms = list(_atoms(goal))
        lamps = {args[0] for name, *args in atoms if name == "istoggled"}
        kinds = {args[0]: args[1] for name, *args in atoms if name == "objecttype"}
        places = {args[1] for name, *args in atoms if name == "receptacletype"}
        targets = [kind for variable, kind in kinds.items() if variable not in lamps]
        if len(set(targets)) != 1 or len(places) + len(lamps) != 1:
            raise ProblemError("the goal is none of ALFWorld's six tasks, and the expert knows no others")
        return cls(
            target=targets[0],
            count=len(targets),
            place=next(iter(places), None),
            lamp=next((kinds[lamp] for lamp in lamps), None),
            treatment=next((_TREATMENTS[name] for name, *_ in atoms if name in _TREATMENTS), None),
        )


def _atoms(expr: Expr) -> Iterator[list[str]]:
    if isinstance(expr, str):
        return
    if all(isinstance(part, str) for part in expr):
        yield [str(part) for part in expr]
    for part in expr:
        yield from _atoms(part)


class _Player:
    def __init__(self, world: World, aim: Aim) -> None:
        self.problem = world.problem
        self.state = world.state
        self.aim = aim
        self.stations = {
            "clean": world.logic.washes,
            "heat": frozenset({"microwavetype"}),
            "cool": frozenset({"fridgetype"}),
        }
        self.treated = {"clean": self.state.clean, "heat": self.state.hot, "cool": self.state.cool}

    def next_action(self) -> Action | None:
        if not self.state.held:
            return self._fetch()
        item = self.problem.objects[self.state.held[0]]
        if not self._is_target(item):
            return self._put(item, self._fitting(item))
        if self.aim.lamp is not None:
            return self._light()
        if not self._is_treated(item.id):
            return self._treat(item)
        return self._put(item, self._places(item))

    def _is_target(self, item: Object) -> bool:
        """Whether winning with this object is possible."""
        able = {"clean": item.cleanable, "heat": item.heatable, "cool": item.coolable, None: True}
        reachable = self.aim.lamp is not None or any(True for _ in self._places(item))
        return self.aim.target in item.kinds and able[self.aim.treatment] and reachable

    def _is_treated(self, item: str) -> bool:
        return self.aim.treatment is None or item in self.treated[self.aim.treatment]

    def _done(self, receptacle: str) -> list[str]:
        """The treated targets that a receptacle holds."""
        return [
            item
            for item in self.state.contents.get(receptacle, ())
            if self.aim.target in self.problem.objects[item].kinds and self._is_treated(item)
        ]

    def _fitting(self, item: Object) -> Iterator[Receptacle]:
        return (place for place in self.problem.receptacles.values() if place.id in item.fits)

    def _places(self, item: Object) -> Iterator[Receptacle]:
        """Where the goal wants the object: of the right kind, and no other of that kind nearer to the goal."""
        places = [place for place in self._fitting(item) if self.aim.place in place.kinds]
        others = {place.id: len({*self._done(place.id)} - {item.id}) for place in places}
        return (place for place in places if others[place.id] == max(others.values()))

    def _fetch(self) -> Action | None:
        """Take a target, best one that is treated already, then one nearby."""
        found = [
            (not self._is_treated(item.id), self._effort(place), item.id, place)
            for item in self.problem.objects.values()
            if item.pickupable and self._is_target(item)
            for place in self._holding(item)
            if not self._is_home(item, place)
        ]
        if not found:
            return None
        *_, item_id, place = min(found, key=lambda choice: choice[:3])
        return self._reach(place) or ("take", item_id, place.id)

    def _is_home(self, item: Object, place: Receptacle) -> bool:
        """Whether the object lies where the goal wants it, and should be left there."""
        if self.aim.place is None:
            return False
        best = max(self.problem.receptacles.values(), key=self._score)
        return place is best and item.id in self._done(place.id)
