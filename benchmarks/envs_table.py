"""The table of environments, made from the registry and from measured figures.

`python -m turngym.benchmarks.envs_table FILE...` writes it between the two markers of a Markdown page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from turngym.benchmarks.envs import Case, chosen, number
from turngym.envs import registry

START, END = "<!-- environments: python -m turngym.benchmarks.envs_table -->", "<!-- end of environments -->"
HEAD = (
    "| id | what it is | needs | steps/s | reset, ms | 128 at once |",
    "|---|---|---|---|---|---|",
)


def main() -> None:
    """Rewrite the pages named on the command line."""
    for name in sys.argv[1:]:
        page = Path(name)
        docs = "" if page.resolve().parent.name == "docs" else "docs/"
        page.write_text(with_table(page.read_text(encoding="utf-8"), docs), encoding="utf-8")


def with_table(page: str, docs: str = "docs/") -> str:
    """The page with a fresh table between its markers; `docs` leads from the page to the documentation.

    Raises `ValueError` where it has no markers.
    """
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the page has no lines {START!r} and {END!r} to write between")
    return before + START + "\n" + markdown(docs) + END + after


def markdown(docs: str = "docs/") -> str:
    """One row for every built-in environment that is listed in `envs.toml`."""
    figures = measured()
    cases = {case.id: case for case in reversed([*chosen(())])}  # the first of an id stands for it
    rows = (_row(cases[id], docs, figures.get(cases[id].title)) for id in registry.names() if id in cases)
    return "\n".join([*HEAD, *rows, "", _note(figures)]) + "\n"


def measured() -> dict[str, dict[str, Any]]:
    """The recorded figures by the title of their case."""
    text = files("turngym").joinpath("benchmarks/measured.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def speeds() -> dict[str, str]:
    """Measured steps a second by id, of the first case of each that was measured."""
    figures, listed = measured(), dict[str, str]()
    for case in chosen(()):
        if case.title in figures:
            rate = number(figures[case.title]["steps_per_second"])
            listed.setdefault(case.id, f"{rate} steps/s")
    return listed


def _row(case: Case, docs: str, figures: dict[str, Any] | None) -> str:
    about = registry.about(case.id).rstrip(".")
    cells = [
        f"[`{case.id.removeprefix('turngym/')}`]({docs}{case.page})",
        about,
        _needs(case),
        *_figures(figures),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _needs(case: Case) -> str:
    extra = registry.extra(case.id)
    return ", ".join(part for part in (f"`[{extra}]`" if extra else "", case.needs) if part)


def _figures(figures: dict[str, Any] | None) -> Iterator[str]:
    if figures is None:
        yield from ("see its page", "", "")
        return
    yield number(figures["steps_per_second"])
    yield number(figures["reset_ms"])
    yield f"{number(figures['crowd_mb'])} MB" if figures["crowd"] else ""


def _note(figures: dict[str, dict[str, Any]]) -> str:
    machines = sorted({one["machine"] for one in figures.values()})
    return (
        f"Steps of one environment on one core; memory of 128 in one process per core. {'; '.join(machines)}."
    )


if __name__ == "__main__":
    main()
