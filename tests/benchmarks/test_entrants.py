"""Three entrants on a panel, from one command to a row of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from turngym import benchmarks
from turngym.benchmarks import entrants
from turngym.core.config import dump, load_run

PANELS = benchmarks.registry.names()


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_has_one_model_and_its_run_file_can_be_written(panel: str, tmp_path: Path) -> None:
    entry = entrants.entry_of(panel)
    run = entrants.run_file(entry)
    path = tmp_path / "run.toml"
    path.write_text(dump(run), encoding="utf-8")
    assert load_run(path) == run
    assert run["loop"]["steps"] == 0


@pytest.mark.parametrize("panel", PANELS)
def test_no_model_is_cloned_from_the_tasks_that_it_is_scored_on(panel: str) -> None:
    entry, env = entrants.entry_of(panel), benchmarks.find(panel).env
    learned = entrants.run_file(entry)["env"]
    same = learned["name"] == env["name"] and learned.get("split") == env.get("split")
    assert not (same and entry.get("cloned", True)) or panel in ("corridor",)


def test_random_and_expert_play_a_panel_are_replayed_and_get_a_row(tmp_path: Path) -> None:
    entrants.main(["--out", str(tmp_path), "--panels", "corridor", "--entrants", "random", "expert"])
    row = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()[-1]
    assert row.startswith("| `corridor` | 256 | ")
    assert "| 100.0 (98.5 to 100.0) | – |" in row
    assert all((tmp_path / "corridor" / one / "verified.json").exists() for one in ("random", "expert"))
    assert entrants.played(tmp_path, "corridor", "random") == "is there"


def test_what_cannot_be_played_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBSHOP_DATA", raising=False)
    assert "set WEBSHOP_DATA" in entrants.played(tmp_path, "webshop-test", "random")
    assert not (tmp_path / "webshop-test" / "random" / "result.json").exists()
