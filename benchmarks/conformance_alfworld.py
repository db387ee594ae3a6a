"""Replay recorded ALFWorld games in our engine: walkthroughs and random traces of the original one.

The layout is that of the compact ALFWorld data: games in `games_<split>.jsonl.xz`, one to a line.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from turngym.benchmarks.agreement import Comparison, same
from turngym.core.errors import PrerequisiteError
from turngym.envs.household import Problem, World

Record = Mapping[str, Any]


def compare(records: Sequence[Record], data: Path) -> Iterator[Comparison]:
    """Every recorded observation, list of admissible commands and won flag against ours.

    `data` is the folder with the games. Raises `PrerequisiteError` where a game is not there.
    """
    games = find_games([record["id"] for record in records], data)
    for record in records:
        game = games[record["id"]]
        world = World(Problem.parse(game["pddl_problem"]), game["task"], record.get("logic", "0.4"))
        yield from _walkthrough(world, record) if "plan" in record else _trace(world, record)


def _walkthrough(world: World, record: Record) -> Iterator[Comparison]:
    """A winning list of commands; the admissible ones are recorded for the start alone, the flag for the end."""
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


def find_games(ids: Sequence[str], data: Path) -> dict[str, Record]:
    """The games of these ids from the folder's game files."""
    wanted = set(ids)
    games = {
        game["id"]: game for path in sorted(data.glob("games_*.jsonl.xz")) for game in _read(path, wanted)
    }
    missing = sorted(wanted - set(games))
    if missing:
        raise PrerequisiteError(
            f"{len(missing)} of {len(wanted)} games, {missing[0]} among them, are in no games_*.jsonl.xz in {data}; "
            "name their folder with --data"
        )
    return games


def _read(path: Path, wanted: set[str]) -> Iterator[Record]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            # the id is the first key: most lines need not be parsed
            if any(id in line[:300] for id in wanted) and (game := json.loads(line))["id"] in wanted:
                yield game
