"""A kitchen small enough to know by heart, as a PDDL problem.

The counter and the sink stand at one location; the bowl lies in the sink and in its basin, as often in
ALFWorld; the lamp is in the closed fridge.
"""

from __future__ import annotations

from turngym.envs.household import Problem, World

PLACES = {
    "Counter_bar_1": ("CounterType", "loc_bar_1"),
    "Sink_bar_1": ("SinkType", "loc_bar_1"),
    "Sink_bar_1_bar_SinkBasin": ("SinkBasinType", "loc_bar_1"),
    "Fridge_bar_1": ("FridgeType", "loc_bar_2"),
    "Microwave_bar_1": ("MicrowaveType", "loc_bar_3"),
}
THINGS = {
    "Apple_bar_1": ("AppleType", "pickupable cleanable heatable coolable sliceable", ["Counter_bar_1"]),
    "Apple_bar_2": ("AppleType", "pickupable cleanable heatable coolable sliceable", ["Fridge_bar_1"]),
    "Bowl_bar_1": (
        "BowlType",
        "pickupable cleanable isReceptacleObject",
        ["Sink_bar_1", "Sink_bar_1_bar_SinkBasin"],
    ),
    "DeskLamp_bar_1": ("DeskLampType", "toggleable", ["Fridge_bar_1"]),
    "Knife_bar_1": ("KnifeType", "pickupable cleanable", ["Counter_bar_1"]),
    "Roll_bar_1": ("RollType", "pickupable", ["Counter_bar_1"]),
}
KEEPS = {
    "CounterType": "AppleType BowlType KnifeType",
    "SinkType": "BowlType",
    "SinkBasinType": "BowlType AppleType",
    "FridgeType": "AppleType BowlType",
    "MicrowaveType": "AppleType",
}
ANY_APPLE_IN_MICROWAVE = """(and (exists (?r - receptacle) (exists (?o - object) (and (inReceptacle ?o ?r)
    (objectType ?o AppleType) (receptacleType ?r MicrowaveType)))))"""


def kitchen_text(goal: str = ANY_APPLE_IN_MICROWAVE, start: str = "loc_bar_9", more: str = "") -> str:
    """The problem's text; `more` are further initial facts."""
    facts = [f"(atLocation agent1 {start})", "(openable Fridge_bar_1)", "(openable Microwave_bar_1)", more]
    facts += [f"(canContain {place} {kind})" for place, kinds in KEEPS.items() for kind in kinds.split()]
    for place, (kind, location) in PLACES.items():
        facts += [f"(receptacleType {place} {kind})", f"(receptacleAtLocation {place} {location})"]
    for thing, (kind, abilities, places) in THINGS.items():
        facts += [f"(objectType {thing} {kind})", f"(objectAtLocation {thing} {PLACES[places[0]][1]})"]
        facts += [f"({ability} {thing})" for ability in abilities.split()]
        facts += [f"(inReceptacle {thing} {place})" for place in places]
    # The original's rules name the butter knife, so it must exist.
    kinds = sorted({"ButterKnifeType", *(kind for kind, _, _ in THINGS.values())})
    return f"""; a comment
(define (problem kitchen) (:domain alfred)
  (:objects agent1 - agent {_typed("loc_bar_1 loc_bar_2 loc_bar_3 loc_bar_9", "location")}
    {_typed(" ".join(PLACES), "receptacle")} {_typed(" ".join(THINGS), "object")}
    {_typed(" ".join(KEEPS), "rtype")} {_typed(" ".join(kinds), "otype")})
  (:init {" ".join(facts)} (= (total-cost) 0))
  (:goal {goal}))"""


def kitchen(logic: str = "0.4", **changes: str) -> World:
    """A world in it, reset."""
    return World(Problem.parse(kitchen_text(**changes)), "put some apple in microwave", logic)


def play(world: World, *commands: str) -> list[str]:
    """The answers to commands done in a row."""
    return [world.step(command)[0] for command in commands]


def _typed(names: str, kind: str) -> str:
    return f"{names} - {kind}"
