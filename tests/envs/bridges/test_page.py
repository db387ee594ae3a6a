"""The examples of docs/envs/bridges.md say what they print."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).resolve().parents[3] / "docs/envs/bridges.md").read_text(encoding="utf-8")


def example(heading: str) -> tuple[str, str]:
    """The first Python block under a heading, and the text block after it."""
    section = PAGE.partition(f"\n## {heading}\n")[2]
    code, told = re.findall(r"```(?:python|text)\n(.*?)```", section, re.DOTALL)[:2]
    return code, told


def printed(code: str, **names: Any) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "docs/envs/bridges.md", "exec"), {"__name__": "example", **names})
    return out.getvalue()


@pytest.fixture
def corridor() -> Iterator[str]:
    pytest.importorskip("openenv", reason="needs turngym[openenv]")
    from turngym.envs.bridges.openenv_server import serving

    with serving("turngym/Corridor-v0", port=0, workers=0) as url:
        yield url


@pytest.mark.parametrize("heading", ["An OpenEnv user", "Any OpenEnv server as an environment"])
def test_the_openenv_examples(heading: str, corridor: str) -> None:
    code, told = example(heading)
    assert printed(code.replace("http://127.0.0.1:8000", corridor)) == told


@pytest.mark.slow
def test_the_verifiers_example() -> None:
    pytest.importorskip("verifiers.v1", reason="needs verifiers, in an environment of its own")
    from tests.envs.bridges.test_verifiers import model_server

    code, told = example("A verifiers user")
    with model_server() as url:
        assert printed(code.replace("http://127.0.0.1:8001/v1", url)) == told


@pytest.mark.slow
@pytest.mark.trl
@pytest.mark.skipif(find_spec("trl") is None, reason="needs trl, in an environment of its own")
def test_the_trl_example(tmp_path: Path) -> None:
    from tests.envs.bridges.test_trl import settings, tiny_model, tokenizer

    words = tokenizer()
    code, _ = example("A TRL user")
    code = code.replace('model="Qwen/Qwen3-0.6B"', "model=model, processing_class=words")
    code = code.replace("GRPOConfig(", "GRPOConfig(**settings, ")
    names: dict[str, Any] = {
        "model": tiny_model(words),
        "words": words,
        "settings": settings(words, tmp_path),
    }
    exec(compile(code, "docs/envs/bridges.md", "exec"), names)
    first, *_ = names["trainer"].state.log_history
    assert first["tools/call_frequency"] > 0
    assert first["rewards/TurngymEnvironment/mean"] == first["reward"]
