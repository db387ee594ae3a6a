"""Imports point one way, and light things stay light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "core": {"core"},
    "envs": {"core", "envs"},
    "agents": {"core", "envs", "agents"},
    "credit": {"core", "credit"},
    "benchmarks": {"core", "envs", "agents", "credit", "benchmarks"},
    "trainers": {"core", "envs", "agents", "credit", "benchmarks", "trainers"},
}
COMPOSITION_ROOT = "commands"  # they may import everything, but only inside their functions


def sources(folder: str) -> Iterator[Path]:
    yield from (ROOT / "src/turngym/core" if folder == "core" else ROOT / folder).rglob("*.py")


def imported(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_one_way(folder: str) -> None:
    for path in sources(folder):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        everything = imported(tree.body if path.parent.name == COMPOSITION_ROOT else ast.walk(tree))
        inner = [name.split(".")[1] for name in everything if name.startswith("turngym.")]
        assert set(inner) <= MAY_IMPORT[folder], f"{path} imports {set(inner) - MAY_IMPORT[folder]}"


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_only_turngym_names_are_imported(folder: str) -> None:
    for path in sources(folder):
        for name in imported(ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
            assert name.split(".")[0] not in {"", *MAY_IMPORT}, (
                f"{path} imports {name!r}; write turngym.{name}"
            )


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("turngym", {"numpy", "gymnasium", "torch", "typer"}),
        ("turngym.core.cli", {"numpy", "gymnasium", "torch"}),
        ("turngym.envs", {"torch", "textworld", "alfworld"}),
        ("turngym.agents", {"torch", "transformers"}),
        ("turngym.credit", {"torch", "gymnasium"}),
        ("turngym.trainers", {"torch", "transformers", "matplotlib"}),
        ("turngym.benchmarks", {"torch", "transformers"}),
    ],
)
def test_an_import_loads_nothing_heavy(module: str, heavy: set[str]) -> None:
    program = f"import {module}, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not heavy & set(loaded)


def test_the_loop_stays_within_its_budget() -> None:
    loop = ROOT / "trainers/loop.py"
    assert len(loop.read_text(encoding="utf-8").splitlines()) <= 150


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    machine = re.compile(r"/(?:work|root|Users|home/\w+)/\w")
    places = [*MAY_IMPORT, "src", "tests", "docs", ".ci"]
    found = [*ROOT.glob("*"), *(path for place in places for path in (ROOT / place).rglob("*"))]
    written = [
        path
        for path in found
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ""} and path.is_file()
    ]
    assert len(written) > 50
    assert [str(path) for path in written if machine.search(path.read_text(encoding="utf-8"))] == []
