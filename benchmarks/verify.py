"""Does a result follow from its own episodes? Everything in it that can be computed again is, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from math import isclose, isnan
from pathlib import Path
from typing import Any

from turngym.benchmarks import Benchmark, load_suite, registry, strict
from turngym.benchmarks.entrant import panel as panel_record
from turngym.benchmarks.result import (
    EPISODES,
    RESULT,
    TRACES,
    Record,
    ResultError,
    content_id,
    contents,
    file_digest,
)
from turngym.benchmarks.score import aggregate
from turngym.benchmarks.strict import shown
from turngym.benchmarks.trace import row as row_of
from turngym.core.episodes import from_record, to_record
from turngym.core.types import Status, Task, Trajectory

MOST_DIFFERENCES = 10_000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found in a result directory."""

    id: str | None
    """The id that `result.json` states; `None` where that cannot be read."""
    differences: list[str]
    """A sentence for everything that is not as the episodes say; at most `MOST_DIFFERENCES`."""
    notes: list[str]
    """What could not be checked, and why."""
    episodes: int
    """Attempts in the result."""


def verify(folder: Path, suite: Path | None = None) -> Verdict:
    """Compute every aggregate, digest and id of a result again, from its rows and its traces.

    The panel is the one that is known here by the name in the file, or `suite`. Memory is bounded whatever the
    files hold, nothing in them is run, and no path in them is followed.
    """
    try:
        record = strict.record(folder)
    except ResultError as error:
        return Verdict(id=None, differences=[str(error)], notes=[], episodes=0)
    benchmark = known_panel(record, suite)
    rows: list[Record] = []
    found = _differences(folder, record, benchmark, rows)
    return Verdict(
        id=record["id"],
        differences=list(islice(found, MOST_DIFFERENCES)),
        notes=_notes(record, benchmark),
        episodes=len(rows),
    )


def known_panel(record: Record, suite: Path | None = None) -> Benchmark | None:
    """The panel that the result names, as it is known here: never one that the file describes.

    Raises `ConfigError` for a suite that cannot be read.
    """
    if suite is not None:
        return load_suite(suite)
    name = record["panel"]["name"]
    return registry.make(name) if name in registry.names() else None


def _notes(record: Record, benchmark: Benchmark | None) -> list[str]:
    if benchmark is not None:
        return []
    name = shown(record["panel"]["name"])
    return [
        f"no panel called {name} is known here, so its tasks are those of the episodes; give --suite FILE.toml"
    ]


def _differences(
    folder: Path, record: Record, benchmark: Benchmark | None, rows: list[Record]
) -> Iterator[str]:
    """Everything that differs; `rows` is filled on the way."""
    yield from _identity(folder, record)
    yield from _declared(record)
    try:
        rows += strict.rows(folder)
        yield from _panel(record, benchmark, rows)
        yield from _order(record["panel"], benchmark, rows)
        yield from _aggregates(record, rows)
        yield from _times(record, rows)
        yield from _traces(folder, record, rows)
    except ResultError as error:
        yield f"{error}; what comes after it was not read"
    except RecursionError:
        yield "the files are nested deeper than those of any result; they were not read to their end"


def _identity(folder: Path, record: Record) -> Iterator[str]:
    if (found := content_id(record)) != record["id"]:
        yield f"id is {shown(record['id'])}, but the content of {RESULT} has {found}"
    for name in sorted({*record["files"], EPISODES, TRACES}):
        if name not in (EPISODES, TRACES):
            yield f"files names {shown(name)}, which is no file of a result"
        elif name not in record["files"]:
            yield f"files does not name {name}"
        elif _digest(folder / name) != record["files"][name]:
            yield f"files.{name} is {shown(record['files'][name])}, which is not the digest of that file"


def _digest(path: Path) -> str | None:
    return file_digest(path) if path.is_file() and not path.is_symlink() else None


def _declared(record: Record) -> Iterator[str]:
    """What no episode can tell, as far as it contradicts itself."""
    env, name = record["env"]["id"], record["panel"]["env"]["name"]
    if env.rpartition("/")[2] != name.rpartition(":")[2].rpartition("/")[2]:
        yield f"env.id is {shown(env)}, but the panel's environment is {shown(name)}"
    if record["model"] is None and record["credit"] is not None:
        yield f"credit is {shown(record['credit'])}, but there is no model that it could have trained"
    if record["model"] is None and record["trained_on"] != "none":
        yield f"trained_on is {shown(record['trained_on'])}, but there is no model"
    for key in ("seconds", "cost"):
        if record[key] is not None and not 0 <= record[key] <= strict.MOST:
            yield f"{key} is {shown(record[key])}, which no run can have"
    if not _is_moment(record["date"]):
        yield f"date is {shown(record['date'])}, which is no moment in time with its zone (ISO 8601)"


