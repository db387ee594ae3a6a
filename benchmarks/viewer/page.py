"""The viewer as one file that needs nothing else: the same modules, with every answer already in the page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from turngym.benchmarks.viewer.library import Library
from turngym.core.errors import ConfigError

STATIC = Path(__file__).parent / "static"
EPISODES = 500
"""Episodes of a run that a page keeps, unless told otherwise."""
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
SAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
"""What could end a script element, written as JSON allows."""


def write(library: Library, methods: Sequence[str], out: Path) -> None:
    """Write the page. It holds the credit of `methods`, and texts as far as `sendable` sends them at once.

    Raises `ConfigError` where the file cannot be written.
    """
    try:
        out.write_text(page(library, methods), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror}; choose another file") from error


def page(library: Library, methods: Sequence[str]) -> str:
    """The page's text."""
    script, style = bundle("main"), (STATIC / "viewer.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    answers = "\n".join(_data(key, answer) for key, answer in answers_of(library, methods))
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>'
    html = html.replace('<link rel="stylesheet" href="/static/viewer.css">', head)
    return html.replace(
        '<script type="module" src="/static/main.js"></script>',
        f'{answers}\n<script type="module">{script}</script>',
    )


def answers_of(library: Library, methods: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every question that the page will ask, by its key, with the answer."""
    overview = library.overview()
    yield "overview", {**overview, "methods": list(methods), "offered": list(methods)}
    for run, about in enumerate(overview["runs"]):
        yield f"curves {run}", library.curves(run)
        if about["episodes"]:
            yield from _episodes(library, run, methods)


def _episodes(library: Library, run: int, methods: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = library.rows(run)
    yield f"rows {run}", rows
    tasks = rows["columns"]["task"]
    first = {task: number for number, task in reversed(list(enumerate(tasks)))}
    for number, task in enumerate(tasks):
        yield f"episode {run} {number}", library.episode(run, number)
        if first[task] == number:
            yield f"group {run} {task}", library.group(run, number)
            yield f"credit {run} {task}", library.credit(run, number, methods)


def bundle(name: str) -> str:
    """The text of a module with those that it imports before it, each once, as one module.

    Their names at top level must differ, which the browser would refuse otherwise.
    """
    return "\n".join(_own_text(each) for each in _in_order(name))


def _in_order(name: str, done: tuple[str, ...] = ()) -> tuple[str, ...]:
    for other in IMPORT.findall(_source(name)):
        done = done if other in done else _in_order(other, done)
    return (*done, name)


def _source(name: str) -> str:
    return (STATIC / f"{name}.js").read_text(encoding="utf-8")


def _own_text(name: str) -> str:
    return re.sub(r"^export ", "", IMPORT.sub("", _source(name)), flags=re.MULTILINE)


def _data(key: str, answer: dict[str, Any]) -> str:
    text = json.dumps(answer, allow_nan=False, separators=(",", ":")).translate(SAFE)
    return f'<script type="application/json" data-answer="{key}">{text}</script>'


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
