"""TextWorld itself: making a game file, and playing one. Needs the extra `turngym[textworld]`."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import jericho.jericho
import textworld
from textworld import EnvInfos, GameOptions, g_rng
from textworld.challenges import CHALLENGES
from textworld.envs import JerichoEnv, TextWorldEnv, TWInform7
from textworld.generator import (
    CouldNotCompileGameError,
    Game,
    QuestGenerationError,
    compile_inform7_game,
    generate_inform7_source,
    make_game,
)

from turngym.core.errors import UserError
from turngym.envs.textworld.cache import cache_folder, stored
from turngym.envs.textworld.kinds import Recipe, UnknownGame
from turngym.envs.textworld.text import told

GAME = "game"
"""Name of the files of a made game, without ending."""

STORY_ENDINGS = (".z3", ".z4", ".z5", ".z6", ".z7", ".z8")
_CHALLENGE = {
    "coin": "tw-coin_collector",
    "treasure": "tw-treasure_hunter",
    "cooking": "tw-cooking",
    "simple": "tw-simple",
}
_DEAD_ENDS = (CouldNotCompileGameError, QuestGenerationError, ValueError, AssertionError)
"""What the generator raises for settings that make no game."""


_load_library = jericho.jericho._load_frotz_lib
_lent: dict[int, Any] = {}
_spare: list[Any] = []


def _lend_library() -> Any:
    library = _spare.pop() if _spare else _load_library()
    _lent[library._handle] = library
    return library


def _take_back(handle: int) -> None:
    _spare.append(_lent.pop(handle))


# Jericho loads a copy of its library for every game and unloads it after; unloading it again and again has crashed
# Python, so libraries stay loaded and are used again.
jericho.jericho._load_frotz_lib = _lend_library
jericho.jericho.dlclose_func = _take_back


class StoryError(UserError, ValueError):
    """A file that TextWorld cannot play."""


def made(recipe: Recipe) -> Path:
    """The `.z8` file of a recipe, beside its `.json`; generated and compiled unless it is in the cache.

    Raises `UnknownGame` for settings out of which TextWorld makes no game.
    """
    named = f"{textworld.__version__} {recipe.kind} {recipe.settings} {recipe.seed}"
    key = hashlib.sha256(named.encode()).hexdigest()[:32]
    root = cache_folder() / "textworld" / recipe.kind
    return stored(root, key, lambda folder: _compile(generate(recipe), folder, recipe)) / f"{GAME}.z8"


def generate(recipe: Recipe) -> Any:
    """TextWorld's `Game` of a recipe, not compiled. Raises `UnknownGame` likewise."""
    options = GameOptions()
    options.seeds = recipe.seed
    g_rng.set_seed(recipe.seed)  # some challenges draw from TextWorld's own global generator
    try:
        with _quiet():
            if recipe.kind == "custom":
                return make_game(_customised(options, recipe.arguments))
            return CHALLENGES[_CHALLENGE[recipe.kind]][1](recipe.arguments, options)
    except _DEAD_ENDS as error:
        raise _no_game(recipe, error) from error


def _customised(options: Any, settings: dict[str, Any]) -> Any:
    for name, value in settings.items():
        setattr(options, name, value)
    return options


def _compile(game: Any, folder: Path, recipe: Recipe) -> None:
    game.save(str(folder / f"{GAME}.json"))
    try:
        with _home(folder):
            compile_inform7_game(generate_inform7_source(game), str(folder / f"{GAME}.z8"))
    except CouldNotCompileGameError as error:
        raise _no_game(recipe, error) from error
    (folder / f"{GAME}.ni").unlink()
    shutil.rmtree(folder / "Inform", ignore_errors=True)


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """Let the compiler take `folder` for the home, in which it leaves its papers."""
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before


def _no_game(recipe: Recipe, error: Exception) -> UnknownGame:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    asked = f"{recipe.kind} with {recipe.settings} and seed {recipe.seed}"
    return UnknownGame(f"TextWorld makes no game of {asked}: {reason}; choose another level or settings")


