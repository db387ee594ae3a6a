"""What docs/agents.md says can be run."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from turngym import agents
from turngym.agents import engines
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import Message
from turngym.agents.parse import PARSERS
from turngym.agents.rollout import Sampler
from turngym.core.samples import pack
from turngym.core.types import Task
from turngym.envs.pool import Pool

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


class Letters:
    """A chat template in which a token is a letter."""

    append_safe = True

    def render(self, messages: Sequence[Message]) -> list[int]:
        return [ord(letter) for message in messages for letter in message["content"]]

    def extend(self, new: Sequence[Message], stop: str) -> list[int]:
        return self.render(new)

    def text(self, token_ids: Sequence[int]) -> str:
        return "".join(map(chr, token_ids))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's code defines, after all of it has run."""
    monkeypatch.setattr(agents, "registry", copy.deepcopy(agents.registry))
    defined: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "docs/agents.md", "exec", dont_inherit=True), defined)
    return defined


def test_the_example_agent_is_as_short_as_promised_and_asks_twice(names: dict[str, Any]) -> None:
    body = [line for line in BLOCKS[0].splitlines() if line.strip() and '"""' not in line]
    assert len(body) <= 15
    engine = ScriptedEngine(
        ["jump", "left", "left", "left"], encode=lambda text: [ord(letter) for letter in text]
    )
    with Pool("turngym/Corridor-v0", workers=0) as pool:
        sampler = Sampler(
            pool=pool, agent=agents.registry.get("retry"), engine=engine, renderer=Letters(), max_turns=2
        )
        (group,) = asyncio.run(sampler.collect([Task(env="turngym/Corridor-v0", seed=9)], 1, 0))
    (episode,) = group.trajectories
    first = episode.turns[0]
    assert (first.action, len(first.calls)) == ("left", 2)
    (sample,) = pack([episode])
    assert sample.row.count(0) == len("jump") + len("left")


def test_the_example_rollout_plays_every_member(names: dict[str, Any]) -> None:
    assert [len(group.trajectories) for group in names["groups"]] == [8] * 4


def test_the_page_names_every_agent_engine_and_form() -> None:
    listed = set(re.findall(r"^\| \[?`(\w+)`", PAGE, flags=re.MULTILINE))
    assert set(agents.registry.names()) | set(engines.registry.names()) | set(PARSERS) <= listed
