"""A result as a file of somebody else's format."""

from __future__ import annotations

import json
import re
from pathlib import Path

from turngym.benchmarks import strict
from turngym.benchmarks.board import inspect_log
from turngym.benchmarks.result import Record, Stored
from turngym.benchmarks.verify import verify
from turngym.core.errors import ConfigError, UserError, suggest

FORMATS = ("inspect", "hub")


def export(folder: Path, to: str, out: Path, *, dataset: str | None = None, url: str | None = None) -> Path:
    """Write the result in `folder` in one of `FORMATS`; tell the file.

    out: the file; or, where it has no suffix, a folder, in which the file gets the name that the format asks for.
    dataset, url: see `hub.eval_results`.

    Raises a `UserError` for another format, a result that is not as its episodes say, and a file that is there.
    """
    if to not in FORMATS:
        raise ConfigError(f"--to is {to!r}; {suggest(to, FORMATS)}")
    stored = _sound(folder)
    file = out if out.suffix else out / _name(stored.record, to)
    if file.exists():
        raise ConfigError(f"{file} is there already; choose another --out")
    text = _inspect(stored) if to == "inspect" else _hub(stored, dataset, url)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
    return file


def _name(record: Record, to: str) -> str:
    """Inspect lists only logs whose name begins with a time."""
    panel = re.sub(r"[^A-Za-z0-9]+", "-", record["panel"]["name"])
    time = re.sub(r"[^0-9T+-]", "-", record["date"])
    return f"{time}_{panel}_{record['id'][:16]}.json" if to == "inspect" else f"{panel}.yaml"


def _sound(folder: Path) -> Stored:
    differences = verify(folder).differences
    if differences:
        raise UserError(f"{folder} is not what it says: {differences[0]}; turngym verify {folder} shows all")
    return strict.read(folder)


def _inspect(stored: Stored) -> str:
    return json.dumps(inspect_log.eval_log(stored), indent=1, ensure_ascii=False) + "\n"


def _hub(stored: Stored, dataset: str | None, url: str | None) -> str:
    from turngym.benchmarks.board import hub

    return hub.eval_results(stored.record, dataset=dataset, url=url)
