"""Replay tau-bench's reference calls in our tools: observations, changes, final states and rewards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from turngym.benchmarks.agreement import Comparison, same
from turngym.envs.tools.calls import RESPOND, written
from turngym.envs.tools.database import Database, Tables, canonical
from turngym.envs.tools.domain import Call
from turngym.envs.tools.env import ToolEnv
from turngym.envs.tools.tau.domain import TauDomain, domain

Record = Mapping[str, Any]
Texts = Mapping[str, Mapping[str, str]]
"""Canonical texts of records by table and id."""


def is_replay(record: Any) -> bool:
    """Whether a JSON value holds recorded replays: lists of `observations` and `final_hash` by split."""
    splits = list(record.values()) if isinstance(record, dict) else []
    replays = [replay for split in splits if isinstance(split, list) for replay in split]
    return bool(replays) and all(isinstance(replay, dict) and "final_hash" in replay for replay in replays)


def compare(record: Mapping[str, list[Record]], data: Path) -> Iterator[Comparison]:
    """Every recorded replay against ours; `data` is a folder that `tau.files.load` reads.

    Raises `PrerequisiteError` where the data is missing.
    """
    name, root = domain_of(record), data.expanduser().resolve()
    for split, replays in record.items():
        desk = domain(name, root, split)
        texts = texts_of(desk.data.tables)
        for replay in replays:
            yield from _replay(desk, replay, texts)
            yield _reward(desk, replay["task"])


def domain_of(record: Mapping[str, list[Record]]) -> str:
    """`airline` where a reservation is seen, else `retail`."""
    seen = (answer for replays in record.values() for replay in replays for answer in replay["observations"])
    return "airline" if any('"reservation_id"' in answer for answer in seen) else "retail"


def _replay(desk: TauDomain, replay: Record, texts: Texts) -> Iterator[Comparison]:
    request = desk.request(replay["task"])
    database = desk.database(request)
    tools = desk.toolbox(database)
    for call, recorded in zip(request.calls, replay["observations"], strict=True):
        where = f"{desk.data.name} {request.id}, {call.name}"
        yield same("observation", tools.call(call.name, call.arguments), recorded, where)
    where = f"{desk.data.name} {request.id}, end"
    yield same("database changed", bool(database.changes()), replay["changes_db"], where)
    yield same("final state", state_hash(database, texts), replay["final_hash"], where)


def _reward(desk: TauDomain, number: int) -> Comparison:
    """What an episode pays for the same calls as actions, with the outputs said in the end."""
    env = ToolEnv(desk, user="solo", expert=False, brief="request")
    env.reset(seed=0, options={"task": number})
    request, over, reward = desk.request(number), False, 0.0
    last = Call(name=RESPOND, arguments={"content": " ".join(["Done.", *request.outputs])})
    for move in (*request.calls, last):
        if not over:
            _, reward, over, _, _ = env.step(written(move))
    return same("reward", reward, 1.0, f"{desk.data.name} {request.id}, end")


def texts_of(tables: Tables) -> Texts:
    """The canonical text of each record."""
    return {name: {id: canonical(record) for id, record in table.items()} for name, table in tables.items()}


def state_hash(database: Database, texts: Texts) -> str:
    """The original's hash of a whole database: SHA-256 of the `str` of nested sorted tuples.

    `texts` are those of its shared records, so that only what changed is written anew.
    """
    present = {name: dict(table) for name, table in texts.items()}
    for (name, id), text in database.changes().items():
        present[name][id] = text
    tables = (
        (name, _pairs((id, table[id]) for id in sorted(table))) for name, table in sorted(present.items())
    )
    return hashlib.sha256(_pairs(tables).encode()).hexdigest()


def _pairs(items: Iterable[tuple[str, str]]) -> str:
    """The `str` of a tuple of pairs (name, value), given the values' own."""
    pairs = [f"({name!r}, {value})" for name, value in items]
    return f"({', '.join(pairs)}{',' if len(pairs) == 1 else ''})"
