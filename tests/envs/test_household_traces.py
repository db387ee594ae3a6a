"""The engine against what the original engine was recorded to say: text, admissible commands, won."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from typing import Any

import pytest
from tests.shared import shared

from turngym.envs.household import World
from turngym.envs.household.games import PublishedGame, load_split, problem_of


def recorded(name: str) -> Iterator[tuple[World, dict[str, Any]]]:
    """The records of a file, each with its game's world."""
    file = shared(f"data/alfworld/{name}.jsonl.xz")
    games: dict[str, dict[str, PublishedGame]] = {}
    with lzma.open(file, "rt") as lines:
        for line in lines:
            record = json.loads(line)
            split = record["split"]
            if split not in games:
                games[split] = {game.id: game for game in load_split(split, file.parent).games}
            game = games[split][record["id"]]
            yield World(problem_of(game), game.task, record.get("logic", "0.4")), record


@pytest.mark.parametrize(("name", "count"), [("random_traces", 84), ("random_traces_both_versions", 18)])
def test_every_recorded_step_comes_out_the_same(name: str, count: int) -> None:
    records = list(recorded(name))
    assert len(records) == count
    for world, record in records:
        for step in record["steps"]:
            command = step["cmd"]
            obs, won = (world.reset(), world.won) if command is None else world.step(command)
            assert (obs, world.admissible, won) == (step["obs"], step["adm"], step["won"])


@pytest.mark.parametrize(("name", "count"), [("walkthroughs_valid", 274), ("walkthroughs_train240", 240)])
def test_every_walkthrough_wins_with_the_recorded_texts(name: str, count: int) -> None:
    records = list(recorded(name))
    assert len(records) == count
    for world, record in records:
        assert world.admissible == record["first_admissible"]
        assert [world.reset(), *(world.step(command)[0] for command in record["plan"])] == record["obs"]
        assert world.won is record["won"] is True
