"""Recompute recorded outputs with our code: `python -m turngym.benchmarks.conformance [--data DIR] FILE...`.

A file's kind is told from its content. A line is printed per kind of output; any miss makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from turngym.benchmarks import (
    conformance_alfworld,
    conformance_groups,
    conformance_oprl,
    conformance_tau,
    conformance_webshop,
)
from turngym.benchmarks.agreement import Row, rows
from turngym.core.errors import UserError

Record = dict[str, Any]


class ConformanceError(UserError, ValueError):
    """A file that cannot be recomputed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files and print the rows; 0 where all agrees, 1 for a miss, 2 for a file we cannot check."""
    parser = argparse.ArgumentParser(prog="python -m turngym.benchmarks.conformance", description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="folder with the games or products; default: that of the file"
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    given = parser.parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False)
    return max(_report(console, path, given.data) for path in given.files)


def _report(console: Console, path: Path, data: Path | None) -> int:
    try:
        found = check(path, data)
    except UserError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        return 2
    console.print(f"[bold]{escape(path.name)}[/]")
    for row in found:
        console.print(_line(row))
    return int(any(row.mismatches for row in found))


def _line(row: Row) -> str:
    mark = "[bold red]MISS[/]" if row.mismatches else "[green]ok  [/]"
    counts = f"{row.cases:>7} cases, largest relative error {row.largest_relative_error:.1e}"
    example = f"; first: {escape(row.example)}" if row.example else ""
    note = f"; {row.note}" if row.note else ""
    return f"  {mark} {row.kind:<24}{counts}, {row.mismatches} mismatches{note}{example}"


def check(path: Path, data: Path | None = None) -> list[Row]:
    """How our code agrees with a vector or trace file.

    `data` holds the games of ALFWorld traces or the products of WebShop's record, by default beside the file, or
    tau-bench's domains, by default around it.
    Raises `ConformanceError` for a file of no kind that is known here or with an incomplete record, `UserError`
    for missing games or products.
    """
    records = read(path)
    kind = kind_of(records)
    try:
        if kind == "groups":
            return conformance_groups.check_groups(records[0]["cases"])
        if kind == "oprl":
            return conformance_oprl.check_oprl(records[0]["cases"])
        if kind == "alfworld":
            return rows(conformance_alfworld.compare(records, data or path.parent))
        if kind == "webshop":
            return conformance_webshop.check_webshop(records[0], data or path.parent)
        if kind == "tau":
            return rows(conformance_tau.compare(records[0], data or path.parent.parent))
        if kind == "spa":
            return _check_spa(records[0])
    except (KeyError, TypeError) as error:
        raise ConformanceError(f"{path} has a record that is not complete: {error!r}") from error
    raise ConformanceError(
        f"{path} is of no kind that is known here: groups vectors, ALFWorld traces, WebShop, tau-bench replays, "
        "SPA vectors"
    )


def _check_spa(record: Record) -> list[Row]:
    from turngym.benchmarks.conformance_spa import check_spa  # which needs torch

    return check_spa(record)


def kind_of(records: Sequence[Any]) -> str | None:
    """What a file's records are: `groups`, `oprl`, `alfworld`, `webshop`, `tau`, `spa`, or `None`."""
    first = records[0] if records and isinstance(records[0], dict) else {}
    if "cases" in first and "format" in first:
        return "groups"
    if "id" in first and ("steps" in first or {"plan", "obs"} <= set(first)):
        return "alfworld"
    if {"products", "rewards", "walks", "search"} <= set(first):
        return "webshop"
    if conformance_tau.is_replay(first):
        return "tau"
    if "OPRL" in str(first.get("about")):
        return "oprl"
    return "spa" if {"estimator_stub", "reward_placement"} <= set(first) else None


def read(path: Path) -> list[Any]:
    """The records of a JSON or JSON-lines file, compressed with xz or not."""
    try:
        content = path.read_bytes()
        text = (lzma.decompress(content) if content.startswith(b"\xfd7zXZ") else content).decode()
        return _parse(text)
    except OSError as error:
        raise ConformanceError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, lzma.LZMAError) as error:
        raise ConformanceError(f"{path} holds no JSON: {error}") from error


def _parse(text: str) -> list[Any]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return whole if isinstance(whole, list) else [whole]


if __name__ == "__main__":
    sys.exit(main())
