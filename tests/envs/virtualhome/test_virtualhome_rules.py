"""Our rules against the simulator, the programs against the graphs that they left, and small flats by hand."""

from __future__ import annotations

import json
import logging
import random

import pytest

pytest.importorskip("virtualhome_eval")

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.virtualhome.flats import (
    BOX,
    CUP,
    HALL,
    KITCHEN,
    ME,
    TABLE,
    made_up,
    some_command,
    tiny,
    tiny_json,
    walk,
)

from turngym.envs.virtualhome import tasks
from turngym.envs.virtualhome.engine import Fast
from turngym.envs.virtualhome.glance import Glance
from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.home import Home
from turngym.envs.virtualhome.options import Options
from turngym.envs.virtualhome.original import Original
from turngym.envs.virtualhome.questions import room
from turngym.envs.virtualhome.rules import RULES, execute
from turngym.envs.virtualhome.tasks import all_ids, load
from turngym.envs.virtualhome.words import SENTENCES, Names

PLACES = ("CLOSE", "FACING")
REFUSED = {"file624_1", "file688_1"}
"""Programs that the simulator does not execute to the end."""

logging.getLogger("virtualhome_eval").setLevel(logging.CRITICAL)


def lasting(edges):
    return {edge for edge in edges if edge[1] not in PLACES}


def whole(graph):
    """All that decides what can happen next, set orders included."""
    orders = {(relation, id): list(ids) for relation, sets in graph.added.items() for id, ids in sets.items()}
    return graph.gained(), graph.lost(), graph.changed, list(graph.changed), graph.taken, orders


# Programs


def replay_and_compare(id):
    """Replay a program; the lasting edges and all states have to be those of the stored last graph."""
    graph, task = Graph(load(id).home), load(id)
    end = Home.read(json.loads(tasks._files(id)[1])["final_graph"])
    done = [execute(graph, *command) for command in task.program]
    assert all(done) == (id not in REFUSED)
    if id not in REFUSED:
        assert lasting(graph.edges()) == lasting(end.edges())
        assert {thing: graph.states(thing) for thing in task.home.things} == end.states


def test_programs_end_in_the_stored_graphs():
    for id in all_ids()[::26]:
        replay_and_compare(id)


@pytest.mark.slow
def test_all_516_programs_that_can_be_executed_end_in_the_stored_graphs():
    ids = all_ids()
    assert len(ids) == 518
    for id in ids:
        replay_and_compare(id)


# Side by side


def side_by_side(id, seed, steps):
    """A walk in both engines: the same is done and refused, and the same is so after every step."""
    task = load(id)
    ours, original = Fast(task.home), Original(task.home)
    for command in walk(task, ours.graph, seed, steps):
        looked = RULES[command[0]](Glance(ours.graph), *command[1]) is not None
        done = ours.execute(*command)
        assert (done, looked) == (original.execute(*command), done), command
        assert whole(ours.graph) == whole(original.graph), command


@pytest.mark.parametrize("id", ["file1021_1", "file1040_2", "file140_1"])
def test_random_walks_go_alike_in_our_rules_and_in_the_simulator(id):
    side_by_side(id, seed=1, steps=80)


@pytest.mark.slow
def test_many_long_random_walks_go_alike():
    for seed, id in enumerate(all_ids()[::20]):
        side_by_side(id, seed=seed, steps=400)


@pytest.mark.slow
def test_programs_go_alike_step_by_step():
    for id in all_ids()[::4]:
        task = load(id)
        ours, original = Fast(task.home), Original(task.home)
        for command in task.program:
            assert ours.execute(*command) == original.execute(*command)
            assert whole(ours.graph) == whole(original.graph)


@settings(max_examples=30, deadline=None)
@given(st.integers(min_value=0))
def test_made_up_flats_go_alike_under_any_commands(seed):
    home, draw = made_up(seed), random.Random(seed)
    ours, original = Fast(home), Original(home)
    for _ in range(40):
        command = some_command(ours.graph, draw)
        looked = RULES[command[0]](Glance(ours.graph), *command[1]) is not None
        done = ours.execute(*command)
        assert (done, looked) == (original.execute(*command), done), command
        assert whole(ours.graph) == whole(original.graph), command


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=0))
def test_the_list_of_options_is_what_the_rules_allow(seed):
    home, draw = made_up(seed), random.Random(seed)
    graph, names = Graph(home), Names.give(home.things.values())
    for _ in range(20):
        execute(graph, *some_command(graph, draw))
        assert_listed(Options(home, names), Glance(graph), names)


