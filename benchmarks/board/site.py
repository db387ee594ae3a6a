"""The leaderboard as a static site: a page with the tables and a page per entry, which need no network.

Style and script lie in every page, and its content security policy allows nothing else. Needs the extra `board`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import jinja2
from markupsafe import Markup

from turngym.benchmarks.board import columns
from turngym.benchmarks.board.plots import Bar, histogram
from turngym.benchmarks.board.rows import Board, Row
from turngym.benchmarks.board.versus import Versus
from turngym.benchmarks.result import EPISODES, RESULT, TRACES

TEMPLATES = Path(__file__).parent / "templates"
PAGES = "entries/*.html"
"""Where the entries' pages lie."""
ATTACHED = "results"
"""The folder of a site that holds the result directories themselves."""
MANY = 8
"""With more panels than these the site opens with a line for each."""
COMMANDS = {
    "verify": "every number again from the episodes",
    "replay": "the stored actions again in the environment, without a model",
    "reproduce": "everything again, from the settings below",
}
TESTS = "McNemar's exact test with one episode a task, otherwise a sign-flip test and a bootstrap over tasks"


def pages(board: Board, *, title: str = "Leaderboard", attached: bool = False) -> dict[str, str]:
    """The site's HTML by path. `attached`: the result directories lie beside the pages, under `results/`."""
    names = {row.entry.id: row.entry.name for panel in board.panels for row in panel.rows}
    html = environment()
    html.filters["name_of"] = names.__getitem__
    index = html.get_template("index.html").render(
        title=title, board=board, filters=_filters(board), tests=TESTS
    )
    entry = html.get_template("entry.html")
    return {"index.html": index} | {
        page(row): entry.render(row=row, panel=panel, **_entry(row, attached))
        for panel in board.panels
        for row in panel.rows
    }


def environment() -> jinja2.Environment:
    """What renders the templates: everything is escaped, and a name that is not there is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (
        Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in ("board.css", "board.js")
    )
    made.globals |= {
        "style": style,
        "script": script,
        "style_hash": csp_hash(style),
        "script_hash": csp_hash(script),
    }
    made.globals |= {"shown": columns.shown, "page": page, "counted": counted, "MANY": MANY}
    made.filters |= {"percent": columns.percent, "number": columns.number, "money": columns.money}
    made.filters |= {
        "p_value": columns.p_value,
        "value": _value,
        "pixels": _pixels,
        "widest": widest,
        "mean": fmean,
    }
    made.filters["signed"] = columns.signed
    return made


def csp_hash(text: str) -> str:
    """A content security policy's name for the one style or script that it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def page(row: Row) -> str:
    """Where an entry's page lies."""
    return PAGES.replace("*", row.entry.id[:16])


def counted(number: int, noun: str) -> str:
    """1 task, 2 tasks."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pixels(share: float, length: float) -> float:
    """A share of a length, cut off at the ends from -1 to 1."""
    return round(length * max(-1.0, min(1.0, share)), 1)


def widest(duels: Iterable[Versus]) -> float:
    """The largest difference that an interval holds, for a plot's scale."""
    return max((abs(end) for duel in duels for end in (duel.low, duel.high)), default=0.0) or 1.0


def _filters(board: Board) -> dict[str, list[str]]:
    entries = [row.entry for panel in board.panels for row in panel.rows]
    values = {
        "environment": {entry.panel["env"]["name"] for entry in entries},
        "agent": {entry.agent for entry in entries},
        "model": {entry.model or "none" for entry in entries},
        "credit": {entry.record["credit"] or "none" for entry in entries},
    }
    return {name: sorted(found) for name, found in values.items()}


def _entry(row: Row, attached: bool) -> dict[str, Any]:
    """What an entry's page shows beside its row."""
    bars = _turns(row)
    folder = f"{ATTACHED}/{row.entry.id[:16]}"
    files = [{"name": name, "href": f"../{folder}/{name}"} for name in (RESULT, EPISODES, TRACES)]
    return {
        "bars": bars,
        "ticks": _ticks(bars),
        "facts": {name: fact for name, fact in _facts(row.entry.record).items() if fact not in (None, {})},
        "commands": COMMANDS.items(),
        "place": shlex.quote(folder if attached else row.entry.folder),
        "attached": files if attached else [],
    }


def _turns(row: Row) -> list[Bar]:
    attempts = [attempt for attempt in row.entry.stored.rows if attempt["counted"]]
    won = [attempt["turns"] for attempt in attempts if attempt["success"]]
    return histogram(won, [attempt["turns"] for attempt in attempts if not attempt["success"]])


def _ticks(bars: Sequence[Bar]) -> list[dict[str, Any]]:
    every = 1 + len(bars) // 13
    return [{"at": bar.left + bar.width / 2, "text": bar.label.split()[0]} for bar in bars[::every]]


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    model = record["model"] or {}
    return {
        "agent": record["agent"]["name"],
        "its arguments": record["agent"]["arguments"],
        "its package": record["agent"]["distribution"],
        "its digest": record["agent"]["digest"],
        "model": model.get("name"),
        "engine": model.get("engine"),
        "model's arguments": model.get("arguments", {}),
        "model's digest": model.get("digest"),
        "decoding": record["decoding"],
        "seed": record["seed"],
        "environment": record["panel"]["env"],
        "packages": record["env"]["packages"],
        "data": record["env"]["data"],
        "code": record["code"],
        "machine": record["machine"],
        "date": record["date"],
    }
