"""What docs/envs.md and docs/wrappers.md say is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from turngym.envs.check import rules
from turngym.envs.wrappers import registry

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "envs.md").read_text(encoding="utf-8")
WRAPPERS = (DOCS / "wrappers.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
EXAMPLES = [*EXAMPLE.findall(PAGE), *EXAMPLE.findall(WRAPPERS)]


@pytest.mark.parametrize(("program", "shown"), EXAMPLES)
def test_an_example_prints_what_is_shown(program: str, shown: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(program, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert (done.stderr, done.stdout) == ("", shown)


def test_no_example_is_left_out() -> None:
    assert len(EXAMPLES) == (PAGE + WRAPPERS).count("```python")


def test_every_wrapper_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", WRAPPERS, re.MULTILINE)) == set(registry.names())


def test_the_smallest_environment_has_fourteen_lines() -> None:
    environment = EXAMPLES[1][0].partition("\n\n\nregister(")[0]
    assert "class Echo" in environment
    assert len(environment.splitlines()) == 14


def test_the_table_of_rules_is_that_of_the_code() -> None:
    table = re.findall(
        r"^\| `(\w+)` \| (.*) \|$", PAGE.partition("## The contract")[2].partition("## ")[0], re.MULTILINE
    )
    assert table == [(rule.__name__, rule.__doc__) for rule in rules]
