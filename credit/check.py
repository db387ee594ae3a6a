"""The contract of a credit method, as rules that an author can run one by one.

A rule takes what makes the method and a seed; it raises `Broken` with what it saw, and returns a note where it did not
apply. `check_credit` tries them all; the tests of a method of one's own may take them singly:

    @pytest.mark.parametrize("rule", rules)
    def test_my_credit_keeps_the_contract(rule):
        rule(MyCredit, 0)

A method that learns is asked as training asks it, by `fit`; what makes it has to give it a model of its own each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any

import numpy as np

from turngym.core.rules import Broken, Verdict, brief, need, verdicts
from turngym.credit import Credit, Credits, Learned, specimen
from turngym.credit.steps import Floats, Steps

__all__ = ["Broken", "Rule", "Verdict", "check_credit", "rules"]

CreditFactory = Callable[[], Credit]
Rule = Callable[[CreditFactory, int], str | None]

BATCHES = 4
"""So many random tables a rule looks at."""
NEAR = 1e-4
"""Relative and absolute: sums in another order round in another way."""


def check_credit(credit: CreditFactory, *, seed: int = 0) -> list[Verdict]:
    """Try every rule on a method, given as what makes it. A broken rule is a verdict, not an exception."""
    return verdicts(rules, credit, seed)


# The form of an answer


def answers_with_credits(credit: CreditFactory, seed: int) -> None:
    """The answer is a `Credits`, with one number per turn, or per sampled token, in the table's order."""
    for steps in _tables(seed):
        given = _give(credit, steps)
        need(
            isinstance(given, Credits), f"the method returned {brief(given)}; return Credits(advantages=...)"
        )
        need(given.per in ("turn", "token"), f"per is {given.per!r}; say 'turn' or 'token'")
        _need_shape("advantages", given.advantages, steps, given.per)
        if given.returns is not None:
            _need_shape("returns", given.returns, steps, given.per)


def numbers_are_finite(credit: CreditFactory, seed: int) -> None:
    """Advantages, returns and metrics are finite numbers."""
    for steps in _tables(seed):
        _need_finite(_give(credit, steps), "")


def copes_with_odd_tables(credit: CreditFactory, seed: int) -> None:
    """Lone episodes, equal outcomes, single turns and turns without tokens get finite numbers too."""
    for what, groups in specimen.odd(seed).items():
        steps = specimen.steps(groups)
        given = _give(credit, steps)
        _need_shape(f"for {what}, advantages", given.advantages, steps, given.per)
        _need_finite(given, f"for {what}, ")


def leaves_the_table_alone(credit: CreditFactory, seed: int) -> None:
    """The method changes nothing in the table, its episodes or its samples."""
    for steps in _tables(seed):
        before = deepcopy(steps)
        _give(credit, steps)
        for field in fields(Steps):
            kept = _equal(getattr(before, field.name), getattr(steps, field.name))
            need(kept, f"the method changed steps.{field.name}; work on a copy")


# What credit depends on


def repeats(credit: CreditFactory, seed: int) -> None:
    """The same table gives the same credit, asked again and by another one of the kind."""
    for steps in _tables(seed):
        made = credit()
        once, again = made(steps).advantages, made(steps).advantages
        need(_equal(once, again), "one table got two credits; draw chance from the seed or the table")
        need(
            _equal(_give(credit, steps).advantages, _give(credit, steps).advantages),
            "two methods made alike gave one table two credits; keep no state outside",
        )


def order_does_not_matter(credit: CreditFactory, seed: int) -> None:
    """Episodes get the same credit wherever in the table they stand."""
    for groups in _batches(seed):
        there, back = specimen.steps(groups), specimen.steps(specimen.reversed_order(groups))
        given, turned = _give(credit, there), _give(credit, back)
        wanted = _by_episode(given, there)
        for episode, numbers in _by_episode(turned, back).items():
            need(
                _near(numbers, wanted[episode]),
                f"an episode got {brief(wanted[episode])}, and in another place {brief(numbers)}",
            )


def states_are_names(credit: CreditFactory, seed: int) -> None:
    """States are compared and not counted: other numbers for them change nothing."""
    for steps in _tables(seed):
        renamed = replace(steps, state=1000 - 7 * steps.state)
        given, other = _give(credit, steps).advantages, _give(credit, renamed).advantages
        need(_near(given, other), "other numbers for the same states gave other credit; only compare them")


