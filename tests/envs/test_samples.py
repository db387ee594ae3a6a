"""What `info["sample"]` holds where actions cannot all be listed: the random agent can play every such environment."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from turngym import envs
from turngym.agents.guess import Guess
from turngym.core.errors import PrerequisiteError
from turngym.core.registry import MissingExtra

FORMS = {
    "SearchQA": ({}, r"(search|read|answer)\[.+\]|next"),
    "ReasoningGym": ({"task": "chain_sum"}, r"<answer>.+</answer>"),
    "GEM": ({"game": "game:Mastermind-v0-easy"}, r"\\boxed\{[1-6]( [1-6])+\}"),
    "TextArena": ({"game": "Mastermind-v0"}, r"\[[1-6] [1-6] [1-6] [1-6]\]"),
    "MiniWoB": ({"page": "login-user"}, r"click\[\d+\]|type\[\d+, .+\]|press\[\w+\]"),
    "ScienceWorld": ({}, r"[a-z].*[^X]"),
}
"""Arguments, and how the actions of each are written."""


def made(name: str, **arguments: Any) -> Any:
    try:
        return envs.make(f"turngym/{name}-v0", **arguments)
    except (MissingExtra, PrerequisiteError) as error:
        pytest.skip(str(error))


def played(env: Any, seed: int, turns: int = 12) -> list[tuple[str, list[str]]]:
    """Observations and samples of an episode that takes the samples."""
    guess = Guess(np.random.default_rng(seed))
    obs, info = env.reset(seed=seed)
    told = [(obs, info["sample"])]
    for _ in range(turns):
        obs, _, terminated, truncated, info = env.step(guess.action(obs, info))
        told.append((obs, info["sample"]))
        if terminated or truncated:
            break
    return told


@pytest.mark.parametrize("name", FORMS)
def test_samples_are_in_form_and_episodes_that_take_them_repeat(name: str) -> None:
    arguments, form = FORMS[name]
    env = made(name, **arguments)
    try:
        told = played(env, seed=3)
        assert told == played(env, seed=3)
        assert all(re.fullmatch(form, action) for _, listed in told[:-1] for action in listed)
        assert len({action for _, listed in told for action in listed}) > 1
    finally:
        env.close()


@pytest.mark.parametrize("game", ["ConnectFour-v0", "TicTacToe-v0", "Sudoku-v0-easy", "TowerOfHanoi-v0"])
def test_moves_of_a_game_are_drawn_until_it_ends(game: str) -> None:
    env = made("TextArena", game=game)
    told = played(env, seed=1, turns=60)
    assert all(action.startswith("[") for _, listed in told for action in listed)
