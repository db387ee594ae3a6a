"""`turngym/TextWorldExpress-v0`: the fast text games of TextWorldExpress (Jansen and Côté, 2023) on Java."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from textworld_express.constants import GAME_NAMES, JAR_PATH

from turngym.core.errors import UserError, suggest
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.java import Lease
from turngym.envs.tasks import check_split, chosen

SPLITS = {
    "train": ("train", range(1000)),
    "dev": ("dev", range(10_000, 11_000)),
    "test": ("test", range(20_000, 21_000)),
}
"""The package's own folds and their seeds."""

LONGEST = 300
REFUSED = "Nothing happens: that is too long for a command."


class UnknownGame(UserError, ValueError):
    """A game or a game's parameter that TextWorldExpress does not have."""


class TextWorldExpress(TextEnv):
    """Eight fast text games of TextWorldExpress: cooking, coin, common sense, maps, sums, sorting and more.

    The reward of a turn is the change of the score, so an episode's sum is its `score`, in [0, 1]; a step back, or a
    lost game, can cost. The episode ends when the game is won or lost; turns are not limited.

    `reset(options={"task": ...})` plays the seed of that id (`coin-00007`) or index; without it one is drawn.

    `info` has `state` (a fingerprint of what look and inventory show, and the score), `admissible`, `valid`,
    `success`, `score`, `points` (the game's own), `game` (the id) and, if asked for and until a turn leaves the gold
    path, `expert`.

    Args:
        game: `cookingworld`, `coin`, `twc`, `mapreader`, `arithmetic`, `sorting`, `simonsays` or `peckingorder`.
        split: the package's folds `train`, `dev` or `test`, of 1,000 seeds each.
        parameters: the game's own, as in `"numLocations=3,includeDoors=0"`; its usual ones if empty.
        expert: put the next action of the package's gold path into `info["expert"]`.

    Raises:
        ValueError: an argument that names nothing known.
        JavaError: no Java, or its process died.
    """

    def __init__(
        self, game: str = "cookingworld", split: str = "train", parameters: str = "", expert: bool = False
    ) -> None:
        if game not in GAME_NAMES:
            raise UnknownGame(f"unknown game {game!r}: {suggest(game, GAME_NAMES)}")
        self.split = check_split(split, SPLITS)
        self.name = game
        self.parameters = parameters
        self.expert = expert
        self.tasks = task_ids(game, split)
        self._lease: Lease | None = None
        self._connect()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Start the game of a seed; the first observation says what to do and shows the place."""
        super().reset(seed=seed)
        self._connect()
        index = chosen(options, self.tasks, self.np_random)
        self.game = self.tasks[index]
        fold, seeds = SPLITS[self.split]
        made = self._ask("generateNewGameJSON", seeds[index], fold, self.expert)
        self._gold = list(self._ask("getGoldActionSequence")) if self.expert else []
        self._seen = json.loads(made)
        obs = f"{self._ask('getTaskDescription').strip()}\n\n{self._seen['observation'].strip()}"
        return obs, self._info(valid=True)

    def step(self, action: str) -> Step:
        """Do an action; one that is not admissible changes nothing."""
        if self._over or len(action) > LONGEST:
            return REFUSED, 0.0, self._over, False, self._info(valid=False)
        command, before = " ".join(action.encode(errors="replace").decode().split()), self.score
        valid = command in self._seen["validActions"]
        self._seen = json.loads(self._ask("stepJSON", command))
        if valid or [command] == self._gold[:1]:
            self._gold = self._gold[1:] if self._gold[:1] == [command] else []
        obs = self._seen["observation"].strip()
        return obs, self.score - before, self._over, False, self._info(valid)

    def close(self) -> None:
        """Give the share in the Java process back; the last one ends it."""
        if self._lease is not None:
            self._lease.give_back()
        self._lease = None

    @property
    def score(self) -> float:
        """The game's score, in [0, 1]."""
        return min(max(float(self._seen["score"]), 0.0), 1.0)

    @property
    def _over(self) -> bool:
        return bool(self._seen["tasksuccess"] or self._seen["taskfailure"] or self._seen["score"] >= 1)

    def _info(self, valid: bool) -> Info:
        seen = self._seen
        shown = f"{seen['look']}\n{seen['inventory']}\n{seen['scoreRaw']}"
        info: Info = {
            "state": hashlib.blake2b(shown.encode(), digest_size=12).hexdigest(),
            "admissible": sorted({*seen["validActions"]} - {""}),
            "valid": valid,
            "success": bool(seen["tasksuccess"]),
            "score": self.score,
            "points": seen["scoreRaw"],
            "game": self.game,
        }
        return {**info, "expert": self._gold[0]} if self._gold and not self._over else info

    def _connect(self) -> None:
        """Take a share in a living Java process, and the game in it."""
        if self._lease is not None and self._lease.machine.alive:
            return
        self._lease = Lease("TextWorldExpress", JAR_PATH, ("-Xmx512m", "-XX:+UseSerialGC"))
        self._server = self._lease.machine.new("textworldexpress.runtime.PythonInterface")
        problem = self._ask("load", self.name, self.parameters)
        if problem:
            self.close()
            raise UnknownGame(
                f"{self.name} does not take the parameters {self.parameters!r}: {problem}; correct them"
            )

    def _ask(self, method: str, *arguments: Any) -> Any:
        if self._lease is None:
            raise UserError("the environment was closed; call reset() first")
        return self._lease.machine.call(self._server, method, *arguments)


@lru_cache(maxsize=32)
def task_ids(game: str, split: str) -> tuple[str, ...]:
    """The tasks of a split in order: game and seed."""
    return tuple(f"{game}-{seed:05}" for seed in SPLITS[split][1])
