"""`turngym/ALFWorld-v0`: the published games of ALFWorld (Shridhar et al., 2021), in two engines."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Sequence
from typing import Any, Protocol

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.household.expert import next_command
from turngym.envs.household.games import (
    PUBLISHED,
    TASK_TYPES,
    GameFileError,
    GameSet,
    PublishedGame,
    game_file,
    human_goals,
    load_split,
    problem_of,
    with_goal,
)
from turngym.envs.household.logic import logic_of
from turngym.envs.household.world import NOTHING, World, check_anchor

ENGINES = ("fast", "textworld")
GOALS = ("template", "human")


class Game(Protocol):
    """What plays a game: our `World` or the original `TextWorldEngine`."""

    def reset(self) -> str: ...
    def step(self, command: str) -> tuple[str, bool]: ...
    @property
    def admissible(self) -> list[str]: ...
    @property
    def won(self) -> bool: ...


class ALFWorld(TextEnv):
    """ALFWorld's text games; reward 1 and the end of the episode when the goal holds. Turns are not limited.

    `reset(options={"task": ...})` plays the game of that id, or of that index in `games`; without it a game
    is drawn with the seed. With `goal="human"` a sentence is drawn too, or named by
    `options={"annotation": k}`, counted from 0 (every game has at least three).

    `info` has `state`, `admissible`, `valid`, `success`, `task_type`, `game` (the id),
    with `goal="human"` `annotation` (the sentence's number) and, if asked for and as long as the goal can be
    reached, `expert`.

    Args:
        split: `train`, `valid_seen` or `valid_unseen`.
        data: folder with the games, see `load_split`; `$ALFWORLD_DATA` if `None`.
        engine: `fast`, our own, or `textworld`, the original, which is far slower (extra `alfworld`).
        logic: version of rules and texts, `0.4` (`move mug 1 to shelf 1`) or `2.1.1` (`put mug 1 in/on
            shelf 1`).
        task_types: the task types to play; all six if `None`.
        expert: put the next command of a winning plan into `info["expert"]`.
        state: what `info["state"]` tells, by which GiGPO and HGPO compare turns: `observation`, the last answer, as
            in their published runs, or `world`, a fingerprint of all that is so in the household.
        canonical: insist on exactly the published games (3,553, 140 and 134).
        goal: the sentence that states the task in the first observation: ALFWorld's own `template`, or one that a
            `human` wrote for ALFRED. Nothing else changes.

    Raises:
        ValueError: an argument that names nothing known, or games that should be canonical and are not.
        GameFileError: a file that holds no game.
        FileNotFoundError: a folder without games.
    """

    def __init__(
        self,
        split: str = "train",
        data: str | os.PathLike[str] | None = None,
        engine: str = "fast",
        logic: str = "0.4",
        task_types: Sequence[str] | None = None,
        expert: bool = False,
        state: str = "observation",
        canonical: bool = False,
        goal: str = "template",
    ) -> None:
        if goal not in GOALS:
            raise ValueError(f"unknown goal {goal!r}: choose one of {', '.join(GOALS)}")
        if engine not in ENGINES:
            raise ValueError(f"unknown engine {engine!r}: choose one of {', '.join(ENGINES)}")
        logic_of(logic)
        self.engine = engine
        self.logic = logic
        self.goal = goal
        self.expert = expert
        self.state = check_anchor(state)
        self.split = split
        self.game_set = load_split(split, _folder(data))
        if canonical:
            _insist(self.game_set)
        self.games = _of_types(self.game_set, task_types)
        self._by_id = {game.id: game for game in self.games}
        self._original: Any = None

    @property
    def digest(self) -> str:
        """Equal for equal games: of the whole split, before the choice of task types."""
        return self.game_set.digest

    @property
    def canonical(self) -> bool:
        """Whether the split holds exactly the published games."""
        return self.game_set.canonical

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Start a game; the first observation shows the room and the task."""
        super().reset(seed=seed)
        task = (options or {}).get("task")
        self.game = self._drawn() if task is None else self._named(task)
        self.annotation = self._annotation(options or {})
        self.task = self.game.task if self.annotation is None else human_goals(self.game)[self.annotation]
        self.world = World(problem_of(self.game), self.task, self.logic)
        self._played: Game = self.world if self.engine == "fast" else self._load_original()
        obs = self._played.reset()
        return obs, self._info(obs)

    def step(self, action: str) -> Step:
        """Do a command. Text that is not admissible changes nothing, and after the win nothing does."""
        if self._played.won:
            return NOTHING, 0.0, True, False, self._info(NOTHING)
        obs, won = self._played.step(action)
        if self._played is not self.world:
            self.world.step(action)  # the expert reads it
        return obs, float(won), won, False, self._info(obs)

    def _info(self, obs: str) -> Info:
        info: Info = {
            "state": self.world.anchor(self.state, obs),
            "admissible": self._played.admissible,
            "valid": obs != NOTHING,
            "success": self._played.won,
            "score": float(self._played.won),
            "task_type": self.game.task_type,
            "game": self.game.id,
        }
        if self.annotation is not None:
            info["annotation"] = self.annotation
        command = next_command(self.world) if self.expert else None
        return info if command is None else {**info, "expert": command}

    def _annotation(self, options: dict[str, Any]) -> int | None:
        """The number of the human sentence to show; `None` for the template."""
        asked = options.get("annotation")
        if self.goal == "template":
            if asked is not None:
                raise ValueError(
                    "an annotation is a human's sentence: make the environment with goal='human'"
                )
            return None
        count = len(human_goals(self.game))
        if asked is None:
            return int(self.np_random.integers(count))
        if isinstance(asked, int) and 0 <= asked < count:
            return asked
        raise ValueError(f"{self.game.id} has no annotation {asked!r}: choose one from 0 to {count - 1}")

    def _drawn(self) -> PublishedGame:
        return self.games[int(self.np_random.integers(len(self.games)))]

    def _named(self, task: object) -> PublishedGame:
        if isinstance(task, int):
            if 0 <= task < len(self.games):
                return self.games[task]
            raise ValueError(f"there is no game {task}: choose an index from 0 to {len(self.games) - 1}")
        if task in self._by_id:
            return self._by_id[str(task)]
        near = difflib.get_close_matches(str(task), self._by_id, n=1, cutoff=0)
        raise ValueError(f"there is no game {task!r} in {self.split}; the nearest is {near[0]!r}")

    def _load_original(self) -> Game:
        from turngym.envs.textworld_engine import TextWorldEngine

        if self._original is None:
            self._original = TextWorldEngine()
        self._original.load(*_rules(self.game, self.logic, self.task), self.game.pddl_problem)
        engine: Game = self._original
        return engine


def _folder(data: str | os.PathLike[str] | None) -> str:
    folder = data or os.environ.get("ALFWORLD_DATA")
    if not folder:
        raise FileNotFoundError(
            "ALFWorld's games are not part of turngym: set ALFWORLD_DATA to the folder that "
            "`alfworld-download` filled, or pass data=FOLDER"
        )
    return os.fspath(folder)


def _insist(found: GameSet) -> None:
    if not found.canonical:
        count, digest = PUBLISHED[found.split]
        raise ValueError(
            f"{found.folder} does not hold the published split {found.split!r}: {len(found.games)} games "
            f"with digest {found.digest[:12]}, not {count} with {digest[:12]}; "
            "download it anew or drop canonical=True"
        )


def _of_types(found: GameSet, task_types: Sequence[str] | None) -> tuple[PublishedGame, ...]:
    unknown = [one for one in task_types or () if one not in TASK_TYPES]
    if unknown:
        raise ValueError(f"unknown task type {unknown[0]!r}: choose from {', '.join(TASK_TYPES)}")
    games = tuple(game for game in found.games if task_types is None or game.task_type in task_types)
    if not games:
        asked = ", ".join(task_types or TASK_TYPES)
        raise ValueError(
            f"{found.folder} has no games of split {found.split!r} and of type {asked}; choose others"
        )
    return games


def _rules(game: PublishedGame, logic: str, task: str) -> tuple[str, str]:
    """PDDL domain and text grammar for the original engine, the goal sentence filled in."""
    if logic == "2.1.1" and game.source.name == "game.tw-pddl":
        data = game_file(game.source)
        return data["pddl_domain"], with_goal(data["grammar"], task)
    domain, grammar = _packaged() if logic == "0.4" else _beside(game)
    return domain, grammar.replace("UNKNOWN GOAL", json.dumps(task, ensure_ascii=False)[1:-1])


def _packaged() -> tuple[str, str]:
    from turngym.envs.textworld_engine import packaged_logic

    return packaged_logic()


def _beside(game: PublishedGame) -> tuple[str, str]:
    """The files of version 2.1.1 that lie beside compact games."""
    files = [game.source.with_name(f"alfred_2.1.1.{ending}") for ending in ("pddl", "twl2")]
    for file in files:
        if not file.is_file():
            raise GameFileError(
                f"the original engine needs {file} to play version 2.1.1; put it there or use logic='0.4'"
            )
    return files[0].read_text(), files[1].read_text()
