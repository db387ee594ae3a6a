"""`turngym/TextArena-v0`: games of TextArena (Guertler et al. 2025, arXiv 2504.11442) that need no network."""

from __future__ import annotations

import difflib
import math
from contextlib import suppress
from typing import Any

import textarena
from textarena.core import ObservationType
from textarena.envs.registration import ENV_REGISTRY

from turngym.core.errors import PrerequisiteError, UserError
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.chance import Chance
from turngym.envs.draw import Draw
from turngym.envs.fingerprint import fingerprint, plain
from turngym.envs.samples import Samples, words
from turngym.envs.seeded import SEEDS, chosen_seed
from turngym.envs.tasks import check_split
from turngym.envs.textarena.experts import expert_of
from turngym.envs.textarena.moves import drawn
from turngym.envs.textarena.opponents import Opponent, opponent_of

GRAMMAR = "Write your move in square brackets, as the rules of the game in the first observation say."
"""What `info["grammar"]` says; words without brackets are put into brackets."""

LONGEST = 4000
"""Characters of an action that are read, from its end."""

STALLED = 1000
"""Moves that an opponent may make in a row."""


class TextArena(TextEnv):
    """TextArena's puzzles for one, and games for two against an opponent in the same process.

    The reward comes with the end, as TextArena gives it: for one player the share of the puzzle that is solved, for
    two 1, 0 or -1. `score` is that in [0, 1]; `success` is a puzzle solved or a game won. A refused move may be
    repeated once, the next refusal in a row ends the game.

    `reset(options={"task": ...})` plays the game that this seed of the split makes. `info` has `state` (the board),
    `grammar`, `sample` (moves, or words that were told where the moves are not known), `valid`, `success`, `score`,
    `expert` if asked for and, at the reset, `task`.

    TextArena draws from the process's random generators. They are lent to it for each call and put back.

    Args:
        game: an id of TextArena's, `Sudoku-v0-easy`, `TowerOfHanoi-v0`, `ConnectFour-v0`.
        opponent: for two players: `random`, or a function, or its place `"module:function"`, see
            `turngym.envs.textarena.opponents`.
        player: for two players: which of them is played, 0 or 1.
        split: `train`, `valid` or `test`: ranges of seeds, see `turngym.envs.seeded`.
        expert: put a winning move into `info["expert"]`; raises `NoExpert` where none is known.
    """

    def __init__(
        self,
        game: str = "TowerOfHanoi-v0",
        opponent: str | Opponent = "random",
        player: int = 0,
        split: str = "train",
        expert: bool = False,
    ) -> None:
        self.game = _known(game)
        self.player = player
        self.split = check_split(split, SEEDS)
        self._expert = expert_of(game) if expert else None
        self._game: Any = _made(game, Chance(0))
        self.players = _players(self._game, game)
        if player not in range(self.players):
            raise UserError(
                f"player={player} is not at this table; {game} has players 0 to {self.players - 1}"
            )
        self._opponent = opponent_of(game, opponent) if self.players == 2 else None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Set the game up; the other side moves first where it is its turn."""
        super().reset(seed=seed)
        self.task = chosen_seed(options, self.split, self.np_random)
        self._chance = Chance(self.task)
        self._told = dict.fromkeys(range(self.players), "")
        self._over, self._reward, self._samples = False, 0.0, Samples(self.task)
        # Made anew, since some games draw when they are made, or keep a deck or a score through their own reset.
        self._game = _made(self.game, self._chance)
        with self._chance.lent():
            self._game.reset(num_players=self.players, seed=self.task)
            self._let_others_move()
        self._last = self._heard()
        return self._last, self._info(valid=True) | {"task": str(self.task)}

    def step(self, action: str) -> Step:
        """Make a move, and let the other side answer."""
        if self._over:
            return "The game is over.", 0.0, True, False, self._info(valid=False)
        with self._chance.lent():
            valid = self._move(_bracketed(action))
            if valid:
                self._let_others_move()
        self._last = self._heard()
        return self._last, self._reward, self._over, False, self._info(valid)

    @property
    def _success(self) -> bool:
        return self._over and self._reward >= 1

    def _move(self, action: str) -> bool:
        """One move of whoever's turn it is; whether the game took it."""
        player = self._game.state.current_player_id
        try:
            self._over, _ = self._game.step(action)
        except Exception as error:
            self._told[player] += f"\n[GAME] The game cannot read this move ({type(error).__name__})."
            return False
        state = self._game.state
        if self._over:
            self._reward = _number((state.rewards or {}).get(self.player))
        refused = getattr(state, "error_count", 0) or state.game_info[player]["invalid_move"]
        return not refused

    def _let_others_move(self) -> None:
        for _ in range(STALLED):
            player = self._game.state.current_player_id
            if self._over or player == self.player or self._opponent is None:
                return
            self._hear(player)
            told, self._told[player] = self._told[player], ""
            self._move(self._opponent(self._game, told, self.np_random))
        raise RuntimeError(
            f"the opponent of {self.game} made {STALLED} moves in a row and it is still its turn"
        )

    def _hear(self, player: int) -> None:
        """Take what the game has for a player."""
        state = self._game.state
        for sender, message, kind in state.observations[player]:
            own = sender == player or (sender == textarena.GAME_ID and kind is ObservationType.PLAYER_ACTION)
            if not own:
                self._told[player] += f"\n[{state.role_mapping.get(sender, f'Player {sender}')}] {message}"
        state.observations[player] = []

    def _heard(self) -> str:
        """What our player has been told since its last move, and at the end why it ended."""
        self._hear(self.player)
        told, self._told[self.player] = self._told[self.player].strip(), ""
        reason = self._game.state.game_info[self.player].get("reason") if self._over else None
        return f"{told}\n[GAME] {reason}".strip() if reason else told

    def _info(self, valid: bool) -> Info:
        score = self._reward if self.players == 1 else (self._reward + 1) / 2
        info: Info = {
            "state": self._fingerprint(),
            "grammar": GRAMMAR,
            "sample": self._samples(self._drawn),
            "valid": valid,
            "success": self._success,
            "score": min(max(score, 0.0), 1.0) if self._over else 0.0,
        }
        if self._expert is not None and not self._over:
            info["expert"] = self._expert(self._game)
        return info

    def _drawn(self, draw: Draw) -> str:
        return drawn(self.game, self._game, draw) or f"[{draw.one(words(self._last))}]"

    def _fingerprint(self) -> str:
        """A hash of the task and the board as TextArena draws it."""
        state = self._game.state
        try:
            board = str(self._game.get_board_str())
        except Exception:
            board = plain(state.game_state)
        return fingerprint(self.game, self.task, board, state.current_player_id, self._over, self._success)


