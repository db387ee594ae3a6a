"""A household and what is asked in it, and how ALFWorld writes both: a goal sentence and a PDDL problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from turngym.envs.household.catalog import HOLDS, LAMP, OBJECT_FACTS, OPENABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What is asked: a task type of ALFWorld, an object kind and a place: a receptacle kind, or the lamp."""

    room: str
    task_type: str
    target: str
    place: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """One room, by the kinds of its receptacles and objects; the rest follows from the catalog.

    Each receptacle stands at a location of its own and the agent begins at one more, where nothing is.
    """

    goal: Goal
    receptacles: tuple[str, ...]
    """Kind of each receptacle."""
    objects: tuple[tuple[str, int], ...]
    """Kind of each object and the index of the receptacle it begins in."""


SENTENCES: dict[str, tuple[str, str]] = {
    "pick_and_place_simple": ("put a {target} in {place}", "put some {target} on {place}"),
    "look_at_obj_in_light": ("look at {target} under the {place}", "examine the {target} with the {place}"),
    "pick_clean_then_place_in_recep": (
        "put a clean {target} in {place}",
        "clean some {target} and put it in {place}",
    ),
    "pick_heat_then_place_in_recep": (
        "put a hot {target} in {place}",
        "heat some {target} and put it in {place}",
    ),
    "pick_cool_then_place_in_recep": (
        "put a cool {target} in {place}",
        "cool some {target} and put it in {place}",
    ),
    "pick_two_obj_and_place": ("put two {target} in {place}", "find two {target} and put them in {place}"),
}
"""Task type to ALFWorld's two ways of asking for it."""

_PLACED = "(exists (?r - receptacle) (exists (?o - object) (and {conditions})))"
_CHANGED = (
    "({able} ?o) (objectType ?o {target}Type) (receptacleType ?r {place}Type) ({done} ?o) "
    "(inReceptacle ?o ?r)"
)
_CONDITIONS: dict[str, str] = {
    "pick_and_place_simple": _PLACED.format(
        conditions="(inReceptacle ?o ?r) (objectType ?o {target}Type) (receptacleType ?r {place}Type)"
    ),
    "look_at_obj_in_light": (
        "(exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and "
        "(objectType ?ot {place}Type) (toggleable ?ot) (isToggled ?ot) "
        "(receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r)))\n"
        "(exists (?o - object ?a - agent) (and (objectType ?o {target}Type) (holds ?a ?o)))"
    ),
    "pick_clean_then_place_in_recep": _PLACED.format(
        conditions=_CHANGED.replace("{able}", "cleanable").replace("{done}", "isClean")
    ),
    "pick_heat_then_place_in_recep": _PLACED.format(
        conditions=_CHANGED.replace("{able}", "heatable").replace("{done}", "isHot")
    ),
    "pick_cool_then_place_in_recep": _PLACED.format(
        conditions=_CHANGED.replace("{able}", "coolable").replace("{done}", "isCool")
    ),
    "pick_two_obj_and_place": (
        "(exists (?r - receptacle) (exists (?o1 - object) (and (objectType ?o1 {target}Type) "
        "(receptacleType ?r {place}Type) (inReceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2)) "
        "(objectType ?o2 {target}Type) (receptacleType ?r {place}Type) (inReceptacle ?o2 ?r))))))"
    ),
}
"""Task type to its condition, equal in structure to the goals of ALFWorld's games."""


def sentence(goal: Goal, wording: int) -> str:
    """The goal as the player reads it, in the first (0) or second (1) wording, without the full stop."""
    return SENTENCES[goal.task_type][wording].format(target=goal.target.lower(), place=goal.place.lower())


def layout(home: Home) -> str:
    """What is asked and what is where: equal for homes that differ only in how things alike are numbered."""
    contents: list[list[str]] = [[] for _ in home.receptacles]
    for kind, at in home.objects:
        contents[at].append(kind)
    places = sorted((place, *sorted(kinds)) for place, kinds in zip(home.receptacles, contents, strict=True))
    goal = home.goal
    return f"{goal.task_type} {goal.target} {goal.place}\n" + "\n".join(" ".join(place) for place in places)


def problem_text(home: Home) -> str:
    """The household as a PDDL problem of ALFWorld's domain: the same bytes for equal homes."""
    places = _ids(home.receptacles)
    things = _ids([kind for kind, _ in home.objects])
    locations = [f"loc_bar_{n:02d}" for n in range(1, len(places) + 2)]
    condition = _CONDITIONS[home.goal.task_type].format(target=home.goal.target, place=home.goal.place)
    return "\n".join(
        [
            "(define (problem household)",
            "(:domain alfred)",
            "(:objects",
            "agent1 - agent",
            *_declare(home, places, things, locations),
            ")",
            "(:init",
            f"(atLocation agent1 {locations[-1]})",
            *_receptacle_facts(home.receptacles, places, locations),
            *_object_facts(home.objects, places, things, locations),
            *_can_contain(home),
            ")",
            f"(:goal (and {condition}))",
            ")\n",
        ]
    )


def _ids(kinds: Sequence[str]) -> list[str]:
    """An id for each: ALFWorld shows what stands before the first `_bar_`, and numbers the sorted ids."""
    seen: Counter[str] = Counter()
    ids = []
    for kind in kinds:
        seen[kind] += 1
        ids.append(_id(kind, seen[kind]))
    return ids


def _id(kind: str, number: int) -> str:
    """The basin of a sink is written as a part of it, which is how ALFWorld comes to call it a sinkbasin."""
    whole = kind.removesuffix("Basin")
    return f"{whole}_bar_{number:02d}" + (f"_bar_{kind}" if whole != kind else "")


def _declare(home: Home, places: list[str], things: list[str], locations: list[str]) -> Iterator[str]:
    """Every name with its type. The domain itself names six of the types, so they exist in every home."""
    receptacle_types = {"SinkBasin", "Microwave", "Fridge", *home.receptacles}
    object_types = {"Sink", "Knife", "ButterKnife", *(kind for kind, _ in home.objects)}
    yield from (f"{kind}Type - rtype" for kind in sorted(receptacle_types))
    yield from (f"{kind}Type - otype" for kind in sorted(object_types))
    yield from (f"{place} - receptacle" for place in places)
    yield from (f"{thing} - object" for thing in things)
    yield from (f"{location} - location" for location in locations)


def _receptacle_facts(kinds: Iterable[str], places: list[str], locations: list[str]) -> Iterator[str]:
    for kind, place, location in zip(kinds, places, locations, strict=False):
        yield f"(receptacleType {place} {kind}Type)"
        yield f"(receptacleAtLocation {place} {location})"
        if kind in OPENABLE:
            yield f"(openable {place})"


def _object_facts(
    objects: Iterable[tuple[str, int]], places: list[str], things: list[str], locations: list[str]
) -> Iterator[str]:
    for (kind, at), thing in zip(objects, things, strict=True):
        yield f"(objectType {thing} {kind}Type)"
        if kind != LAMP:
            yield f"(pickupable {thing})"
        yield from (f"({fact} {thing})" for fact, kinds in OBJECT_FACTS.items() if kind in kinds)
        yield f"(inReceptacle {thing} {places[at]})"
        yield f"(objectAtLocation {thing} {locations[at]})"


def _can_contain(home: Home) -> Iterator[str]:
    kinds = sorted({kind for kind, _ in home.objects})
    for place in sorted(set(home.receptacles)):
        yield from (f"(canContain {place}Type {kind}Type)" for kind in kinds if kind in HOLDS[place])
