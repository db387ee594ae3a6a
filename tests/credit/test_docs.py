"""What the pages on credit say can be run."""

from __future__ import annotations

import copy
import re
import tomllib
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from tests.credit.definitions import Row, table

from turngym import credit
from turngym.core.config import build

FOLDER = Path(__file__).parents[2] / "docs" / "credit"
PAGES = {page.stem: page.read_text() for page in sorted(FOLDER.glob("*.md"))}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)


def sections() -> list[tuple[str, dict[str, object]]]:
    found = [(name, tomllib.loads(block)) for name, page in PAGES.items() for block in blocks(page, "toml")]
    return [(name, run["credit"]) for name, run in found if "credit" in run and not learned(run["credit"])]


def learned(section: dict[str, object]) -> bool:
    """Whether the method needs a model of its own, which only a whole run gives it."""
    name = str(section["name"])
    return not name.startswith("acme/") and "backbone" in signature(credit.registry.get(name)).parameters


@pytest.fixture
def example(monkeypatch):
    """The names that the page on writing one's own method defines, after all its code has run."""
    monkeypatch.setattr(credit, "registry", copy.deepcopy(credit.registry))
    names: dict[str, object] = {}
    for block in blocks(PAGES["README"], "python"):
        exec(compile(block, "docs/credit/README.md", "exec", dont_inherit=True), names)
    return names


def test_the_example_method_is_as_short_as_it_says_and_runs(example):
    source = blocks(PAGES["README"], "python")[0]
    assert len(source.splitlines()) == 14
    steps = table([Row(group=0, traj=0, state=0, reward=1.0), Row(group=0, traj=0, state=1, reward=2.0)])
    assert example["Reinforce"](gamma=0.5)(steps).advantages.tolist() == [2, 2]


@pytest.mark.parametrize(("page", "section"), sections())
def test_every_run_file_on_the_pages_gives_credit(example, page, section):
    rows = [Row(group=0, traj=traj, state=0, reward=float(traj), value=0.5) for traj in range(3)]
    answer = build(credit.registry, section, "credit")(table(rows))
    assert np.isfinite(answer.advantages).all()
    assert np.ptp(answer.advantages) > 0


def test_every_method_is_run_on_a_page():
    run = {section["name"] for _, section in sections()}
    assert {"grpo", "rloo", "reinforce_pp", "reinforce_pp_baseline", "gigpo", "hgpo", "gae", "shaped"} <= run
