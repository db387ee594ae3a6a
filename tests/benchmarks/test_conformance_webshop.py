"""Our WebShop against the record of the original engine."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.shared import shared

from turngym.benchmarks.conformance import ConformanceError, check, kind_of, main
from turngym.benchmarks.speed import webshop as speed
from turngym.core.errors import UserError
from turngym.envs.webshop.env import WebShop

Change = Callable[[dict[str, Any]], None]


CHANGES: dict[str, Change] = {
    "product price": lambda record: record["products"]["B06Y3VLDFB"].update(price=877.9),
    "goal digest": lambda record: record["all_goals_digest"].reverse(),
    "number of goals": lambda record: record["n_goals"].update(human=14),
    "synthetic goal": lambda record: record["goals"]["26"].update(query="shoes"),
    "human goal": lambda record: record["goals_human"][0]["goal_options"].append("red"),
    "reward": lambda record: record["rewards"][3].update(reward=record["rewards"][3]["reward"] + 1e-8),
    "r_att": lambda record: record["rewards"][3].update(r_att=0.123),
    "title_score": lambda record: record["rewards"][3].update(title_score=0.123),
    "query_match": lambda record: record["rewards"][0].update(query_match=False),
    "token-set ratio": lambda record: record["token_set_ratio"][5].__setitem__(2, 29),
    "colour": lambda record: record["normalize_color"][0].__setitem__(1, "blue"),
    "page as text": lambda record: record["walks"][0]["steps"][1].update(text="Instruction:"),
    "page as text_rich": lambda record: record["walks"][0]["steps"][1].update(text_rich=""),
    "available actions": lambda record: record["walks"][0]["steps"][1]["actions"]["clickables"].pop(),
    "reward of a turn": lambda record: record["walks"][0]["steps"][-1].update(reward=0.81),
    "end of the episode": lambda record: record["walks"][0]["steps"][-1].update(done=False),
    "search results": lambda record: record["search"][0].update(total=49),
    "first search result": lambda record: record["search"][1]["top"].reverse(),
    "search score": lambda record: record["search"][0]["top"][0].__setitem__(1, 99.0),
    "ten best results": lambda record: record["search"][2]["top"][9].__setitem__(0, "B000000000"),
}
"""By kind of output an error in its record."""


@cache
def record() -> Any:
    """The whole record, for a test to copy."""
    return json.loads(shared("vectors/webshop.json").read_text())


def changed(folder: Path, change: Change) -> Path:
    """A record with an error in it, and with little else so that it is checked quickly."""
    small = copy.deepcopy({**record(), "walks": record()["walks"][:1], "search": record()["search"][:3]})
    small["rewards"] = small["rewards"][:20]
    change(small)
    path = folder / "webshop.json"
    path.write_text(json.dumps(small))
    return path


def test_our_shop_reproduces_the_record() -> None:
    rows = check(shared("vectors/webshop.json"), shared("data/webshop1k"))
    assert [row for row in rows if row.mismatches] == []
    cases = {row.kind: row.cases for row in rows}
    told = record()
    assert cases["goal digest"] == 6910
    assert cases["human goal"] == 13
    assert cases["reward"] == cases["r_type"] == cases["w_price"] == len(told["rewards"])
    assert (
        cases["page as text"]
        == cases["page as text_rich"]
        == sum(len(walk["steps"]) for walk in told["walks"])
    )
    assert cases["search results"] == len(told["search"])
    assert cases["token-set ratio"] == len(told["token_set_ratio"])
    overlap = next(row for row in rows if row.kind == "ten best results")
    assert overlap.note == "overlap 1.0000, at least 0.998 wanted"


def test_what_differs_is_a_miss_of_its_kind(tmp_path: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        for one in CHANGES.values():
            one(record)

    rows = check(changed(tmp_path, change), shared("data/webshop1k"))
    missed = {row.kind: row for row in rows if row.mismatches}
    assert missed.keys() == CHANGES.keys()
    assert "goal 26: " in missed["synthetic goal"].example
    assert missed["page as text"].example.endswith(" instead of 'Instruction:'")


@pytest.mark.parametrize("kind", ["reward", "available actions", "ten best results"])
def test_one_miss_leaves_the_other_kinds_alone(tmp_path: Path, kind: str) -> None:
    rows = check(changed(tmp_path, CHANGES[kind]), shared("data/webshop1k"))
    assert [row.kind for row in rows if row.mismatches] == [kind]


def test_products_that_are_not_there_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(tmp_path, lambda record: None)
    assert main([str(path)]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert "items_shuffle" in line
    with pytest.raises(UserError):
        check(path, tmp_path)


def test_a_record_with_a_missing_key_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, lambda record: record["rewards"][0].pop("asin"))
    with pytest.raises(ConformanceError, match="has a record that is not complete: KeyError"):
        check(path, shared("data/webshop1k"))


def test_the_kind_of_the_record_is_told_by_its_parts() -> None:
    assert kind_of([record()]) == "webshop"
    assert kind_of([{"products": {}, "walks": []}]) is None


def test_the_speed_table_has_a_row_for_every_kind_of_step() -> None:
    times = speed.measure(WebShop(), episodes=2)
    assert speed.ORIGINAL.keys() < times.keys()
    assert len(times["buy"]) == len(times["reset"]) == 2
    assert speed.table(times, "WebShop").row_count == len(times) + 1
