"""The example of docs/envs/mcp.md says what it prints."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="needs turngym[mcp]")

PAGE = Path(__file__).resolve().parents[3] / "docs/envs/mcp.md"


def test_the_example_of_the_page(tmp_path: Path) -> None:
    code, server, told = re.findall(r"```(?:python|text)\n(.*?)```", PAGE.read_text(), re.DOTALL)[:3]
    (tmp_path / "server.py").write_text(server)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code.replace("python server.py", f"{sys.executable} {tmp_path / 'server.py'}"), {})
    assert out.getvalue() == told
