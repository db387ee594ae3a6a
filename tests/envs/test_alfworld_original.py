"""Our engine and the original one side by side, and the original with and without its caches."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Protocol

import pytest
from tests.envs.kitchen import kitchen_text
from tests.shared import shared

import turngym.envs
from turngym.envs.alfworld import ALFWorld
from turngym.envs.household import Problem, World
from turngym.envs.household.games import TASK_TYPES, PublishedGame, load_split
from turngym.envs.household.logic import LOGICS

pytest.importorskip("fast_downward", reason="needs turngym[alfworld]")
pytestmark = pytest.mark.alfworld

# Importing it earlier than here would import the packages that this extra brings.
from turngym.envs.textworld_engine import TextWorldEngine, packaged_logic  # noqa: E402


class Played(Protocol):
    def reset(self) -> str: ...
    def step(self, command: str) -> tuple[str, bool]: ...
    @property
    def admissible(self) -> list[str]: ...
    @property
    def won(self) -> bool: ...


Seen = tuple[str, bool, list[str]]


@pytest.fixture(scope="module")
def engine() -> TextWorldEngine:
    return TextWorldEngine()


@pytest.fixture
def data() -> Path:
    return shared("data/alfworld")


def rules(logic: str, data: Path, task: str) -> tuple[str, str]:
    """Domain and grammar of a version."""
    if logic == "0.4":
        domain, grammar = packaged_logic()
    else:
        domain, grammar = ((data / f"alfred_2.1.1.{ending}").read_text() for ending in ("pddl", "twl2"))
    return domain, grammar.replace("UNKNOWN GOAL", task)


def sights(game: Played, commands: list[str]) -> list[Seen]:
    """What a game shows at its reset and after each command."""
    seen = [(game.reset(), game.won, game.admissible)]
    for command in commands:
        obs, won = game.step(command)
        seen.append((obs, won, game.admissible))
    return seen


def commands_for(world: World, turns: int, draw: random.Random) -> list[str]:
    """A walk that likes rare verbs, with one command in five made up."""
    commands = []
    for _ in range(turns):
        verbs: dict[str, list[str]] = {}
        for command in world.admissible:
            verbs.setdefault(command.split()[0], []).append(command)
        common = {"go", "look", "inventory", "help", "examine"}
        rare = sorted(set(verbs) - common)
        verb = draw.choice(rare) if rare and draw.random() < 0.6 else draw.choice(sorted(verbs))
        command = draw.choice(verbs[verb]) if draw.random() < 0.8 else made_up(world, draw)
        world.step(command)
        commands.append(command)
    return commands


def made_up(world: World, draw: random.Random) -> str:
    """A command that is perhaps not admissible."""
    good = draw.choice(world.admissible)
    thing = draw.choice([item.name for item in world.problem.objects.values()])
    place = draw.choice([place.name for place in world.problem.receptacles.values()])
    return draw.choice(
        [
            good.upper(),
            f" {good}\t\n",
            good.replace(" ", "  "),
            f"{good} now",
            "",
            f"take {thing} from {place}",
            f"move {thing} to {place}",
            f"put {thing} in/on {place}",
            f"clean {thing} with {place}",
            f"heat {thing} with {place}",
            f"cool {thing} with {place}",
            f"use {thing}",
            f"slice {thing} with knife 1",
            f"examine {thing}",
            f"open {place}",
            f"close {place}",
        ]
    )


def chosen(data: Path, task_type: str, draw: random.Random) -> PublishedGame:
    split = draw.choice(["valid_seen", "valid_unseen"])
    return draw.choice([game for game in load_split(split, data).games if game.task_type == task_type])


@pytest.mark.parametrize("logic", LOGICS)
@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_both_engines_show_the_same_on_a_random_walk(
    engine: TextWorldEngine, data: Path, task_type: str, logic: str
) -> None:
    draw = random.Random(f"{task_type} {logic}")
    game = chosen(data, task_type, draw)
    world = World(Problem.parse(game.pddl_problem), game.task, logic)
    commands = commands_for(world.copy(), 40, draw)
    engine.load(*rules(logic, data, game.task), game.pddl_problem)
    assert sights(world, commands) == sights(engine, commands)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_both_engines_show_the_same_on_long_walks(engine: TextWorldEngine, data: Path, seed: int) -> None:
    draw = random.Random(seed)
    logic = draw.choice(list(LOGICS))
    game = draw.choice(load_split(draw.choice(["train", "valid_seen", "valid_unseen"]), data).games)
    world = World(Problem.parse(game.pddl_problem), game.task, logic)
    commands = commands_for(world.copy(), 150, draw)
    engine.load(*rules(logic, data, game.task), game.pddl_problem)
    assert sights(world, commands) == sights(engine, commands)


ODD_FACTS = [
    "",
    "(isHot Apple_bar_1) (isClean Apple_bar_1) (isSliced Apple_bar_2) (isCool Apple_bar_2)",
    "(holds agent1 Knife_bar_1) (holdsAny agent1) (opened Fridge_bar_1)",
    "(inReceptacleObject Apple_bar_2 Bowl_bar_1) (inReceptacleObject Knife_bar_1 Bowl_bar_1)",
    "(holds agent1 Bowl_bar_1) (objectType Bowl_bar_1 KnifeType) (opened Counter_bar_1)",
    "(sliceable Knife_bar_1) (heatable Bowl_bar_1) (coolable Knife_bar_1) (toggleable Bowl_bar_1)",
    "(isToggled DeskLamp_bar_1) (isOn DeskLamp_bar_1) (pickupable DeskLamp_bar_1) (openable Sink_bar_1)",
    "(objectAtLocation Apple_bar_1 loc_bar_3) (receptacleType Counter_bar_1 MicrowaveType)",
]
ODD_GOALS = [
    "(forall (?r - receptacle) (imply (openable ?r) (opened ?r)))",
    "(or (exists (?o - object) (isHot ?o)) "
    "(exists (?a - agent ?o - object) (and (holds ?a ?o) (sliceable ?o))))",
    "(exists (?o - object ?p - object ?r - receptacle) (and (not (= ?o ?p)) (inReceptacle ?o ?r) "
    "(inReceptacle ?p ?r) (isClean ?p)))",
    "(not (exists (?a - agent) (holdsAny ?a)))",
    "(forall (?o - object) (imply (sliceable ?o) (or (isSliced ?o) (isCool ?o))))",
]


@pytest.mark.parametrize("logic", LOGICS)
@pytest.mark.parametrize("number", range(len(ODD_FACTS)))
def test_both_engines_show_the_same_in_a_kitchen_with_odd_facts_and_goals(
    engine: TextWorldEngine, data: Path, number: int, logic: str
) -> None:
    draw = random.Random(number)
    start, goal = draw.choice(["loc_bar_9", "loc_bar_1", "loc_bar_2"]), draw.choice(ODD_GOALS)
    problem = kitchen_text(goal=goal, start=start, more=ODD_FACTS[number])
    world = World(Problem.parse(problem), "try", logic)
    commands = commands_for(world.copy(), 60, draw)
    engine.load(*rules(logic, data, "try"), problem)
    assert sights(world, commands) == sights(engine, commands)


@pytest.mark.parametrize("task_type", ["look_at_obj_in_light", "pick_two_obj_and_place"])
def test_the_caches_change_nothing_that_the_original_shows(
    engine: TextWorldEngine, data: Path, task_type: str
) -> None:
    draw = random.Random(task_type)
    game = chosen(data, task_type, draw)
    commands = commands_for(World(Problem.parse(game.pddl_problem), game.task), 25, draw)
    plain = TextWorldEngine(cached=False)
    for one in (plain, engine):
        one.load(*rules("0.4", data, game.task), game.pddl_problem)
    first = sights(plain, commands)
    assert sights(engine, commands) == first
    assert sights(engine, commands) == first


@pytest.mark.parametrize("logic", LOGICS)
def test_one_class_plays_either_engine_with_the_same_info(data: Path, logic: str) -> None:
    fast, original = (
        ALFWorld("valid_unseen", data, engine=engine, logic=logic, expert=True)
        for engine in ("fast", "textworld")
    )
    for seed in range(2):
        shown = fast.reset(seed=seed)
        assert original.reset(seed=seed) == shown
        info = shown[1]
        while "expert" in info:
            turn = fast.step(info["expert"])
            assert original.step(info["expert"]) == turn
            info = turn[4]
        assert info["success"]


def test_the_original_plays_folders_with_the_rules_inside_the_game_file(data: Path) -> None:
    fast, original = (
        ALFWorld("valid_unseen", data / "raw", engine=engine, logic="2.1.1")
        for engine in ("fast", "textworld")
    )
    for task in range(2):
        assert fast.reset(options={"task": task}) == original.reset(options={"task": task})


@pytest.mark.slow
def test_the_original_keeps_the_contract_of_an_environment(data: Path) -> None:
    verdicts = turngym.envs.check_env(
        "turngym/ALFWorld-v0",
        data=str(data),
        split="valid_unseen",
        engine="textworld",
        task_types=["look_at_obj_in_light"],
    )
    assert [verdict for verdict in verdicts if not verdict.passed] == []


def test_a_problem_that_the_original_refuses_does_not_end_the_process(
    engine: TextWorldEngine, data: Path
) -> None:
    twice = kitchen_text().replace("agent1 - agent", "agent1 - agent agent1 - agent")
    with pytest.raises(ValueError, match="refuses the problem: error: duplicate object 'agent1'"):
        engine.load(*rules("0.4", data, "try"), twice)


def test_the_original_leaves_the_process_as_it_found_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fast_downward
    from textworld.envs.pddl import textgen

    monkeypatch.setattr(sys, "argv", ["mine"])
    before = fast_downward.pddl2sas, textgen._parse_and_convert, textgen.Rule, sys.stdout, dict(os.environ)
    ALFWorld("valid_unseen", data, engine="textworld").reset(seed=0)
    assert sys.argv == ["mine"]
    assert before == (
        fast_downward.pddl2sas,
        textgen._parse_and_convert,
        textgen.Rule,
        sys.stdout,
        dict(os.environ),
    )


@pytest.mark.parametrize("folder", ["", "raw"])
@pytest.mark.parametrize("logic", LOGICS)
def test_both_engines_show_the_same_human_sentence(data: Path, logic: str, folder: str) -> None:
    fast, original = (
        ALFWorld("valid_unseen", data / folder, engine=engine, logic=logic, goal="human")
        for engine in ("fast", "textworld")
    )
    for seed in range(2):
        assert fast.reset(seed=seed) == original.reset(seed=seed)
