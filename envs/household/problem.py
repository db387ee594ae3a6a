"""A household problem: what the `pddl_problem` of a game says, parsed once and never changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turngym.envs.household.domain import SIGNATURES
from turngym.envs.household.goal import Goal, compile_goal
from turngym.envs.household.names import display_names
from turngym.envs.household.pddl import Expr, ProblemError, read, typed
from turngym.envs.household.state import Ids, State

__all__ = ["Object", "Problem", "ProblemError", "Receptacle"]

Facts = dict[str, set[tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receptacle:
    """A place that holds objects."""

    id: str
    name: str
    location: str
    kinds: frozenset[str]
    """Receptacle types, such as `cabinettype`."""
    openable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A thing; most can be carried."""

    id: str
    name: str
    kinds: frozenset[str]
    """Object types, such as `appletype`."""
    fits: frozenset[str]
    """Receptacles that it may be put into."""
    pickupable: bool
    cleanable: bool
    heatable: bool
    coolable: bool
    toggleable: bool
    sliceable: bool
    container: bool
    """It is a pot, a bowl, a box: examined, it tells what is inside."""
    inside: Ids
    """Objects inside a container. No action changes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A household and its goal.

    Mappings are in sorted order of their ids, the order in which the original lists things.
    """

    names: Mapping[str, str]
    """Display name of every id that occurs in a fact, locations among them."""
    receptacles: Mapping[str, Receptacle]
    objects: Mapping[str, Object]
    at: Mapping[str, Ids]
    """Receptacles by location."""
    initial: State
    goal: Goal

    @classmethod
    def parse(cls, text: str) -> Problem:
        """Parse a `pddl_problem`. Raises `ProblemError` if it is none."""
        sections = _sections(text)
        types = dict(typed(sections[":objects"]))
        facts = _facts(sections[":init"])
        _check(facts, types)
        names = display_names({arg for args in facts.values() for fact in args for arg in fact})
        receptacles = _receptacles(facts, names)
        return cls(
            names=names,
            receptacles=receptacles,
            objects=_objects(facts, names, types, receptacles),
            at=_grouped((place.location, place.id) for place in receptacles.values()),
            initial=_initial(facts),
            goal=compile_goal(sections[":goal"][0], facts, types),
        )


def _sections(text: str) -> dict[str, list[Expr]]:
    match read(text):
        case ["define", ["problem", *_], *parts]:
            found = {
                part[0]: part[1:]
                for part in parts
                if isinstance(part, list) and part and isinstance(part[0], str)
            }
        case other:
            raise ProblemError(
                f"expected (define (problem ...) ...), found {str(other)[:40]}; is this a PDDL problem?"
            )
    for name in (":objects", ":init", ":goal"):
        if not found.get(name):
            raise ProblemError(f"the problem has no {name} section, or an empty one; give it one")
    return found


def _facts(init: list[Expr]) -> Facts:
    """Facts by predicate. Numbers, `(= ...)`, and facts said to be false do not matter."""
    facts: Facts = defaultdict(set)
    for fact in init:
        match fact:
            case ["=" | "not", *_]:
                pass
            case [str(predicate), *args]:
                facts[predicate].add(tuple(map(str, args)))
            case _:
                raise ProblemError(f"expected a fact in :init, found {fact!r}")
    return facts


def _check(facts: Facts, types: Mapping[str, str]) -> None:
    for predicate, its_facts in facts.items():
        signature = SIGNATURES.get(predicate)
        for fact in its_facts:
            if tuple(map(types.get, fact)) != signature:
                wanted = (
                    f"({predicate} {' '.join(signature)})" if signature else "a fact of ALFWorld's domain"
                )
                raise ProblemError(
                    f"expected {wanted}, found ({predicate} {' '.join(fact)}); declare its names in :objects"
                )


def _receptacles(facts: Facts, names: Mapping[str, str]) -> dict[str, Receptacle]:
    kinds = _grouped(facts["receptacletype"])
    located = _grouped(facts["receptacleatlocation"])
    openable = _first(facts["openable"])
    for one, locations in located.items():
        if len(locations) > 1:
            raise ProblemError(f"receptacle {one!r} is at {len(locations)} locations; give it one")
    return {
        one: Receptacle(
            id=one,
            name=names[one],
            location=locations[0],
            kinds=frozenset(kinds.get(one, ())),
            openable=one in openable,
        )
        for one, locations in sorted(located.items())
    }


def _objects(
    facts: Facts, names: Mapping[str, str], types: Mapping[str, str], receptacles: Mapping[str, Receptacle]
) -> dict[str, Object]:
    kinds = _grouped(facts["objecttype"])
    takers = _grouped((object_kind, place_kind) for place_kind, object_kind in facts["cancontain"])
    places = _grouped((kind, place.id) for place in receptacles.values() for kind in place.kinds)
    room = {
        kind: {one for taker in its_takers for one in places.get(taker, ())}
        for kind, its_takers in takers.items()
    }
    inside = _grouped((outer, inner) for inner, outer in facts["inreceptacleobject"])
    has = {name: _first(facts[name]) for name in _ABILITIES}
    return {
        one: Object(
            id=one,
            name=names[one],
            kinds=frozenset(kinds.get(one, ())),
            fits=frozenset().union(*(room.get(kind, ()) for kind in kinds.get(one, ()))),
            pickupable=one in has["pickupable"],
            cleanable=one in has["cleanable"],
            heatable=one in has["heatable"],
            coolable=one in has["coolable"],
            toggleable=one in has["toggleable"],
            sliceable=one in has["sliceable"],
            container=one in has["isreceptacleobject"],
            inside=inside.get(one, ()),
        )
        for one in names
        if types.get(one) == "object"
    }


_ABILITIES = (
    "pickupable",
    "cleanable",
    "heatable",
    "coolable",
    "toggleable",
    "sliceable",
    "isreceptacleobject",
)


def _initial(facts: Facts) -> State:
    if len(facts["atlocation"]) != 1:
        raise ProblemError(
            f"expected one agent at one location, found {len(facts['atlocation'])}; state (atLocation ...)"
        )
    ((_, location),) = facts["atlocation"]
    return State(
        location=location,
        held=tuple(sorted(item for _, item in facts["holds"])),
        hands_full=bool(facts["holdsany"]),
        opened=_first(facts["opened"]),
        contents=_grouped((receptacle, item) for item, receptacle in facts["inreceptacle"]),
        lying=_grouped((place, item) for item, place in facts["objectatlocation"]),
        taken=frozenset(),
        clean=_first(facts["isclean"]),
        hot=_first(facts["ishot"]),
        cool=_first(facts["iscool"]),
        on=_first(facts["ison"]),
        toggled=_first(facts["istoggled"]),
        sliced=_first(facts["issliced"]),
    )


def _first(facts: Iterable[tuple[str, ...]]) -> frozenset[str]:
    return frozenset(fact[0] for fact in facts)


def _grouped(pairs: Iterable[tuple[str, ...]]) -> dict[str, Ids]:
    """Sorted second members by first member."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(sorted(values)) for key, values in groups.items()}