def _number(reward: Any) -> float:
    """A reward; 0 for what is none, since some games mix up reward and reason of a refusal."""
    return float(reward) if isinstance(reward, int | float) and math.isfinite(reward) else 0.0


def _bracketed(action: str) -> str:
    end = action[-LONGEST:]
    return end if "[" in end or "]" in end else f"[{end}]"


def _known(game: str) -> str:
    if game in ENV_REGISTRY:
        return game
    games = [id for id in ENV_REGISTRY if not id.endswith(("-raw", "-train"))]
    near = difflib.get_close_matches(game[:100], games, n=1, cutoff=0)
    raise UserError(f"TextArena has no game {game[:100]!r}; the nearest is {near[0]!r}")


def _made(game: str, chance: Chance) -> Any:
    """The game without TextArena's wrappers, which keep a history."""
    plain = f"{game}-raw" if f"{game}-raw" in ENV_REGISTRY else game
    try:
        with chance.lent():
            made: Any = textarena.make(plain)
    except (ImportError, LookupError, OSError, SyntaxError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise PrerequisiteError(
            f"{game} cannot be played here ({type(error).__name__}: {reason}); some of TextArena's games need word"
            " lists or a model from the network, or a newer Python"
        ) from error
    while isinstance(made, textarena.Wrapper):
        made = made.env
    return made


def _players(made: Any, game: str) -> int:
    """1 or 2, whichever the game is for."""
    for players, kind in ((1, textarena.SinglePlayerState), (2, textarena.TwoPlayerState)):
        with suppress(AssertionError, KeyError, IndexError, TypeError, ValueError), Chance(0).lent():
            made.reset(num_players=players, seed=0)
            if isinstance(made.state, kind):
                return players
    raise UserError(f"{game} is for more than two players; choose one for one or two")
