"""Goals: a PDDL condition compiled into a test of the state.

Understood: `and`, `or`, `not`, `imply`, `exists`, `forall`, `=`, every fact that never changes and the facts
of `CHANGING`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from turngym.envs.household.domain import SIGNATURES
from turngym.envs.household.pddl import Expr, ProblemError, typed
from turngym.envs.household.state import State

Facts = Mapping[str, set[tuple[str, ...]]]
Binding = dict[str, str]
Test = Callable[[State, Binding], bool]

CHANGING: dict[str, Callable[..., bool]] = {
    "atlocation": lambda state, agent, location: state.location == location,
    "opened": lambda state, receptacle: receptacle in state.opened,
    "inreceptacle": lambda state, item, receptacle: item in state.contents.get(receptacle, ()),
    "objectatlocation": lambda state, item, location: item in state.lying.get(location, ()),
    "holds": lambda state, agent, item: item in state.held,
    "holdsany": lambda state, agent: state.hands_full,
    "isclean": lambda state, item: item in state.clean,
    "ishot": lambda state, item: item in state.hot,
    "iscool": lambda state, item: item in state.cool,
    "ison": lambda state, item: item in state.on,
    "istoggled": lambda state, item: item in state.toggled,
    "issliced": lambda state, item: item in state.sliced,
}
"""Predicates that actions change, as tests of the state."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: the PDDL condition, and the test compiled from it."""

    expr: Expr
    test: Test

    def holds(self, state: State) -> bool:
        return self.test(state, {})


def compile_goal(expr: Expr, facts: Facts, types: Mapping[str, str]) -> Goal:
    """Compile a goal for one problem: its initial facts by predicate, and the type of each of its names.

    Raises `ProblemError` for a condition that is not understood.
    """
    return Goal(expr, _Compiler(facts, types).compile(expr))


def words(expr: Expr) -> Iterator[str]:
    """Every word of an expression, from left to right."""
    if isinstance(expr, str):
        yield expr
    else:
        for part in expr:
            yield from words(part)


class _Compiler:
    def __init__(self, facts: Facts, types: Mapping[str, str]) -> None:
        self.facts = facts
        self.types = types

    def compile(self, expr: Expr) -> Test:
        match expr:
            case []:
                return lambda state, binding: True
            case ["and", *parts]:
                return _all([self.compile(part) for part in parts])
            case ["or", *parts]:
                return _any([self.compile(part) for part in parts])
            case ["not", part]:
                return _not(self.compile(part))
            case ["imply", left, right]:
                return _any([_not(self.compile(left)), self.compile(right)])
            case ["exists", list(variables), ["exists", list(more), body]]:
                return self.compile(["exists", [*variables, *more], body])
            case ["exists", list(variables), body]:
                return self._exists(list(typed(variables)), _conjuncts(body))
            case ["forall", list(variables), body]:
                return _not(self.compile(["exists", variables, ["not", body]]))
            case [str(predicate), *args]:
                return self._atom(predicate, args)
        raise ProblemError(f"the goal has a part that is no PDDL condition: {expr!r}")

    def _atom(self, predicate: str, args: list[Expr]) -> Test:
        names = [arg for arg in args if isinstance(arg, str)]
        arity = 2 if predicate == "=" else len(SIGNATURES.get(predicate, ()))
        if not arity == len(names) == len(args):
            raise ProblemError(
                f"the goal has a condition that this engine does not know: {[predicate, *args]}"
            )
        if predicate == "=":
            left, right = names
            return lambda state, binding: binding.get(left, left) == binding.get(right, right)
        if predicate in CHANGING:
            changing = CHANGING[predicate]
            return lambda state, binding: changing(state, *[binding.get(name, name) for name in names])
        facts = self.facts.get(predicate, set())
        return lambda state, binding: tuple([binding.get(name, name) for name in names]) in facts

    def _exists(self, variables: list[tuple[str, str]], parts: list[Expr]) -> Test:
        """Bind the variables in order; test each part as soon as all its variables are bound."""
        if not variables:
            return _all([self.compile(part) for part in parts])
        (name, kind), *rest = variables
        unbound = {later for later, _ in rest}
        ready = [part for part in parts if unbound.isdisjoint(words(part))]
        waiting = [part for part in parts if not unbound.isdisjoint(words(part))]
        domain = self._domain(name, kind, ready)
        now = _all([self.compile(part) for part in ready])
        then = self._exists(rest, waiting)

        def test(state: State, binding: Binding) -> bool:
            return any(
                now(state, inner) and then(state, inner)
                for inner in ({**binding, name: one} for one in domain)
            )

        return test

    def _domain(self, name: str, kind: str, parts: list[Expr]) -> list[str]:
        """What a variable may stand for: names of its type that meet the fixed conditions on it alone."""
        fixed = [part for part in parts if self._is_fixed(part, name)]
        # `object` is PDDL's root type: every name is one.
        ofkind = (one for one, its_kind in self.types.items() if kind in (its_kind, "object"))
        return [one for one in ofkind if all(self._is_fact(part, {name: one}) for part in fixed)]

    def _is_fixed(self, part: Expr, name: str) -> bool:
        match part:
            case [str(predicate), *args] if predicate in self.facts and predicate not in CHANGING:
                return all(isinstance(arg, str) and (arg == name or not arg.startswith("?")) for arg in args)
        return False

    def _is_fact(self, part: Expr, binding: Binding) -> bool:
        predicate, *names = words(part)
        return tuple(binding.get(name, name) for name in names) in self.facts[predicate]


def _conjuncts(expr: Expr) -> list[Expr]:
    match expr:
        case ["and", *parts]:
            return parts
    return [expr]


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda state, binding: all(test(state, binding) for test in tests)


def _any(tests: list[Test]) -> Test:
    return lambda state, binding: any(test(state, binding) for test in tests)


def _not(test: Test) -> Test:
    return lambda state, binding: not test(state, binding)
