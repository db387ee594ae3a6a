"""What plays a flat: our rules, or the simulator they were written after."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.home import Home
from turngym.envs.virtualhome.rules import execute

ENGINES = {
    "fast": "turngym.envs.virtualhome.engine:Fast",
    "original": "turngym.envs.virtualhome.original:Original",
}
"""By name, imported when asked for: the simulator is not needed otherwise."""


class Engine(Protocol):
    """One flat in play."""

    @property
    def graph(self) -> Graph:
        """What is so now; only to be looked at."""
        ...

    def execute(self, action: str, ids: tuple[int, ...]) -> bool:
        """Do an action, named as in the simulator, with things of the flat; whether it could be done."""
        ...


class Fast:
    """Our rules."""

    def __init__(self, home: Home) -> None:
        self.graph = Graph(home)

    def execute(self, action: str, ids: tuple[int, ...]) -> bool:
        """Do an action; whether it could be done."""
        return execute(self.graph, action, ids)


def engine_of(name: str) -> Callable[[Home], Engine]:
    """The class of an engine. Raises `ValueError` for a name that is none."""
    if name not in ENGINES:
        raise ValueError(f"unknown engine {name!r}: choose one of {', '.join(ENGINES)}")
    module, attribute = ENGINES[name].split(":")
    engine: Callable[[Home], Engine] = getattr(import_module(module), attribute)
    return engine