def rewards_matter(credit: CreditFactory, seed: int) -> str | None:
    """Other rewards give other credit."""
    if isinstance(credit(), Learned):
        return "it learns; rewards reach it by `fit`"
    changed = 0
    for steps in _tables(seed):
        more = steps.reward + (steps.traj % 2) * (steps.t == 0)  # every other episode earns 1 more
        given = _give(credit, steps).advantages
        changed += not _near(given, _give(credit, replace(steps, reward=more)).advantages)
    need(changed > 0, "the rewards were changed and the credit was not; read steps.reward")
    return None


# What training relies on


def crediting_changes_nothing(credit: CreditFactory, seed: int) -> str | None:
    """A method that learns changes in `fit`, and not when it is called."""
    made = credit()
    if not isinstance(made, Learned):
        return "it does not learn"
    table, *others = _tables(seed)
    made.fit(table)
    first = made(table).advantages
    for other in others:
        made(other)
    need(_equal(first, made(table).advantages), "calls changed what the method says; learn in fit alone")
    return None


def learning_restores(credit: CreditFactory, seed: int) -> str | None:
    """A method that learns goes on from its `state_dict` as if it had never stopped."""
    made, resumed = credit(), credit()
    if not isinstance(made, Learned) or not isinstance(resumed, Learned):
        return "it does not learn"
    first, second, third = _tables(seed)[:3]
    made.fit(first)
    state = deepcopy(made.state_dict())
    _need_plain(state, "state_dict()")
    resumed.load_state_dict(state)
    for table in (second, third):
        same = _near(made.fit(table).advantages, resumed.fit(table).advantages)
        need(
            same, "a method that was resumed credits otherwise than one that went on; store all that changes"
        )
    return None


rules: tuple[Rule, ...] = (
    answers_with_credits,
    numbers_are_finite,
    copes_with_odd_tables,
    leaves_the_table_alone,
    repeats,
    order_does_not_matter,
    states_are_names,
    rewards_matter,
    crediting_changes_nothing,
    learning_restores,
)


def _batches(seed: int) -> list[specimen.Batch]:
    return [specimen.usual(seed * BATCHES + number) for number in range(BATCHES)]


def _tables(seed: int) -> list[Steps]:
    return [specimen.steps(groups) for groups in _batches(seed)]


def _give(credit: CreditFactory, steps: Steps) -> Credits:
    """The credit of a new method, asked as the training loop asks."""
    made = credit()
    return made.fit(steps) if isinstance(made, Learned) else made(steps)


def _need_shape(name: str, numbers: Any, steps: Steps, per: str) -> None:
    wanted = len(steps) if per == "turn" else int(steps.tokens.sum())
    need(isinstance(numbers, np.ndarray), f"{name} is {brief(numbers)}; give a numpy array")
    right = numbers.shape == (wanted,)
    need(right, f"{name} has the shape {numbers.shape} for {wanted} {per}s; give ({wanted},)")


def _need_finite(given: Credits, where: str) -> None:
    for name, numbers in (("advantages", given.advantages), ("returns", given.returns)):
        finite = numbers is None or bool(np.isfinite(numbers).all())
        need(finite, f"{where}{name} hold {brief(numbers)}; give finite numbers")
    for name, number in given.metrics.items():
        finite = isinstance(number, int | float) and math.isfinite(number)
        need(finite, f"{where}the metric {name!r} is {number!r}; give a finite number")


def _need_plain(value: Any, where: str) -> None:
    """Tensors and plain values, which a checkpoint reads back without unpickling code."""
    if isinstance(value, dict):
        for key, item in value.items():
            _need_plain(item, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple):
        for item in value:
            _need_plain(item, where)
    else:
        plain = value is None or isinstance(value, bool | int | float | str)
        tensor = type(value).__module__.partition(".")[0] == "torch"
        need(plain or tensor, f"{where} holds a {type(value).__name__}; store tensors and plain values")


def _by_episode(given: Credits, steps: Steps) -> dict[int, Floats]:
    """The numbers of each episode, by its identity."""
    lengths = np.ones(len(steps), dtype=np.int64) if given.per == "turn" else steps.tokens
    traj = np.repeat(steps.traj, lengths)
    return {
        id(trajectory): given.advantages[traj == number]
        for number, trajectory in enumerate(steps.trajectories)
    }


def _near(one: Floats, other: Floats) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=NEAR, atol=NEAR))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other)
    return bool(one == other)
