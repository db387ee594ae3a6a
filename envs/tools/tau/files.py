"""tau-bench's databases, tasks, tools and policies, read from a clone of its repository or from plain JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs.tools.database import Record, Tables
from turngym.envs.tools.tau import source

VARIABLE = "TAU_BENCH_DATA"
REMEDY = (
    "clone github.com/sierra-research/tau-bench and pass data=FOLDER, the clone's own folder, or set "
    f"${VARIABLE} to it"
)

KEYS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "retail": {
        "orders": frozenset({"order_id", "user_id", "address", "items", "status", "payment_history"}),
        "products": frozenset({"name", "product_id", "variants"}),
        "users": frozenset({"name", "address", "email", "payment_methods", "orders"}),
    },
    "airline": {
        "flights": frozenset({"flight_number", "origin", "destination", "dates"}),
        "reservations": frozenset({"reservation_id", "user_id", "flights", "passengers", "payment_history"}),
        "users": frozenset({"name", "address", "email", "payment_methods", "reservations", "membership"}),
    },
}
"""What every record of a table has, by domain and table."""


class DataError(UserError, ValueError):
    """A file that does not hold what its name says; the message names it, the place and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TauData:
    """One domain's files."""

    name: str
    tables: Tables
    schemas: tuple[Mapping[str, Any], ...]
    """The tools in OpenAI's function format."""
    policy: str
    tasks: Mapping[str, tuple[Record, ...]]
    """By split: `user_id`, `instruction`, `actions` (`name` and `kwargs`) and `outputs`."""


def folder(data: str | os.PathLike[str] | None) -> Path:
    """The folder that was asked for, or that of the environment variable; raises `PrerequisiteError`."""
    named = data or os.environ.get(VARIABLE)
    if not named:
        raise PrerequisiteError(f"tau-bench's data does not come with turngym; {REMEDY}")
    return Path(named).expanduser().resolve()


@lru_cache(maxsize=8)
def load(name: str, root: Path) -> TauData:
    """A domain's data out of `root`, which is one of

    - a clone of tau-bench, whose Python files are parsed and never run;
    - a folder with `retail/` and `airline/`, each with the tables, `tasks_SPLIT.json`, `tools.json` and
      `policy.md`.

    Raises `PrerequisiteError` for a missing file and `DataError` for a damaged one.
    """
    clone = root / "tau_bench" / "envs" / name
    return _from_clone(name, clone) if clone.is_dir() else _from_json(name, root / name)


def _from_json(name: str, place: Path) -> TauData:
    tasks = {
        path.stem.removeprefix("tasks_"): _tasks(read_json(path), path)
        for path in sorted(place.glob("tasks_*.json"))
    }
    if not tasks:
        raise _missing(place / "tasks_test.json")
    return TauData(
        name=name,
        tables=_tables(name, place),
        schemas=_schemas(read_json(place / "tools.json"), place / "tools.json"),
        policy=read_text(place / "policy.md"),
        tasks=tasks,
    )


def _from_clone(name: str, place: Path) -> TauData:
    found = {
        path.stem.removeprefix("tasks_"): source.tasks(read_text(path), path)
        for path in sorted(place.glob("tasks_*.py"))
    }
    if not found:
        raise _missing(place / "tasks_test.py")
    return TauData(
        name=name,
        tables=_tables(name, place / "data"),
        schemas=_schemas(list(source.tools(place / "tools", read_text)), place / "tools"),
        policy=read_text(place / "wiki.md"),
        tasks={split: _tasks(tasks, place / f"tasks_{split}.py") for split, tasks in found.items()},
    )


def _tables(name: str, place: Path) -> Tables:
    return {table: _table(place / f"{table}.json", keys) for table, keys in KEYS[name].items()}


def _table(path: Path, keys: frozenset[str]) -> dict[str, Record]:
    table = read_json(path)
    if not isinstance(table, dict):
        raise DataError(f"{path} holds no records by id; {REMEDY}")
    for id, record in table.items():
        lacking = keys - set(record if isinstance(record, dict) else ())
        if lacking:
            raise DataError(f"{path}: record {id!r} lacks {min(lacking)!r}; {REMEDY}")
    return table


def _tasks(tasks: Any, path: Path) -> tuple[Record, ...]:
    found = _listed(tasks, path, "task", frozenset({"user_id", "instruction", "actions", "outputs"}))
    for number, task in enumerate(found):
        _listed(task["actions"], path, f"task {number}, action", frozenset({"name", "kwargs"}))
    return found


def _schemas(schemas: Any, path: Path) -> tuple[Record, ...]:
    found = _listed(schemas, path, "tool", frozenset({"function"}))
    keys = frozenset({"name", "description", "parameters"})
    _listed([schema["function"] for schema in found], path, "tool's function", keys)
    return found


def _listed(items: Any, path: Path, what: str, keys: frozenset[str]) -> tuple[Record, ...]:
    """The items of a list, each an object with these keys."""
    if not isinstance(items, list):
        raise DataError(f"{path}: it should list each {what}; {REMEDY}")
    for number, item in enumerate(items):
        if lacking := keys - set(item if isinstance(item, dict) else ()):
            raise DataError(f"{path}: {what} {number} lacks {min(lacking)!r}; {REMEDY}")
    return tuple(items)


def read_json(path: Path) -> Any:
    """A JSON file; raises `PrerequisiteError` or `DataError`, which names the line."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: {error.msg}; {REMEDY}") from error


def read_text(path: Path) -> str:
    """A text file; raises `PrerequisiteError` where it is missing and `DataError` where it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); {REMEDY}") from error


def _missing(path: Path) -> PrerequisiteError:
    return PrerequisiteError(f"{path} is not there; {REMEDY}")
