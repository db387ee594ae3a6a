"""Who plays the other side of a game for two: somebody who draws among the moves that the rules allow."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from turngym.core.errors import UserError
from turngym.envs.textarena.moves import MOVES, moves_of

Opponent = Callable[[Any, str, np.random.Generator], str]
"""From the game, what the player has been told since the last move, and a generator to a move."""


def opponent_of(game: str, opponent: str | Opponent) -> Opponent:
    """`random`, a function, or a function's place as `module:attribute`.

    Raises `UserError` where the moves of the game are not known here, or the function is not found.
    """
    if not isinstance(opponent, str):
        return opponent
    if opponent != "random":
        return _imported(opponent)
    moves = moves_of(game)
    if moves is None:
        raise UserError(
            f"no random opponent knows the moves of {game}: give opponent='module:function', or play one of"
            f" {', '.join(MOVES)}"
        )

    def draws(game: Any, told: str, random: np.random.Generator) -> str:
        allowed = moves(game)
        return allowed[int(random.integers(len(allowed)))]

    return draws


def _imported(place: str) -> Opponent:
    module, _, name = place.partition(":")
    try:
        found: Opponent = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"opponent={place!r} is not found ({error}); write module:function") from error
    return found
