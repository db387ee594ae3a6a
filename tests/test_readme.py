"""The README says what is so: its examples run, its links lead somewhere, CI runs its test command."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from turngym.core import config
from turngym.core.types import Group, Task, Trajectory, Turn
from turngym.credit import Steps, registry

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_credit_example_works_by_name(monkeypatch):
    (example,) = [block for block in blocks("python") if "registry.register" in block]
    monkeypatch.setitem(sys.modules, "readme", module := ModuleType("readme"))  # dataclasses look theirs up
    exec(example, module.__dict__)
    turns = [Turn(obs="a", action="x", reward=0.0), Turn(obs="b", action="y", reward=1.0, terminated=True)]
    task = Task(env="e", seed=0)
    episode = Trajectory(task=task, member=0, turns=turns)
    credits = registry.make("acme/reinforce", gamma=0.5)(Steps.of([Group(task=task, trajectories=[episode])]))
    assert credits.advantages.tolist() == [0.5, 1.0]


def test_the_run_file_names_plug_ins_that_exist():
    (example,) = blocks("toml")
    run = tomllib.loads(example)
    assert registry.get(run["credit"]["name"])
    assert {"env", "agent", "credit", "trainer"} == set(run)


def test_ci_runs_the_test_command_word_for_word():
    command = next(line for block in blocks("bash") for line in block.splitlines() if "pytest" in line)
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_recipe_is_named_and_no_other():
    assert set(re.findall(r"^\| `([a-z0-9.-]+)` \|", README, re.MULTILINE)) == set(
        config.shipped_names("trainers/recipes")
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
