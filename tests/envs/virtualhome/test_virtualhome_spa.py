"""Against SPA's own VirtualHome environment: the goals, what was executed, what was held, when it was done."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("virtualhome_eval")

from tests.shared import shared

from turngym.envs.virtualhome.engine import Fast
from turngym.envs.virtualhome.questions import held
from turngym.envs.virtualhome.tasks import load
from turngym.envs.virtualhome.words import words


def recorded():
    return json.loads(shared("vectors/spa.json").read_text())["virtualhome_env"]


def numbered(action, ids, names):
    """SPA's sentence, in which a class stands for a thing given with the task, in our names."""
    classes = sorted(map(words, ids), key=len, reverse=True)
    pattern = rf"\b({'|'.join(map(re.escape, classes))})\b"
    of = {words(kind): names.of[id] for kind, id in ids.items()}
    return re.sub(pattern, lambda found: of[found[1]], action.lower())


def replay(task, ids, steps):
    """Each recorded step has to be executed, held and done as recorded."""
    flat = Fast(task.home)
    for step in steps:
        command = task.names.understand(numbered(step["action"], ids, task.names))
        assert (command is not None and flat.execute(*command)) == step["executed"], step
        if step["executed"]:
            kinds = [task.home.things[id].kind for id in held(flat.graph, "HOLDS_LH", "HOLDS_RH")]
            assert sorted(kinds) == sorted(step["holding"]), step
            assert (task.goal.reached(flat.graph) == len(task.goal)) == step["done"], step


def test_the_eight_recorded_episodes_go_alike():
    transcripts = recorded()["transcripts"]
    assert len(transcripts) == 8
    for transcript in transcripts:
        task = load(transcript["program"].removesuffix(".txt"))
        replay(task, transcript["object_id_dict"], transcript["ref_steps"])


def test_the_twelve_probes_go_alike():
    probes = recorded()["probes"]
    ids = {"computer": 417, "mouse": 413, "desk": 357, "chair": 356}
    assert len(probes["ref_steps"]) == 12
    replay(load(probes["program"].removesuffix(".txt")), ids, probes["ref_steps"])


def test_the_goals_are_the_same():
    for transcript in recorded()["transcripts"]:
        task, goal = load(transcript["program"].removesuffix(".txt")), transcript["goal"]
        assert {id: set(states) for id, states in task.goal.states} == {
            node["id"]: set(node["states"]) for node in goal["nodes"]
        }
        assert set(task.goal.gone) == triples(goal["revised_nodes"])
        assert set(task.goal.come) == triples(goal["revised_add_edges"])


def triples(edges):
    return {(edge["from_id"], edge["relation_type"], edge["to_id"]) for edge in edges}


def test_every_sentence_of_spa_s_is_ours():
    from turngym.envs.virtualhome.words import SENTENCES

    theirs = recorded()["action_templates"]
    assert {action for action in theirs if theirs[action] != SENTENCES[action]} == {"RELEASE"}
