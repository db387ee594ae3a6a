"""`turngym/TextWorld-v0`: text adventures by TextWorld (Côté et al., 2018), made from seeds or read from files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.tasks import chosen
from turngym.envs.textworld.engine import Play
from turngym.envs.textworld.files import Found, Games, Made
from turngym.envs.textworld.text import REFUSED, plain

STATES = ("world", "observation")


class TextWorld(TextEnv):
    """Text adventures of TextWorld's own engine: coin, treasure, cooking, simple, custom, or game files.

    The reward of a turn is the points it gained, divided by the most there are: an episode's sum is its
    `score`. The episode ends when the game is won or lost; turns are not limited.

    `reset(options={"task": ...})` plays the game of that id, or of that index; without it a game is drawn with
    the seed. Making a game takes some seconds the first time; then it lies in the cache folder.

    `info` has `valid`, `success`, `score`, `points`, `most_points`, `lost`, `state`, `game` (the id) and, if asked for,
    `admissible` and, as long as the engine has a plan, `expert`.

    Args:
        kind: `coin`, `treasure`, `cooking`, `simple` or `custom`.
        level: how hard, see `turngym.envs.textworld.kinds.KINDS`; the kind's usual level if `None`.
        split: `train` (10,000 seeds), `valid` or `test` (100 each); they share no seed.
        settings: settings of TextWorld's generator in place of the level's.
        files: a game file (`.z8` with its `.json` beside it, `.json` alone, or another story for the Z-machine)
            or a folder of them, played in place of made ones.
        admissible: tell the admissible commands, which about doubles the cost of a turn.
        expert: put the next command of a winning plan into `info["expert"]`.
        state: what `info["state"]` tells: `world`, a fingerprint of facts and points, or `observation`.

    Raises:
        ValueError: an argument that names nothing known, or settings that make no game.
        FileNotFoundError: `files` without a game.
    """

    def __init__(
        self,
        kind: str = "cooking",
        level: int | None = None,
        split: str = "train",
        settings: Mapping[str, Any] | None = None,
        files: str | os.PathLike[str] | None = None,
        admissible: bool = True,
        expert: bool = False,
        state: str = "world",
    ) -> None:
        if state not in STATES:
            raise ValueError(f"unknown state {state!r}: choose one of {', '.join(STATES)}")
        self.games: Games = Made(kind, level, split, settings) if files is None else Found(files)
        self.expert = expert
        self.state = state
        self._play = Play(admissible=admissible, facts=state == "world", plan=expert)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Start a game; the first observation says what to do, where the game does, and shows the room."""
        super().reset(seed=seed)
        index = chosen(options, self.games.ids, self.np_random)
        self.game = self.games.ids[index]
        obs = self._play.start(self.games.file(index), seed=1 + int(self.np_random.integers(2**15)))
        return obs, self._info(obs, valid=True)

    def step(self, action: str) -> Step:
        """Do a command. Commands about the game (`save`, `restart`) and chains of commands are refused."""
        command = None if self._play.over else plain(action)
        if command is None:
            return REFUSED, 0.0, self._play.over, False, self._info(REFUSED, valid=False)
        before = self.score
        obs = self._play.do(command)
        info = self._info(obs, valid=self._play.did_something)
        return obs, self.score - before, self._play.over, False, info

    def close(self) -> None:
        """Let go of the interpreter."""
        self._play.close()

    @property
    def score(self) -> float:
        """Points gained out of the most there are, in [0, 1]."""
        most = self._play.most
        return min(max(self._play.points / most, 0.0), 1.0) if most else 0.0

    def _info(self, obs: str, valid: bool) -> Info:
        play = self._play
        info: Info = {
            "valid": valid,
            "success": play.won,
            "score": self.score,
            "points": play.points,
            "most_points": play.most,
            "lost": play.over and play.won is False,
            "game": self.game,
        }
        told = {"state": self._seen(obs), "admissible": play.admissible, "expert": self._advice()}
        return {**info, **{key: value for key, value in told.items() if value is not None}}

    def _seen(self, obs: str) -> str:
        fingerprint = self._play.fingerprint if self.state == "world" else None
        return obs if fingerprint is None else fingerprint

    def _advice(self) -> str | None:
        return self._play.next_command if self.expert else None
