"""Other people's trajectories as episodes: a file of records, of which bad ones are told by number."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any

from turngym.agents.parse import Invalid, Parser, parser
from turngym.benchmarks.bounded import TooLarge, lines
from turngym.benchmarks.export.foreign import FORMATS, Heard, Malformed
from turngym.core.episodes import Record, to_record
from turngym.core.errors import ConfigError
from turngym.core.types import Status, Task, Trajectory, Turn

MOST_BYTES = 4 << 30
"""Of a file that is one JSON list, which is read whole."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did."""

    written: int
    unrewarded: int
    """Episodes of which the file says neither reward nor success; their reward is written as 0."""
    faults: list[str]
    """A sentence for every record that was left out."""


def import_file(
    path: Path, out: Path, *, format: str, env: str, reply: str | None = None, reward: float | None = None
) -> Imported:
    """Write the trajectories of `path` as full records of episodes of the environment `env`.

    `format` is one of `FORMATS`, `reply` the form in which actions stand in replies (`plain`, `tags`, `react`;
    each format has its own usual one), `reward` that of episodes which do not tell theirs. An episode's task is
    `{"task": id}` among the options, with the record's own id or else its number. What an assistant wrote beside
    the action is kept as `reply`. Raises `ConfigError` where the file cannot be read or holds no trajectory.
    """
    if format not in FORMATS:
        raise ConfigError(f"there is no format {format!r}; choose one of {', '.join(FORMATS)}")
    if out.exists():
        raise ConfigError(f"{out} exists already; choose another name")
    reading = FORMATS[format]
    parse = _parser(reply or reading.reply)
    records: list[Record] = []
    faults: list[str] = []
    members: Counter[str] = Counter()
    unrewarded = 0
    for number, found in _records(path):
        try:
            heard = _heard(found, number, reading.read, parse)
        except Malformed as error:
            faults.append(f"{path.name} record {number}: {error}")
            continue
        unrewarded += heard.reward is None and reward is None
        records.append(_record(heard, env, members, reward))
    if not records:
        raise ConfigError(f"{path} holds no trajectory: {faults[0] if faults else 'it is empty'}")
    _write(out, records)
    return Imported(written=len(records), unrewarded=unrewarded, faults=faults)


def _parser(reply: str) -> Parser:
    try:
        return parser(reply)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _heard(
    found: Any, number: int, read: Callable[[Mapping[str, Any], Parser], Heard], parse: Parser
) -> Heard:
    if isinstance(found, Malformed):
        raise found
    if not isinstance(found, dict):
        raise Malformed(f"{str(found)[:80]!r} is no JSON object")
    heard = read(found, parse)
    heard.task = heard.task or f"record {number}"
    return heard


def _record(heard: Heard, env: str, members: Counter[str], default: float | None) -> Record:
    """The full record of an episode, with each turn's whole reply where that is more than the action."""
    told = default if heard.reward is None else heard.reward
    turns = [_turn(obs, reply, action) for obs, reply, action in heard.turns]
    turns[-1].reward = 0.0 if told is None else told
    turns[-1].terminated = heard.status is Status.DONE
    trajectory = Trajectory(
        task=Task(env=env, seed=0, options={"task": heard.task}),
        member=members[heard.task],
        turns=turns,
        final_obs=heard.final_obs,
        status=heard.status,
        success=heard.success,
    )
    members[heard.task] += 1
    record = to_record(trajectory)
    for turn, (_, reply, action) in zip(record["turns"], heard.turns, strict=True):
        turn.update({} if reply == action else {"reply": reply})
    return record | ({"system": heard.system} if heard.system else {})


def _turn(obs: str, reply: str, action: str) -> Turn:
    return Turn(obs=obs, action=str(action), reward=0.0, valid=not isinstance(action, Invalid))


def _write(out: Path, records: list[Record]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f"{out.name}.part")
    draft.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    os.replace(draft, out)


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """The records of a JSON list, of one JSON object or of JSON lines, numbered from 1; a `Malformed` in place of
    one that cannot be read."""
    try:
        start = next((line.strip()[:1] for line in lines(path) if line.strip()), b"")
        yield from enumerate(_listed(path) if start == b"[" else _lined(path), start=1)
    except (OSError, EOFError, TooLarge, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def _listed(path: Path) -> Iterator[Any]:
    """The elements of a JSON list, as far as it goes."""
    if path.stat().st_size > MOST_BYTES:
        raise TooLarge(
            f"{path.name} is one JSON list of more than {MOST_BYTES:,} bytes; write it as JSON lines"
        )
    text = b"\n".join(lines(path)).decode()
    decoder, place = JSONDecoder(parse_constant=_refuse), text.index("[") + 1
    while (place := _skip(text, place)) < len(text) and text[place] != "]":
        try:
            found, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield Malformed(f"it is no JSON, and what follows cannot be read either ({error})")
            return
        yield found


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n,":
        place += 1
    return place


def _lined(path: Path) -> Iterator[Any]:
    """One record a line; a file that is one object over many lines is one record."""
    content = [line for line in lines(path) if line.strip()]
    try:
        yield json.loads(b"\n".join(content), parse_constant=_refuse)
        return
    except (ValueError, RecursionError):
        pass
    for line in content:
        try:
            yield json.loads(line.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            yield Malformed(f"it is no JSON ({error})")


def _refuse(constant: str) -> float:
    raise JSONDecodeError(f"{constant} is no JSON number", constant, 0)
