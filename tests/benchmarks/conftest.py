"""Results that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real result of every panel of `forgery`, and its suite file."""
    from tests.benchmarks.forgery import PLAYERS, play

    folder = tmp_path_factory.mktemp("results")
    for name in PLAYERS:
        play(name, folder / name, folder)
    return folder
