"""The table of what tool environments cost."""

from __future__ import annotations

import pytest

from turngym.benchmarks.speed.tools import main, measure


def test_the_experts_episodes_are_timed() -> None:
    cost = measure("turngym/Library-v0", {"level": "easy"}, 5)
    assert cost.resets == 5
    assert cost.steps >= 10
    assert 0 < cost.end <= cost.step


def test_without_data_the_library_alone_is_in_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TAU_BENCH_DATA", raising=False)
    main(["--tasks", "2", "--many", "2"])
    table = capsys.readouterr().out
    assert "Library, hard" in table
    assert "TauRetail" not in table
