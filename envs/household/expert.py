"""A player that sees everything and wins from wherever it is put.

It looks at the facts of the state and the goal, not at texts, and keeps no memory: the next command of a
winning plan depends on the state alone, so it can be asked at any time, after any detour.
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
    """The choice of one action in one state."""

    def __init__(self, world: World, aim: Aim) -> None:
        self.problem = world.problem
        self.state = world.state
        self.aim = aim
        self.stations = {"clean": world.logic.washes, "heat": {"microwavetype"}, "cool": {"fridgetype"}}
        self.treated = {"clean": self.state.clean, "heat": self.state.hot, "cool": self.state.cool}

    def next_action(self) -> Action | None:
        if not self.state.held:
            return self._fetch()
        item = self.problem.objects[self.state.held[0]]
        if not self._is_target(item):
            return self._put(item, self._fitting(item))
        if self.aim.place is None:
            return self._light()
        if not self._is_treated(item):
            return self._treat(item)
        return self._put(item, self._goal_places())

    def _fetch(self) -> Action | None:
        """Take a target that does not lie where it should: rather one that is treated, or near."""
        at_home = {item for place in self._goal_places() for item in self._done(place)}
        found = [
            (not self._is_treated(item), self._effort(place), item.id, place.id)
            for place in self.problem.receptacles.values()
            for item in self._contents(place)
            if item.pickupable and self._is_target(item) and item.id not in at_home
        ]
        if not found:
            return None
        _, _, item_id, receptacle = min(found)
        return self._reach(self.problem.receptacles[receptacle]) or ("take", item_id, receptacle)

    def _put(self, item: Object, places: Iterable[Receptacle]) -> Action | None:
        place = self._nearest(place for place in places if place.id in item.fits)
        return None if place is None else self._reach(place) or ("put", item.id, place.id)

    def _treat(self, item: Object) -> Action | None:
        treatment = self.aim.treatment or ""
        kinds = self.stations[treatment]
        place = self._nearest(place for place in self.problem.receptacles.values() if kinds & place.kinds)
        return None if place is None else self._approach(place) or (treatment, item.id, place.id)

    def _light(self) -> Action | None:
        lamps = {
            place.id: item.id
            for place in self.problem.receptacles.values()
            for item in self._contents(place)
            if item.toggleable and self.aim.lamp in item.kinds
        }
        place = self._nearest(self.problem.receptacles[one] for one in lamps)
        return None if place is None else self._approach(place) or ("use", lamps[place.id])

    def _is_target(self, item: Object) -> bool:
        able = {"clean": item.cleanable, "heat": item.heatable, "cool": item.coolable}
        return self.aim.target in item.kinds and (self.aim.treatment is None or able[self.aim.treatment])

    def _is_treated(self, item: Object) -> bool:
        return self.aim.treatment is None or item.id in self.treated[self.aim.treatment]

    def _goal_places(self) -> list[Receptacle]:
        """Where targets belong; none for a lamp.

        Any receptacle that the goal may mean will do as long as all are empty of targets; from then on the one that
        needs the fewest more, and of several such the first, since all targets have to come together.
        """
        targets = [item for item in self.problem.objects.values() if self._is_target(item)]
        places = [
            place
            for place in self.problem.receptacles.values()
            if self.aim.place in place.kinds and any(place.id in item.fits for item in targets)
        ]
        most = max((len(self._done(place)) for place in places), default=0)
        best = [place for place in places if len(self._done(place)) == most]
        return best if most == 0 else best[:1]

    def _done(self, place: Receptacle) -> list[str]:
        """Targets in a receptacle that are as the goal wants them; what is in hand does not count."""
        return [
            item.id
            for item in self._contents(place)
            if self._is_target(item) and self._is_treated(item) and item.id not in self.state.held
        ]

    def _contents(self, place: Receptacle) -> list[Object]:
        return [self.problem.objects[item] for item in self.state.contents.get(place.id, ())]

    def _fitting(self, item: Object) -> list[Receptacle]:
        return [place for place in self.problem.receptacles.values() if place.id in item.fits]

    def _nearest(self, places: Iterable[Receptacle]) -> Receptacle | None:
        return min(places, key=lambda place: (self._effort(place), place.id), default=None)

    def _effort(self, place: Receptacle) -> int:
        """Commands until the inside of a receptacle is within reach."""
        return (place.location != self.state.location) + self._is_closed(place)

    def _is_closed(self, place: Receptacle) -> bool:
        return place.openable and place.id not in self.state.opened

    def _approach(self, place: Receptacle) -> Action | None:
        return None if place.location == self.state.location else ("go", place.id, place.location)

    def _reach(self, place: Receptacle) -> Action | None:
        """The next action until the inside is within reach; `None` if it is."""
        return self._approach(place) or (("open", place.id) if self._is_closed(place) else None)
