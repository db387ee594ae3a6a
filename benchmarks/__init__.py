"""Benchmarks: fixed panels of tasks, played by an entrant and scored with an interval."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turngym.core import config
from turngym.core.errors import PrerequisiteError
from turngym.core.registry import Registry
from turngym.core.types import Task

SUITES = "benchmarks/suites"
registry = Registry("benchmarks")


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A fixed list of tasks and how often each is played. Raises `ValueError` where one is empty."""

    name: str
    env: Mapping[str, Any]
    """The environment's `name` and the arguments it is made with."""
    tasks: tuple[Task, ...]
    samples: int = 1
    """Episodes of each task."""
    max_turns: int = 50
    about: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.tasks or self.samples < 1 or self.max_turns < 1:
            raise ValueError(f"benchmark {self.name!r} needs at least one task, one sample and one turn")
        if len({*self.tasks}) < len(self.tasks):
            raise ValueError(f"benchmark {self.name!r} has a task twice; give each once, and more samples")

    @property
    def digest(self) -> str:
        """SHA-256 over environment, tasks, samples and limits: results compare only where it is equal."""
        content = [dict(self.env), [task.id for task in self.tasks], self.samples, self.max_turns]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def arguments(env: Mapping[str, Any]) -> dict[str, Any]:
    """What a panel's environment is made with; a text `$NAME` stands for the environment variable NAME.

    So a panel that needs data has one digest wherever that lies. Raises `PrerequisiteError` where NAME is not set.
    """
    return {key: _meant(key, value) for key, value in env.items() if key != "name"}


def _meant(key: str, value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    if value[1:] not in os.environ:
        raise PrerequisiteError(f"this panel's {key} is {value}: set {value[1:]} to what it shall be")
    return os.environ[value[1:]]


def find(name: str) -> Benchmark:
    """A benchmark by its registered name, or by the path of a suite file."""
    if name.endswith(".toml"):
        return load_suite(Path(name))
    benchmark: Benchmark = registry.make(name)
    return benchmark


def load_suite(path: Path) -> Benchmark:
    """The benchmark of a suite file; the keys are the arguments of `numbered`.

    Raises `ConfigError` where the file cannot be read or has a wrong key or value.
    """
    suite = config.load_run(path)
    return numbered(name=path.stem, **config.bind(numbered, suite, f"suite {path.stem}", given=["name"]))


def numbered(
    *,
    name: str,
    env: dict[str, Any],
    first: int,
    count: int,
    every: int = 1,
    samples: int = 1,
    max_turns: int = 50,
    option: str | None = None,
    about: str = "",
) -> Benchmark:
    """`count` tasks of one environment, numbered from `first` on, `every` so many.

    The number is the seed of a task or, with `option`, the value of that reset option.
    """
    id, numbers = config.plugin_name(env, "env"), range(first, first + count * every, every)
    tasks = tuple(
        Task(env=id, seed=0, options={option: n}) if option else Task(env=id, seed=n) for n in numbers
    )
    return Benchmark(name=name, env=env, tasks=tasks, samples=samples, max_turns=max_turns, about=about)


def _shipped(name: str) -> Callable[[], Benchmark]:
    path = config.shipped(SUITES, name, kind="suite")

    def suite() -> Benchmark:
        return load_suite(path)

    suite.__doc__ = suite().about
    return suite


for _name in config.shipped_names(SUITES):
    registry.register(_name, _shipped(_name))
