"""Replay recorded ALFWorld games in our engine: walkthroughs and random traces of the original one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from turngym.benchmarks.agreement import Comparison, same
from turngym.core.errors import PrerequisiteError
from turngym.envs.household import World
from turngym.envs.household.games import PublishedGame, load_split, problem_of

Record = Mapping[str, Any]


def compare(records: Sequence[Record], data: Path) -> Iterator[Comparison]:
    """Every recorded observation, list of admissible commands and won flag against ours.

    `data` is the folder with the games, as `load_split` reads it. Raises `PrerequisiteError` where one is
    missing.
    """
    games = find_games(records, data)
    for record in records:
        game = games[record["id"]]
        world = World(problem_of(game), game.task, record.get("logic", "0.4"))
        yield from _walkthrough(world, record) if "plan" in record else _trace(world, record)


def _walkthrough(world: World, record: Record) -> Iterator[Comparison]:
    """A winning list of commands; the admissible ones are recorded for the start, the flag for the end."""
    first, *answers = record["obs"]
    yield same("observation", world.reset(), first, f"{record['id']}, start")
    yield same("admissible", world.admissible, record["first_admissible"], f"{record['id']}, start")
    for number, (command, answer) in enumerate(zip(record["plan"], answers, strict=True), start=1):
        where = f"{record['id']}, step {number} {command!r}"
        yield same("observation", world.step(command)[0], answer, where)
    yield same("won", world.won, record["won"], f"{record['id']}, end")


def _trace(world: World, record: Record) -> Iterator[Comparison]:
    """Any commands; everything is recorded after each. The first step, without a command, is the start."""
    for number, step in enumerate(record["steps"]):
        where = f"{record['id']}, step {number} {step['cmd']!r}"
        obs = world.reset() if step["cmd"] is None else world.step(step["cmd"])[0]
        yield same("observation", obs, step["obs"], where)
        yield same("admissible", world.admissible, step["adm"], where)
        yield same("won", world.won, step["won"], where)


def find_games(records: Sequence[Record], data: Path) -> dict[str, PublishedGame]:
    """The games of the records by id."""
    splits = {record["split"] for record in records}
    try:
        games = {game.id: game for split in splits for game in load_split(split, data).games}
    except FileNotFoundError as error:
        raise PrerequisiteError(f"{error}, with --data") from error
    missing = sorted({record["id"] for record in records} - set(games))
    if missing:
        raise PrerequisiteError(
            f"{data} has no game {missing[0]!r} ({len(missing)} are missing); complete it"
        )
    return games
