"""docs/plugins.md says what the contracts are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

from turngym.agents import check as agents
from turngym.agents.engines import check as engines
from turngym.core.new import KINDS
from turngym.credit import check as credit
from turngym.trainers import check as trainers

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("title", "rules"),
    [
        ("Agents", agents.rules),
        ("Engines", engines.rules),
        ("Credit", credit.rules),
        ("Trainers", trainers.rules),
    ],
)
def test_the_tables_of_rules_are_those_of_the_code(title: str, rules: tuple[object, ...]) -> None:
    section = PAGE.partition(f"### {title}\n")[2].partition("### ")[0]
    table = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    assert table == [(rule.__name__, rule.__doc__) for rule in rules]  # type: ignore[attr-defined]


def test_the_table_of_packages_has_every_kind() -> None:
    section = PAGE.partition("## A package of your own")[2].partition("## Contracts")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(KINDS)


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "docs/plugins.md", "exec", dont_inherit=True), names)
    for rule in credit.rules:
        names["test_my_credit_keeps_the_contract"](rule)  # type: ignore[operator]
