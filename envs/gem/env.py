"""`turngym/GEM-v0`: the environments of GEM (Liu et al. 2025, arXiv 2510.01051) that run without a network."""

from __future__ import annotations

import difflib
from typing import Any

import gem
from gem.envs.registration import ENV_REGISTRY
from gem.utils.parsing import extract_last_boxed_answer

from turngym.core.errors import PrerequisiteError, UserError
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.chance import Chance
from turngym.envs.draw import Draw
from turngym.envs.experts import NoExpert
from turngym.envs.fingerprint import fingerprint, plain
from turngym.envs.reasoning_gym.env import UNSTABLE
from turngym.envs.reasoning_gym.scoring import FORMULA, harmless
from turngym.envs.samples import Samples, words
from turngym.envs.seeded import SEEDS, chosen_seed
from turngym.envs.tasks import check_split

GRAMMAR = r"Write your move or answer as \boxed{...}; the last one counts."
"""What `info["grammar"]` says."""

LONGEST = 4000
"""Characters of an action that are read, from its end."""

_REFUSED = -0.1
"""GEM's reward for text that it cannot read; it ends the game."""


class GEM(TextEnv):
    r"""GEM's word and number games and its reasoning-gym tasks, moves in \boxed{}.

    Rewards are GEM's: 1 for success, -0.1 and the end for a move that cannot be read; some games also pay progress in
    every step, so that an episode's sum may pass 1. `score` is the last reward in [0, 1], `success` an end with
    reward 1. What GEM both terminates and truncates, at its step limit, is told as terminated.

    `reset(options={"task": ...})` plays what this seed of the split makes. `info` has `state`, `grammar`, `sample`,
    `valid`, `success`, `score`, `expert` if asked for and, at the reset, `task`. GEM draws from the process's
    random generators; they are lent to it for each call and put back.

    Args:
        game: an id of GEM's that begins with `game:` or `rg:`, `game:GuessTheNumber-v0-easy`.
        split: `train`, `valid` or `test`: ranges of seeds, see `turngym.envs.seeded`.
        expert: put a winning move into `info["expert"]`; raises `NoExpert` where none is known.
    """

    def __init__(
        self, game: str = "game:GuessTheNumber-v0-easy", split: str = "train", expert: bool = False
    ) -> None:
        self.game = _known(game)
        self.split = check_split(split, SEEDS)
        self._game: Any = _made(game, Chance(0))
        self.expert = expert
        if expert and not _solvable(game):
            raise NoExpert(f"there is no expert for {game}: leave out expert=True, or play {_WITH_EXPERT}")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Begin the game."""
        super().reset(seed=seed)
        self.task = chosen_seed(options, self.split, self.np_random)
        self._chance = Chance(self.task)
        self._over, self._reward = False, 0.0
        self._game = _made(self.game, self._chance)
        with self._chance.lent():
            told, extra = self._game.reset(seed=self.task)
        self._told, self._samples = _joined(told, extra), Samples(self.task)
        return self._told, self._info(valid=True) | {"task": str(self.task)}

    def step(self, action: str) -> Step:
        """Make a move."""
        if self._over:
            return "The game is over.", 0.0, True, False, self._info(valid=False)
        with self._chance.lent():
            told, given, terminated, truncated, extra = self._ask(action[-LONGEST:])
        self._reward = float(given)
        self._over = bool(terminated)
        truncated = bool(truncated) and not self._over
        valid = self._reward >= 0
        self._told = _joined(told, extra)
        return self._told, self._reward, self._over, truncated, self._info(valid)

    def _ask(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        kind, _, name = self.game.partition(":")
        if kind == "rg" and not harmless(name, extract_last_boxed_answer(action) or ""):
            return "This answer is not looked at.", _REFUSED, True, False, {}
        try:
            answer: tuple[str, float, bool, bool, dict[str, Any]] = self._game.step(action)
        except Exception as error:
            return f"The game cannot read this ({type(error).__name__}).", _REFUSED, True, False, {}
        return answer

    def _info(self, valid: bool) -> Info:
        success = self._over and self._reward >= 1
        info: Info = {
            "state": fingerprint(self.game, self.task, plain(self._game, _COUNTED), self._over, success),
            "grammar": GRAMMAR,
            "sample": self._samples(self._move),
            "valid": valid,
            "success": success,
            "score": min(max(self._reward, 0.0), 1.0),
        }
        if self.expert and not self._over:
            info["expert"] = rf"\boxed{{{_next_move(self.game, self._game)}}}"
        return info

    def _move(self, draw: Draw) -> str:
        return rf"\boxed{{{_drawn(self.game, self._game, self._told, draw)}}}"


_COUNTED = frozenset({"turn_count", "idx", "spec", "ds", "ds_iter", "reward_fn"})
"""Attributes of a game that are not its board."""

_WITH_EXPERT = "a GuessTheNumber, a Mastermind or an rg: task"


def _solvable(game: str) -> bool:
    return game.startswith(("rg:", "game:GuessTheNumber", "game:Mastermind"))


def _next_move(name: str, game: Any) -> str:
    """A winning move by a look behind the scenes."""
    if name.startswith("rg:"):
        return str(game.data["answer"])
    if name.startswith("game:GuessTheNumber"):
        return str(game.game_number)
    return " ".join(map(str, game.game_code))


def _drawn(name: str, game: Any, told: str, draw: Draw) -> str:
    """A move in the form of the game, where that is known here, else a word that was told."""
    if name.startswith("game:GuessTheNumber"):
        return str(draw.between((game.min_number, game.max_number)))
    if name.startswith("game:Mastermind"):
        return " ".join(map(str, draw.some(range(1, game.num_numbers + 1), game.code_length)))
    return draw.one(words(told))


def _joined(told: str, extra: dict[str, Any]) -> str:
    return "\n".join(part for part in (told.strip(), str(extra.get("suffix", "")).strip()) if part)


def _known(game: str) -> str:
    if game.removeprefix("rg:") in FORMULA | UNSTABLE:
        raise UserError(
            f"{game} is not safe to score or not the same in two processes; play it as turngym/ReasoningGym-v0"
        )
    games = [id for id in ENV_REGISTRY if id.startswith(("game:", "rg:"))]
    if game in games:
        return game
    near = difflib.get_close_matches(game[:100], games, n=1, cutoff=0)
    raise UserError(f"GEM has no game {game[:100]!r} that runs without a network; the nearest is {near[0]!r}")


def _made(game: str, chance: Chance) -> Any:
    try:
        with chance.lent():
            return gem.make(game)
    except (ImportError, LookupError, OSError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise PrerequisiteError(
            f"{game} cannot be played here ({type(error).__name__}: {reason}); some of GEM's games need word lists"
            " from the network or the package pandas"
        ) from error
