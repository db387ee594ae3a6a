"""The conformance command on recorded replays of tau-bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.shared import shared

from turngym.benchmarks.conformance import check, kind_of, main, read
from turngym.benchmarks.conformance_tau import domain_of, is_replay

REPLAY = "data/tau_bench/airline/oracle_replay.json"


def part(tmp_path: Path, count: int, **changes: Any) -> Path:
    """A file with the first replays, the very first changed."""
    replays = json.loads(shared(REPLAY).read_text())["test"][:count]
    replays[0] |= changes
    path = tmp_path / "replay.json"
    path.write_text(json.dumps({"test": replays}))
    return path


def test_recorded_replays_are_known_and_reproduced(tmp_path: Path) -> None:
    path = part(tmp_path, 5)
    assert kind_of(read(path)) == "tau"
    found = {row.kind: row for row in check(path, shared("data/tau_bench"))}
    assert [*found] == ["observation", "database changed", "final state", "reward"]
    assert [row.cases for row in found.values()][1:] == [5, 5, 5]
    assert [row for row in found.values() if row.mismatches] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["retail", "airline"])
def test_all_replays_are_reproduced_beside_their_data(name: str) -> None:
    assert main([str(shared(f"data/tau_bench/{name}/oracle_replay.json"))]) == 0


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"changes_db": False}, "database changed"),
        ({"final_hash": "0"}, "final state"),
        ({"observations": ["something else"]}, "observation"),
    ],
)
def test_what_differs_is_a_miss(
    changes: dict[str, Any], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = part(tmp_path, 2, **changes)
    assert main(["--data", str(shared("data/tau_bench")), str(path)]) == 1
    missed = [line for line in capsys.readouterr().out.splitlines() if "MISS" in line]
    assert len(missed) == 1
    assert f" {kind} " in missed[0]


def test_missing_data_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = part(tmp_path, 1)
    assert main(["--data", str(tmp_path), str(path)]) == 2
    assert "clone github.com/sierra-research/tau-bench" in capsys.readouterr().out


@pytest.mark.parametrize("record", [{}, {"test": []}, {"test": [{"task": 0}]}, {"test": 3}, [], "x"])
def test_other_records_are_no_replays(record: Any) -> None:
    assert not is_replay(record)


def test_the_domain_is_told_by_what_was_seen() -> None:
    assert domain_of({"test": [{"observations": ["x", '{"reservation_id": "A"}']}]}) == "airline"
    assert domain_of({"test": [{"observations": ["x"]}]}) == "retail"