def _is_moment(date: str) -> bool:
    try:
        return date.isascii() and datetime.fromisoformat(date).tzinfo is not None
    except ValueError:
        return False


def _panel(record: Record, benchmark: Benchmark | None, rows: Sequence[Record]) -> Iterator[str]:
    told = record["panel"]
    try:
        played = benchmark or _rebuilt(told, rows)
    except ValueError as error:
        yield f"panel is none that can be played: {error}"
        return
    found = {
        **panel_record(played),
        "about": told["about"],
        "contents": contents(told["digest"], record["env"]["data"], rows),
    }
    yield from unequal(told, found, "panel", "the panel has" if benchmark else "the episodes give")


def _rebuilt(told: Record, rows: Sequence[Record]) -> Benchmark:
    """A panel of the episodes' own tasks, in their order."""
    tasks = {row["task"]: Task(env=row["env"], seed=row["seed"], options=row["options"]) for row in rows}
    limits = {"samples": told["samples"], "max_turns": told["max_turns"]}
    return Benchmark(name=told["name"], env=told["env"], tasks=tuple(tasks.values()), **limits)


def _order(panel: Record, benchmark: Benchmark | None, rows: Sequence[Record]) -> Iterator[str]:
    """Whether every planned episode has its attempts, in the panel's order, of which the last alone may count."""
    tasks = (
        [task.id for task in benchmark.tasks]
        if benchmark
        else list(dict.fromkeys(row["task"] for row in rows))
    )
    places = {task: place for place, task in enumerate(tasks)}
    before: tuple[int, int] = (-1, 0)
    done: set[tuple[int, int]] = set()
    for number, row in enumerate(rows, start=1):
        where, place = f"{EPISODES} line {number}", (places.get(row["task"], -1), row["member"])
        if place[0] < 0:
            yield f"{where} is of {shown(row['task'])}, which is no task of the panel"
            continue
        if row["member"] >= panel["samples"]:
            yield f"{where} is of member {row['member']}, but the panel has {panel['samples']} samples of a task"
        if place < before:
            yield f"{where} stands out of the panel's order"
        if place in done:
            yield f"{where} is one more attempt at an episode that counts already"
        before = place
        done |= {place} if row["counted"] else set()
    attempted = {(row["task"], row["member"]) for row in rows}
    missing = panel["tasks"] * panel["samples"] - len(attempted)
    if missing > 0:
        yield f"{EPISODES} has no attempt at {missing:,} of the panel's episodes"


def _aggregates(record: Record, rows: Sequence[Record]) -> Iterator[str]:
    panel = record["panel"]
    if panel["tasks"] * panel["samples"] > len(rows):
        return  # told by `_order`; computing on would take memory for episodes that are not there
    found = aggregate(rows, panel["tasks"], panel["samples"])
    for key, value in found.items():
        yield from unequal(record[key], value, key, "the episodes give")


def _times(record: Record, rows: Sequence[Record]) -> Iterator[str]:
    longest = max((row["seconds"] or 0.0 for row in rows), default=0.0)
    if longest > record["seconds"] + 1:
        yield f"seconds is {shown(record['seconds'])}, but one episode alone took {longest:g}"


def _traces(folder: Path, record: Record, rows: Sequence[Record]) -> Iterator[str]:
    number = 0
    for number, (where, trace) in enumerate(strict.traces(folder), start=1):
        if number > len(rows):
            yield f"{TRACES} has more attempts than the {len(rows):,} of {EPISODES}"
            return
        yield from _trace(where, trace, rows[number - 1], record)
    if number < len(rows):
        yield f"{TRACES} has {number:,} attempts, but {EPISODES} has {len(rows):,}"


def _trace(where: str, trace: Record, row: Record, record: Record) -> Iterator[str]:
    try:
        episode = from_record(trace)
        calls = [call for turn in trace["turns"] for call in turn["calls"]]
        told, again = _bare(trace), _bare(to_record(episode, tokens=True))
        found = row_of(trace)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        yield f"{where} is no episode: {shown(str(error))}"
        return
    yield from unequal(told, again, where, "an episode of it would have")
    yield from unequal(row, found, f"{EPISODES} line {where.rpartition(' ')[2]}", "its trace gives")
    max_turns, asked = record["panel"]["max_turns"], record["model"] is not None
    yield from (f"{where}: {fault}" for fault in _ending(episode, max_turns, asked))
    yield from (f"{where}: {fault}" for fault in _calls(calls, record))


def _bare(trace: Record) -> Record:
    """A trace without the texts that only `turngym run` adds, and without states, which may be a `repr`."""
    turns = [
        {
            **turn,
            "state": None,
            "calls": [_without(call, "prompt", "pieces", "reply") for call in turn["calls"]],
        }
        for turn in trace["turns"]
    ]
    return {**trace, "turns": turns}


