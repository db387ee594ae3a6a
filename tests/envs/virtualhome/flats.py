"""Flats small enough to know by heart, and walks through the real one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

from turngym.envs.virtualhome.glance import Glance
from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.home import Home
from turngym.envs.virtualhome.rules import RULES
from turngym.envs.virtualhome.tasks import Task
from turngym.envs.virtualhome.words import SENTENCES, Command

ME, KITCHEN, HALL, TABLE, BOX, CUP = 1, 2, 3, 4, 5, 6

_NODES = {
    ME: ("character", "Characters", [], []),
    KITCHEN: ("kitchen", "Rooms", [], []),
    HALL: ("hall", "Rooms", [], []),
    TABLE: ("table", "Furniture", ["SURFACES"], []),
    BOX: ("box", "Furniture", ["CAN_OPEN"], ["CLOSED"]),
    CUP: ("cup", "Props", ["GRABBABLE"], ["CLEAN"]),
}
_EDGES = [
    (ME, "INSIDE", HALL),
    (TABLE, "INSIDE", KITCHEN),
    (BOX, "INSIDE", KITCHEN),
    (CUP, "INSIDE", KITCHEN),
    (CUP, "INSIDE", BOX),
]


def tiny_json(edges: list[tuple[int, str, int]] | None = None) -> dict[str, Any]:
    """A hall with a person, a kitchen with a table and a closed box, a cup in the box."""
    nodes = [_node(id, *rest) for id, rest in _NODES.items()]
    triples = _EDGES if edges is None else edges
    return {"nodes": nodes, "edges": [_edge(*triple) for triple in triples]}


def tiny(edges: list[tuple[int, str, int]] | None = None) -> Graph:
    """The same in play, with other edges if given."""
    return Graph(Home.read(tiny_json(edges)))


_KINDS = [
    "knife",
    "water",
    "desk",
    "button",
    "chair",
    "keyboard",
    "computer",
    "hands_both",
    "towel",
    "bed",
    "thing",
]
_PROPERTIES = (
    *("BODY_PART", "CAN_OPEN", "CLOTHES", "CUTTABLE", "DRINKABLE", "EATABLE", "GRABBABLE", "HAS_PLUG"),
    *(
        "HAS_SWITCH",
        "LIEABLE",
        "LOOKABLE",
        "MOVABLE",
        "PERSON",
        "POURABLE",
        "READABLE",
        "RECIPIENT",
        "SITTABLE",
    ),
)
_STATES = ("OPEN", "CLOSED", "ON", "OFF", "DIRTY", "CLEAN", "PLUGGED_IN", "PLUGGED_OUT")


def made_up(seed: int) -> Home:
    """A flat in which anything may be anything, and be anywhere: in a room at least, so that the simulator never hangs.

    The ids are chosen to fall together in the tables of small sets.
    """
    draw = random.Random(seed)
    me, *ids = draw.sample(range(0, 640, 32), 7) + draw.sample(range(1, 200, 2), 7)
    rooms, things = ids[:2], ids[2:]
    nodes = [_node(me, "character", "Characters", ["PERSON"], draw.choice([[], [], ["SITTING"], ["LYING"]]))]
    nodes += [_node(id, "room", "Rooms", [], []) for id in rooms]
    for id in things:
        properties = draw.sample(_PROPERTIES, draw.randint(3, len(_PROPERTIES)))
        nodes.append(
            _node(id, draw.choice(_KINDS), "Props", properties, draw.sample(_STATES, draw.randint(0, 4)))
        )
    edges = [(id, "INSIDE", draw.choice(rooms)) for id in (me, *things)]
    for relation, count in (("CLOSE", 40), ("ON", 8), ("INSIDE", 6), ("FACING", 10)):
        edges += [(draw.choice([me, *things]), relation, draw.choice(things)) for _ in range(count)]
    return Home.read({"nodes": nodes, "edges": [_edge(*edge) for edge in edges]})


def any_command(home: Home, draw: random.Random) -> Command:
    """Any action with any things."""
    action = draw.choice(list(RULES))
    return action, tuple(draw.choices(list(home.things), k=SENTENCES[action].count("{}")))


def some_command(graph: Graph, draw: random.Random) -> Command:
    """Mostly an action that can be done, of all kinds that can; asks every rule about everything."""
    if draw.random() < 0.3:
        return any_command(graph.home, draw)
    glance = Glance(graph)
    by_action: dict[str, list[Command]] = {}
    for action, sentence in SENTENCES.items():
        for ids in product(graph.home.things, repeat=sentence.count("{}")):
            if RULES[action](glance, *ids) is not None:
                by_action.setdefault(action, []).append((action, ids))
    return draw.choice(by_action[draw.choice(sorted(by_action))])


def _node(id: int, kind: str, category: str, properties: list[str], states: list[str]) -> dict[str, Any]:
    return {"id": id, "class_name": kind, "category": category, "properties": properties, "states": states}


def _edge(origin: int, relation: str, target: int) -> dict[str, Any]:
    return {"from_id": origin, "relation_type": relation, "to_id": target}


def walk(task: Task, graph: Graph, seed: int, steps: int) -> Iterator[Command]:
    """Commands for a graph that the caller changes meanwhile: most can be done, of all kinds; some name anything."""
    draw, names = random.Random(seed), task.names
    for _ in range(steps):
        if draw.random() < 0.2:
            yield any_command(task.home, draw)
            continue
        by_action: dict[str, list[Command]] = {}
        for line in task.options.listed(Glance(graph), names.told):
            command = names.understand(line)
            assert command is not None
            by_action.setdefault(command[0], []).append(command)
        lasting = [action for action in ("GRAB", "PUTBACK", "PUTIN", "POUR") if action in by_action]
        often = lasting if lasting and draw.random() < 0.4 else sorted(by_action)
        yield draw.choice(by_action[draw.choice(often)])
