"""The tasks: the programs, flats and goals that virtualhome-eval ships, each read when it is first played.

Source: the programs that people wrote for VirtualHome (Puig et al. 2018), with the graphs before and after them.
The package is used for its files alone; its simulator is not imported.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import virtualhome_eval

from turngym.core.errors import UserError
from turngym.envs.tasks import digest
from turngym.envs.virtualhome.goal import Goal
from turngym.envs.virtualhome.home import Home
from turngym.envs.virtualhome.options import Options
from turngym.envs.virtualhome.splits import SPLITS
from turngym.envs.virtualhome.words import Command, Names

_DATA = "dataset/programs_processed_precond_nograb_morepreconds"
_SCENE = "TrimmedTestScene1_graph/results_intentions_march-13-18"
_LINE = re.compile(r"^\[(\w+)\](.*)$", re.MULTILINE)
_ID = re.compile(r"\(\d+\.(\d+)\)")


class DataError(UserError, ValueError):
    """A file of the package that is missing or holds no task."""


@dataclass(frozen=True, eq=False)
class Task:
    """One program of a person."""

    id: str
    """The name of its file: `file1003_2`."""
    title: str
    description: str
    home: Home
    goal: Goal
    program: tuple[Command, ...]

    @cached_property
    def names(self) -> Names:
        """What the things are called."""
        return Names.give(self.home.things.values())

    @cached_property
    def options(self) -> Options:
        """What can be done here."""
        return Options(self.home, self.names)


@lru_cache(maxsize=512)
def load(id: str) -> Task:
    """A task, read once in a process.

    Raises `DataError` where the installed package lacks it or has something else in its place.
    """
    text, graphs = _files(id)
    try:
        return parse(id, text, json.loads(graphs))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"{id} in the package virtualhome-eval holds no task ({error!r}); install it anew"
        ) from error


def parse(id: str, text: str, graphs: dict[str, Any]) -> Task:
    """A task from the text of its program and its two graphs."""
    title, description, *_ = text.splitlines()
    home, end = Home.read(graphs["init_graph"]), Home.read(graphs["final_graph"])
    program = tuple(
        (action.upper(), tuple(map(int, _ID.findall(ids)))) for action, ids in _LINE.findall(text)
    )
    return Task(id, title.strip(), description.strip(), home, Goal.between(home, end), program)


def split_digest(split: str) -> str:
    """SHA-256 of the files of a split's tasks as they are installed; compare with `DIGESTS`."""
    return digest((id, "".join(_files(id))) for id in SPLITS[split])


def all_ids() -> list[str]:
    """Every program of the package, sorted: 518, of which 68 have no goal."""
    folder = _folder() / "executable_programs" / _SCENE
    return sorted(file.name.removesuffix(".txt") for file in folder.iterdir() if file.name.endswith(".txt"))


def _files(id: str) -> tuple[str, str]:
    """The program, and the graphs before and after it."""
    return _read(f"executable_programs/{_SCENE}/{id}.txt"), _read(f"init_and_final_graphs/{_SCENE}/{id}.json")


def _folder() -> Traversable:
    return files(virtualhome_eval) / _DATA


def _read(path: str) -> str:
    try:
        return (_folder() / path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"the package virtualhome-eval has no file {path}; install it anew") from error
