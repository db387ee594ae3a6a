from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from turngym import envs
from turngym.agents.human import HumanAgent, Left
from turngym.agents.play import play
from turngym.agents.rollout import Sampler
from turngym.core.types import Task
from turngym.envs.pool import Pool

CORRIDOR = "turngym/Corridor-v0"


def typing(lines: Iterator[str], asked: str) -> str:
    try:
        return next(lines)
    except StopIteration:
        raise EOFError from None


def sit_down(*lines: str) -> tuple[partial[HumanAgent], StringIO]:
    screen = StringIO()
    console = Console(file=screen, width=100)
    return partial(HumanAgent, console=console, read=partial(typing, iter(lines))), screen


def collect(agent: Any, **limits: Any) -> Any:
    async def run() -> Any:
        with Pool(CORRIDOR, workers=0, slots=1, length=3) as pool:
            return await Sampler(pool=pool, agent=agent, **limits).collect([Task(env=CORRIDOR, seed=0)], 1, 0)

    return asyncio.run(run())


def test_a_person_is_shown_the_world_and_types_actions_or_their_numbers() -> None:
    agent, screen = sit_down("/help", "1", "dance")
    (group,) = collect(agent, max_turns=2)
    (episode,) = group.trajectories
    assert [turn.action for turn in episode.turns] == ["left", "dance"]
    assert [turn.valid for turn in episode.turns] == [True, False]
    assert episode.turns[0].calls == []
    shown = screen.getvalue()
    assert episode.turns[0].obs.splitlines()[0] in shown
    assert "  1  left" in shown
    assert "/quit" in shown


@pytest.mark.parametrize("last", [["/quit"], []])
def test_a_person_who_leaves_ends_the_run_with_a_sentence(last: list[str]) -> None:
    agent, _ = sit_down("1", *last)
    with pytest.raises(Left, match="the person left"):
        collect(agent)


def test_in_play_the_person_is_asked_once() -> None:
    agent, _ = sit_down("no line of this is read")
    screen = StringIO()
    env = envs.make(CORRIDOR, length=3)
    play(env, agent(), console=Console(file=screen, width=100), read=partial(typing, iter(["1", "/quit"])))
    assert screen.getvalue().count("= left") == 1
    assert screen.getvalue().rstrip().endswith("left")
