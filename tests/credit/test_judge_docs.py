"""What the page on judges says can be run."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path

import pytest

from turngym import credit
from turngym.core.config import build

PAGE = (Path(__file__).parents[2] / "docs" / "credit" / "judges.md").read_text(encoding="utf-8")
METHODS = {
    "ppr": "turngym.credit.ppr:PPR",
    "spo": "turngym.credit.spo:SPO",
    "first_error": "turngym.credit.first_error:FirstError",
    "step_srpo": "turngym.credit.srpo:StepSRPO",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_example_runs():
    (example,) = blocks("python")
    exec(compile(example, "docs/credit/judges.md", "exec", dont_inherit=True), {})


@pytest.mark.parametrize("block", blocks("toml judge"))
def test_every_run_file_builds_its_method(block):
    registry = copy.deepcopy(credit.registry)
    for name, target in METHODS.items():
        registry.register(name, target)
    section = tomllib.loads(block)["credit"]
    assert build(registry, section, "credit") is not None
    assert section["name"] in METHODS


def test_every_method_has_a_run_file():
    assert {tomllib.loads(block)["credit"]["name"] for block in blocks("toml judge")} == {*METHODS}
