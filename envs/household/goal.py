"""Goals: a PDDL condition compiled into a test of the state.

Understood: `and`, `or`, `not`, `imply`, `exists`, `forall`, `=` and every predicate of the domain that an action
can change and that shows in the state, besides all facts that never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from turngym.envs.household.pddl import Expr, ProblemError, typed
from turngym.envs.household.state import State

Binding = dict[str, str]
Test = Callable[[State, Binding], bool]
Facts = Mapping[str, frozenset[tuple[str, ...]]]

CHANGING: dict[str, Callable[..., bool]] = {
    "atlocation": lambda state, agent, location: state.location == location,
    "opened": lambda state, receptacle: receptacle in state.opened,
    "inreceptacle": lambda state, thing, receptacle: thing in state.contents.get(receptacle, ()),
    "objectatlocation": lambda state, thing, location: thing in state.lying.get(location, ()),
    "holds": lambda state, agent, thing: thing in state.held,
    "holdsany": lambda state, agent: state.hands_full,
    "isclean": lambda state, thing: thing in state.clean,
    "ishot": lambda state, thing: thing in state.hot,
    "iscool": lambda state, thing: thing in state.cool,
    "ison": lambda state, thing: thing in state.on,
    "istoggled": lambda state, thing: thing in state.toggled,
    "issliced": lambda state, thing: thing in state.sliced,
}
"""Predicates that actions change. (`checked` changes too, but nothing reads it and no goal asks for it.)"""


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: its text as nested lists, and the test compiled from it."""

    expr: Expr
    test: Test

    def holds(self, state: State) -> bool:
        return self.test(state, {})


def compile_goal(expr: Expr, facts: Facts, types: Mapping[str, str]) -> Goal:
    """Compile a goal for one problem: its initial facts by predicate and the type of each of its names.

    Raises `ProblemError` for a condition or predicate that is not understood.
    """
    return Goal(expr, _Compiler(facts, types).compile(expr))


class _Compiler:
    def __init__(self, facts: Facts, types: Mapping[str, str]) -> None:
        self.facts = facts
        self.types = types

    def compile(self, expr: Expr) -> Test:
        match expr:
            case ["and", *parts]:
                return _all([self.compile(part) for part in parts])
            case ["or", *parts]:
                return _any([self.compile(part) for part in parts])
            case ["not", part]:
                return _not(self.compile(part))
            case ["imply", left, right]:
                return _any([_not(self.compile(left)), self.compile(right)])
            case ["exists", list(variables), body]:
                return self._exists(dict(typed(variables)), body)
            case ["forall", list(variables), body]:
                return _not(self._exists(dict(typed(variables)), ["not", body]))
            case [str(predicate), *args] if all(isinstance(arg, str) for arg in args):
                return self._atom(predicate, tuple(map(str, args)))
            case _:
                raise ProblemError(f"the goal has a part that is no PDDL condition: {expr!r}")

    def _atom(self, predicate: str, args: tuple[str, ...]) -> Test:
        if predicate == "=":
            left, right = args
            return lambda state, binding: binding.get(left, left) == binding.get(right, right)
        if predicate == "checked":
            raise ProblemError("the goal asks for 'checked', which this engine does not keep")
        changing = CHANGING.get(predicate)
        if changing is not None:
            return lambda state, binding: changing(state, *[binding.get(arg, arg) for arg in args])
        facts = self.facts.get(predicate, frozenset())
        return lambda state, binding: tuple([binding.get(arg, arg) for arg in args]) in facts

    def _exists(self, variables: dict[str, str], body: Expr) -> Test:
        """Bind one variable after another, testing each conjunct as soon as its variables are bound."""
        parts = _conjuncts(body)
        test = _all([self.compile(part) for part in _free_of(parts, set(variables))])
        unbound = set(variables)
        steps: list[tuple[str, list[str], Test]] = []
        for name in variables:
            before = {id(part) for part in _free_of(parts, unbound)}
            unbound.discard(name)
            ready = [part for part in _free_of(parts, unbound) if id(part) not in before]
            domain = self._domain(name, variables[name], ready)
            steps.append((name, domain, _all([self.compile(part) for part in ready])))
        for name, domain, ready_test in reversed(steps):
            pass
        raise NotImplementedError

    def _domain(self, name: str, kind: str, parts: list[Expr]) -> list[str]:
        """Names that the variable may stand for: those of its type that meet every constant condition on it."""
        raise NotImplementedError
