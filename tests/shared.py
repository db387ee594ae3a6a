"""Finds the reference data that lies beside the repository, or skips the test that asks for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[1].parent / "shared"


def shared(relative: str) -> Path:
    """The path of one reference file or folder; the test is skipped where it is absent."""
    path = Path(os.environ.get("TURNGYM_SHARED", BESIDE)) / relative
    if not path.exists():
        pytest.skip(f"reference data {relative!r} is not on this machine (set TURNGYM_SHARED to its folder)")
    return path
