"""Where the games of a split come from: made from seeds, or files that one has."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from turngym.core.errors import UserError
from turngym.envs.tasks import check_split, digest
from turngym.envs.textworld.engine import STORY_ENDINGS, generate, made
from turngym.envs.textworld.kinds import SPLITS, Recipe, recipe, settings_of, task_ids


class NoGames(UserError, FileNotFoundError):
    """A path without game files; the message says which it should hold."""


class Games(Protocol):
    """The games of a split in order."""

    @property
    def ids(self) -> Sequence[str]: ...

    def file(self, index: int) -> Path:
        """The file of a game, made now if need be."""
        ...


class Made:
    """Games that TextWorld makes from the seeds of a split.

    Raises `UnknownGame` and `UnknownSplit`.
    """

    def __init__(self, kind: str, level: int | None, split: str, settings: Mapping[str, Any] | None) -> None:
        self._settings = settings_of(kind, level, settings)
        self._kind = kind
        self._split = check_split(split, SPLITS)
        self.ids: Sequence[str] = task_ids(kind, split)

    def recipe(self, index: int) -> Recipe:
        """What the game of that index is made from."""
        return recipe(self._kind, self._settings, self._split, SPLITS[self._split][index])

    def file(self, index: int) -> Path:
        return made(self.recipe(index))

    def digest(self, count: int) -> str:
        """SHA-256 over ids and contents (world, quests, texts) of the first `count` games."""
        contents = ((id, _content(self.recipe(index))) for index, id in enumerate(self.ids[:count]))
        return digest(contents)


class Found:
    """Game files: one, or all in a folder and its subfolders, sorted by name.

    Raises `NoGames`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        root = Path(path).expanduser()
        self._files = [root] if root.is_file() else _within(root)
        self._check(root)
        self.ids: Sequence[str] = [
            file.name if file == root else file.relative_to(root).as_posix() for file in self._files
        ]

    def file(self, index: int) -> Path:
        return self._files[index]

    def _check(self, root: Path) -> None:
        if self._files and self._files[0].suffix == ".ulx":
            raise NoGames(f"{root} is a Glulx game, which TextWorld no longer plays; make it as a .z8 file")
        if not self._files or not _is_game(self._files[0]):
            endings = ", ".join([*STORY_ENDINGS, ".json"])
            raise NoGames(
                f"no TextWorld game at {root}: name a file that ends in {endings}, or a folder of them"
            )


def _within(root: Path) -> list[Path]:
    """Of a .z8 file and its .json, which are one game, the .z8 file."""
    files = sorted(file for file in root.rglob("*") if _is_game(file))
    return [file for file in files if file.suffix != ".json" or not file.with_suffix(".z8").exists()]


def _is_game(file: Path) -> bool:
    return file.suffix in (*STORY_ENDINGS, ".json") and file.is_file()


def _content(wanted: Recipe) -> str:
    """World, quests and texts of a game as JSON."""
    import json

    return json.dumps(generate(wanted).serialize(), sort_keys=True)
