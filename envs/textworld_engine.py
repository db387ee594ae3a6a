"""ALFWorld's original engine, TextWorld's PDDL environment, made quicker without changing what it says.

It needs the extra `turngym[alfworld]`. Three things that the original computes anew each time are remembered:
the translation of a problem, the parse of a template or query, and the text of a command within a game.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import lru_cache
from importlib.resources import files
from typing import Any

_data = os.environ.get("ALFWORLD_DATA")

import fast_downward  # noqa: E402
import textworld  # noqa: E402
from alfworld.agents.environment.alfred_tw_env import AlfredDemangler  # noqa: E402
from textworld.envs.pddl import PddlEnv, textgen  # noqa: E402

if _data is None:
    # Importing alfworld points this at its own cache folder; other modules read it as what the user chose.
    os.environ.pop("ALFWORLD_DATA", None)


class TextWorldEngine:
    """Plays one game at a time. Making one copies and loads the planner's library, so keep it for many games.
    (Unloading the library makes Python crash at its end, so nothing does.)

    `cached=False` leaves the original exactly as it is. Not for use in several threads: the original swaps
    `sys.stdout` while it translates a problem.
    """

    def __init__(self, *, cached: bool = True) -> None:
        self._cached = cached
        self._env = AlfredDemangler()(PddlEnv(textworld.EnvInfos(won=True, admissible_commands=True)))
        self._state: Any = None

    def load(self, domain: str, grammar: str, problem: str) -> None:
        """Take up a game: PDDL domain, text grammar (goal sentence filled in) and PDDL problem.

        Raises `ValueError` for a problem that the original refuses.
        """
        try:
            with self._playing():
                self._env.load({"pddl_domain": domain, "grammar": grammar, "pddl_problem": problem})
        except SystemExit as error:  # the translator is a script at heart
            raise ValueError(f"ALFWorld's original engine refuses the problem: {error}; repair it") from error
        if self._cached:
            _remember_commands(self._env.unwrapped._logic.grammar)

    def reset(self) -> str:
        """Start the game again; the first observation."""
        with self._playing():
            self._state = self._env.reset()
        return str(self._state.feedback)

    def step(self, command: str) -> tuple[str, bool]:
        """Do a command: the answer, and whether the goal holds afterwards."""
        with self._playing():
            self._state, _, _ = self._env.step(command)
        return str(self._state.feedback), self.won

    @property
    def admissible(self) -> list[str]:
        """The admissible commands, sorted."""
        return list(self._state["admissible_commands"])

    @property
    def won(self) -> bool:
        return bool(self._state["won"])

    @contextmanager
    def _playing(self) -> Iterator[None]:
        """Put the caches in place, and `sys.argv`, which the translator overwrites, back."""
        arguments = sys.argv
        with ExitStack() as stack:
            stack.callback(setattr, sys, "argv", arguments)
            for owner, name, function in _CACHED if self._cached else ():
                stack.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, function)
            yield


def packaged_logic() -> tuple[str, str]:
    """PDDL domain and text grammar (with `UNKNOWN GOAL` for the goal sentence) of the installed alfworld."""
    data = files("alfworld") / "data"
    return (data / "alfred.pddl").read_text(), (data / "alfred.twl2").read_text()


def _remember_commands(grammar: Any) -> None:
    """Commands depend on the ids alone, feedback (`#...#`) on the state too."""
    derive: Callable[[str, dict[str, Any]], str] = grammar.derive
    known: dict[Any, str] = {}

    def remembered(start: str, context: dict[str, Any]) -> str:
        if start.startswith("#"):
            return derive(start, context)
        key = start, tuple((slot.name, entity.name) for slot, entity in context["mapping"].items())
        if key not in known:
            known[key] = derive(start, context)
        return known[key]

    grammar.derive = remembered


_translate = fast_downward.pddl2sas
_parse = lru_cache(maxsize=None)(textgen._parse_and_convert)
_parse_query = lru_cache(maxsize=None)(textgen.Rule.parse_conjunctive_query)


@lru_cache(maxsize=32)
def _translated(domain: str, problem: str, verbose: bool = False, optimize: bool = False) -> Any:
    return _translate(domain, problem, verbose=verbose, optimize=optimize)


def _parsed(text: str, rule_name: str, trace: bool = False) -> Any:
    # The original writes the context of a derivation into the symbols.
    return deepcopy(_parse(text, rule_name=rule_name, trace=trace))


class _Queries:
    parse_conjunctive_query = staticmethod(_parse_query)


_CACHED: tuple[tuple[Any, str, Any], ...] = (
    (fast_downward, "pddl2sas", _translated),
    (textgen, "_parse_and_convert", _parsed),
    (textgen, "Rule", _Queries),
)
"""What is replaced while the engine runs: owner, name, replacement."""