def _without(call: Record, *keys: str) -> Record:
    return {key: value for key, value in call.items() if key not in keys}


def _ending(episode: Trajectory, max_turns: int, asked: bool) -> Iterator[str]:
    """Whether status and error are what the turns say."""
    turns, status = episode.turns, episode.status
    over = [number for number, turn in enumerate(turns, start=1) if turn.terminated or turn.truncated]
    if len(turns) > max_turns:
        yield f"it has {len(turns)} turns, the panel allows {max_turns}"
    if over and over[0] < len(turns):
        yield f"it ended at turn {over[0]} and went on"
    ended = ending(episode, max_turns)
    if ended is not None and status is not ended:
        yield f"its status is {status}, but its turns end as {ended} does"
    stopped = status.failed or status is Status.TOKEN_LIMIT
    if ended is None and not stopped:
        yield f"its status is {status}, but nothing ended it"
    if status is Status.TOKEN_LIMIT and not asked:
        yield f"its status is {status}, but no model played"
    if episode.score is not None and not 0 <= episode.score <= 1:
        yield f"its score is {shown(episode.score)}; scores lie between 0 and 1"
    if (episode.error is None) == stopped:
        yield f"its status is {status} and its error {shown(episode.error)}"
    if any(not abs(turn.reward) <= strict.MOST for turn in turns):
        yield "it has a reward that no environment gives"


def ending(episode: Trajectory, max_turns: int) -> Status | None:
    """How the turns end the episode; `None` where something else did."""
    last = episode.turns[-1] if episode.turns else None
    if last is not None and last.terminated:
        return Status.DONE
    cut = last is not None and last.truncated
    return Status.TURN_LIMIT if cut or len(episode.turns) >= max_turns else None


def _calls(calls: Sequence[Record], record: Record) -> Iterator[str]:
    limits = record["decoding"]
    if calls and record["model"] is None:
        yield "it asked a model, but the result names none"
    for number, call in enumerate(calls, start=1):
        if fault := _call_fault(call, limits):
            yield f"call {number} {fault}"


def _call_fault(call: Record, limits: Mapping[str, Any]) -> str | None:
    prompt, sampled, logprobs = call["prompt_ids"], call["action_ids"], call["logprobs"]
    if not all(isinstance(id, int) and not isinstance(id, bool) and id >= 0 for id in [*prompt, *sampled]):
        return "has a token id that is no number from 0 on"
    if not all(isinstance(one, int | float) and one <= 1e-3 for one in logprobs):
        return "has a log-probability that is above 0 or no number"
    if "pieces" in call and (not _texts(call["pieces"]) or len(call["pieces"]) != len(sampled)):
        return f"has {len(sampled)} sampled tokens but other texts of them"
    if not isinstance(call.get("prompt", ""), str) or not isinstance(call.get("reply", ""), str):
        return "has a prompt or a reply that is no text"
    if len(sampled) > limits.get("max_tokens", len(sampled)):
        return f"has {len(sampled)} sampled tokens, the limit is {limits['max_tokens']}"
    if len(prompt) + len(sampled) > limits.get("max_context", len(prompt) + len(sampled)):
        return f"has {len(prompt) + len(sampled)} tokens, the context holds {limits['max_context']}"
    return None


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def unequal(stated: Any, found: Any, path: str, verb: str) -> Iterator[str]:
    """A sentence for every leaf that differs; numbers may do so by their last bits, which machines round anew."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for key in [*found, *(key for key in stated if key not in found)]:
            place = f"{path}.{key if key.isidentifier() and key.isascii() else shown(key)}"
            if key not in stated:
                yield f"{place} is missing; {verb} {shown(found[key])}"
            elif key not in found:
                yield f"{place} is {shown(stated[key])}, and should not be there"
            else:
                yield from unequal(stated[key], found[key], place, verb)
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for number, (one, other) in enumerate(zip(stated, found, strict=True), start=1):
            yield from unequal(one, other, f"{path}[{number}]", verb)
    elif not same(stated, found):
        yield f"{path} is {shown(stated)}; {verb} {shown(found)}"


def same(stated: Any, found: Any) -> bool:
    """Equal in value and kind; numbers up to a billionth."""
    if isinstance(stated, bool) or isinstance(found, bool):
        return stated is found
    if isinstance(stated, int | float) and isinstance(found, int | float):
        return isclose(stated, found, rel_tol=1e-9, abs_tol=1e-12) or (isnan(stated) and isnan(found))
    if isinstance(stated, list) and isinstance(found, list):
        return len(stated) == len(found) and all(map(same, stated, found))
    if isinstance(stated, dict) and isinstance(found, dict):
        return stated.keys() == found.keys() and all(same(stated[key], found[key]) for key in stated)
    return type(stated) is type(found) and bool(stated == found)
