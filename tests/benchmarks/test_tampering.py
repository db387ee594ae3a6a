"""Every kind of tampering we could think of, on a real result, and which of the two checks catches it.

`verify` has to catch what contradicts itself. What `replay` has to catch is written with every sum, digest and id in
order again, and the test makes sure that `verify` has nothing against it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.benchmarks.forgery import EPISODES, PLAYERS, RESULT, TRACES, take
from tests.benchmarks.tampering import of_bytes, of_episodes, of_sums, of_the_world
from tests.benchmarks.tampering.kinds import KINDS, Change

from turngym.benchmarks import strict

FILES = (of_bytes, of_sums, of_episodes, of_the_world)
"""Where the kinds are written down; importing a file adds them to `KINDS`."""
NAMES = [f"{change.__name__}, caught by {caught_by}" for change, caught_by, _ in KINDS]


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beyond the limits are made small enough for a test."""
    monkeypatch.setattr(strict, "MOST_ROW", 1 << 19)
    monkeypatch.setattr(strict, "MOST_TRACE", 1 << 19)


@pytest.mark.parametrize(("change", "caught_by", "panel"), KINDS, ids=NAMES)
def test_tampering_is_caught(change: Change, caught_by: str, panel: str, results: Path, tmp_path: Path):
    forgery = take(results / panel, results, tmp_path / "forged")
    change(forgery)
    differences = forgery.verdict().differences
    if caught_by == "verify":
        assert differences
    else:
        assert differences == []
        assert forgery.replayed().differences


@pytest.mark.parametrize("panel", PLAYERS)
def test_an_honest_result_passes_both(panel: str, results: Path, tmp_path: Path):
    honest = take(results / panel, results, tmp_path / "copy")
    assert honest.verdict().differences == []
    assert honest.replayed().differences == []


@pytest.mark.parametrize("panel", PLAYERS)
def test_what_the_forger_writes_again_is_what_stood_there(panel: str, results: Path, tmp_path: Path):
    forgery = take(results / panel, results, tmp_path / "copy")
    forgery.recompute()
    for name in (RESULT, EPISODES, TRACES):
        assert (forgery.folder / name).read_bytes() == (results / panel / name).read_bytes()


def test_there_are_more_than_fifty_kinds():
    assert len({*NAMES}) == len(NAMES) > 50
    assert {caught_by for _, caught_by, _ in KINDS} == {"verify", "replay"}