class Play:
    """Plays one game at a time; kept for many games, since it holds a copy of the interpreter's library.

    What is not asked for is not computed: `admissible` commands, the `facts` of the world, the `plan`.
    """

    def __init__(self, *, admissible: bool, facts: bool, plan: bool) -> None:
        self._asked = EnvInfos(admissible_commands=admissible, facts=facts, policy_commands=plan)
        self._tracked = admissible or facts or plan
        self._open: tuple[Path, int] | None = None
        self._env: Any = None
        self._story: Any = None

    def start(self, file: Path, seed: int) -> str:
        """Begin a game; the first observation. `seed` is for games with chance of their own.

        Raises `StoryError` for a file that is no game.
        """
        self._enter(file)
        self._env.seed(seed)
        self._state = self._env.reset()
        if self._logical and not self._tracked:
            self._env._send("tw-trace-actions")  # TextWorld does so itself where it tracks
        self._score = 0
        self._walk = list(self._state.get("extra.walkthrough") or ())
        return told(self._state.feedback)

    def do(self, command: str) -> str:
        """Do one command that `plain` passed: what the game says."""
        self._walk = self._walk[1:] if self._walk[:1] == [command] else []
        with _quiet():
            self._state, _, _ = self._env.step(command)
        self._score = self._state.get("score") or self._score
        return told(self._state.feedback)

    @property
    def did_something(self) -> bool:
        """Whether the last command was understood and could be done; True for a story that does not tell."""
        if self._logical:
            return "- succeeded]" in self._state.raw
        return "Invalid command." not in self._state.feedback

    @property
    def admissible(self) -> list[str] | None:
        """The commands that would do something, sorted; `None` where the game's logic is not known."""
        commands = self._state.get("admissible_commands")
        return None if commands is None else list(commands)

    @property
    def points(self) -> int:
        return int(self._score)

    @property
    def most(self) -> int:
        """The most points there are; 0 where that is not known."""
        if "max_score" in self._state:
            return int(self._state["max_score"] or 0)
        return int(self._story.get_max_score()) if self._supported else 0

    @property
    def won(self) -> bool | None:
        """`None` for a story of which the interpreter does not know."""
        known = "max_score" in self._state or self._supported
        return bool(self._state.get("won")) if known else None

    @property
    def over(self) -> bool:
        return bool(self._state.get("won") or self._state.get("lost") or self._state.get("done"))

    @property
    def next_command(self) -> str | None:
        """The next command of the engine's plan, which follows every detour.

        Where the engine has none, the next of the game's walkthrough as long as nothing else was done.
        """
        plan = self._state.get("policy_commands") or self._walk
        return str(plan[0]) if plan and not self.over else None

    @property
    def fingerprint(self) -> str | None:
        """Equal exactly where the facts of the world and the points are; `None` where facts are not known."""
        if "_facts" not in self._state:
            return None
        facts = sorted(map(_fact, self._state["_facts"]))
        return hashlib.blake2b("\n".join([str(self.points), *facts]).encode(), digest_size=12).hexdigest()

    def close(self) -> None:
        """Let go of the interpreter."""
        if self._env is not None:
            self._env.close()
        self._env, self._story, self._open = None, None, None

    @property
    def _logical(self) -> bool:
        """Whether this is a story whose logic lies beside it."""
        return self._story is not None and "max_score" in self._state

    @property
    def _supported(self) -> bool:
        return self._story is not None and bool(self._story.is_fully_supported)

    def _enter(self, file: Path) -> None:
        """Load the game unless it is the one that was played last."""
        wanted = file, _changed(file)
        if self._open != wanted:
            self.close()
            self._env = self._opened(file, wanted[1])
            self._story = getattr(self._env, "_jericho", None)
            self._open = wanted

    def _opened(self, file: Path, changed: int) -> Any:
        env: Any
        try:
            if file.suffix == ".json":
                env = TextWorldEnv(self._asked)
            elif TWInform7.compatible(str(file)):
                env = JerichoEnv(self._asked)
                env._game = _logic(file.with_suffix(".json"), changed)
                env = TWInform7(env)
            else:
                env = JerichoEnv(EnvInfos(score=True, max_score=True, moves=True))
            with _quiet():
                env.load(str(file))
        except Exception as error:  # whatever the parsers raise for a file that is none
            raise StoryError(
                f"{file} is no game that TextWorld plays ({type(error).__name__}: {error}); make it anew"
            ) from error
        return env


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError as error:
        raise StoryError(
            f"{file} cannot be read: {error.strerror}; name a game file that is there"
        ) from error


@lru_cache(maxsize=128)
def _logic(file: Path, changed: int) -> Any:
    """The logic of a game, shared by all who play it; the engine copies what it changes."""
    return Game.load(str(file))


@lru_cache(maxsize=1 << 16)
def _fact(fact: Any) -> str:
    return str(fact)


@contextmanager
def _quiet() -> Iterator[None]:
    """The interpreter warns of every game that is not among the classics it was written for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