def test_in_the_real_flat_too():
    task = load("file1021_1")
    graph = Graph(task.home)
    for place, command in enumerate(walk(task, graph, 3, 30)):
        execute(graph, *command)
        if place % 10 == 9:
            assert_listed(task.options, Glance(graph), task.names)


def assert_listed(options, glance, names):
    """The list names every allowed action once, and no other."""
    listed = options.listed(glance, names.told)
    assert sorted(listed) == sorted(names.say(*command) for command in allowed(glance, names.told))


def allowed(glance, told):
    """Every action with all notable things, asked one by one."""
    held = [id for hand in ("HOLDS_RH", "HOLDS_LH") for id in glance.targets(glance.me, hand)]
    choices = {0: [()], 1: [(id,) for id in told], 2: [(one, two) for one in held for two in told]}
    for action, sentence in SENTENCES.items():
        asked = choices[sentence.count("{}")]
        yield from ((action, ids) for ids in asked if RULES[action](glance, *ids) is not None)


# Small flats


def test_a_cup_is_fetched_out_of_a_closed_box():
    graph = tiny()
    assert not execute(graph, "OPEN", (BOX,))  # not in reach
    assert execute(graph, "WALK", (BOX,))
    assert room(graph, ME) == KITCHEN
    assert not execute(graph, "GRAB", (CUP,))  # the box is closed
    assert execute(graph, "OPEN", (BOX,))
    assert execute(graph, "GRAB", (CUP,))
    assert graph.has(ME, "HOLDS_RH", CUP)
    assert not graph.has(CUP, "INSIDE", BOX)
    assert graph.taken == {CUP: (BOX, "INSIDE")}


def test_what_is_held_follows_into_the_room_that_was_left():
    graph = tiny()
    for command in (("WALK", (BOX,)), ("OPEN", (BOX,)), ("GRAB", (CUP,)), ("WALK", (HALL,))):
        assert execute(graph, *command)
    assert room(graph, ME) == HALL
    assert room(graph, CUP) == KITCHEN


def test_putting_back_out_of_reach_counts_as_done_and_does_nothing():
    graph = tiny()
    for command in (("WALK", (BOX,)), ("OPEN", (BOX,)), ("GRAB", (CUP,)), ("WALK", (HALL,))):
        execute(graph, *command)
    before = graph.fingerprint()
    assert execute(graph, "PUTOBJBACK", (CUP,))
    assert graph.fingerprint() == before


def test_things_inside_each_other_and_in_no_room_hang_nothing():
    graph = tiny(
        [(ME, "INSIDE", HALL), (TABLE, "INSIDE", BOX), (BOX, "INSIDE", TABLE), (CUP, "INSIDE", TABLE)]
    )
    assert [room(graph, id) for id in (TABLE, BOX, CUP)] == [None, None, None]
    assert not execute(graph, "WALK", (CUP,))
    assert not execute(graph, "WATCH", (TABLE,))


def test_things_inside_each_other_in_the_real_flat_have_rooms():
    graph = Graph(load("file1003_2").home)
    home = graph.home
    pairs = [(one, other) for one, relation, other in home.edges() if relation == "INSIDE"]
    mutual = [pair for pair in pairs if pair[::-1] in set(pairs)]
    assert mutual
    assert all(room(graph, id) is not None for pair in mutual for id in pair)


def test_of_two_nodes_with_one_id_the_last_counts_and_equal_edges_are_one():
    doubled = tiny_json()
    doubled["nodes"].append({**doubled["nodes"][-1], "states": ["DIRTY"]})
    doubled["edges"].append(doubled["edges"][-1])
    home = Home.read(doubled)
    assert home.states[CUP] == {"DIRTY"}
    assert home.out["INSIDE"][CUP] == (KITCHEN, BOX)


def test_a_copy_of_a_graph_goes_its_own_way():
    graph = tiny()
    twin = graph.copy()
    assert execute(twin, "WALK", (BOX,))
    assert execute(twin, "OPEN", (BOX,))
    assert graph.fingerprint() == tiny().fingerprint()
    assert twin.fingerprint() != graph.fingerprint()


def test_the_fingerprint_forgets_the_way():
    graph = tiny()
    for command in (("WALK", (BOX,)), ("OPEN", (BOX,)), ("CLOSE", (BOX,))):
        assert execute(graph, *command)
    straight = tiny()
    assert execute(straight, "WALK", (BOX,))
    assert graph.fingerprint() == straight.fingerprint()
