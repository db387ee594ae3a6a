"""The tutorial, typed: its files are written, its commands run, and what it shows is what they print."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.workshop import Workshop

from turngym.agents.check import check_agent

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
FILES = [block for language, block in BLOCKS if language == "python"]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines that the page shows of its answer."""
    for part in block.split("$ ")[1:]:
        line, *shown = part.splitlines()
        yield line, shown


def write(folder: Path, block: str) -> Path:
    """The file that a block stands for: its first line is a comment with the path."""
    first, _, text = block.partition("\n")
    path = folder / first.removeprefix("# ")
    path.write_text(text, encoding="utf-8")
    return path


def told(shown: str, answer: str) -> bool:
    """Whether the answer has a line that the page shows; `...` stands for what differs from day to day."""
    pattern = re.escape(" ".join(shown.split())).replace(re.escape("..."), ".*")
    return any(re.fullmatch(pattern, " ".join(line.split())) for line in answer.splitlines())


def test_the_tutorials_agent_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme-tidy").mkdir()
    module = write(tmp_path, FILES[0])
    monkeypatch.syspath_prepend(str(module.parent))
    monkeypatch.delitem(sys.modules, "acme_tidy", raising=False)
    from acme_tidy import TidyAgent  # type: ignore[import-not-found]

    assert [verdict for verdict in check_agent(TidyAgent) if not verdict.passed] == []


def test_the_order_is_new_install_check_run_verify_replay_board() -> None:
    typed = [line for language, block in BLOCKS if language == "console" for line, _ in commands(block)]
    steps = ["new", "install", "check", "run", "verify", "replay", "board"]
    said = [step for step in (line.split()[1] for line in typed) if step in steps]
    assert list(dict.fromkeys(said)) == steps


@pytest.mark.slow
@pytest.mark.timeout(1800)  # types ten commands, one of them a whole panel
def test_every_command_of_the_tutorial_works_and_answers_as_shown(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    workshop = Workshop.build(tmp_path)
    for language, block in BLOCKS:
        if language == "python":
            write(workshop.folder, block)
        if language == "console":
            for line, shown in commands(block):
                answer = workshop.type(line)
                assert [row for row in shown if not told(row, answer)] == [], answer
    result = json.loads((workshop.folder / "results" / "tidy" / "result.json").read_text())
    assert result["agent"]["name"] == "acme/tidy"
    assert result["metrics"]["success"]["mean"] > 0.5
    page = (workshop.folder / "site" / "index.html").read_text(encoding="utf-8")
    assert "acme/tidy" in page
