"""Each rule passes the built-in methods and catches a method that breaks it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from turngym import credit
from turngym.credit import Credits, Steps, check
from turngym.credit.check import Broken, CreditFactory, Rule, check_credit, rules
from turngym.credit.toolbox import center, code

METHODS = [
    "grpo",
    "dr_grpo",
    "rloo",
    "reinforce_pp",
    "reinforce_pp_baseline",
    "gigpo",
    "hgpo",
    "gae",
    "gae_positions",
]


@dataclass
class Method:
    """Discounted returns, and a way to spoil them."""

    def __call__(self, steps: Steps) -> Any:
        return self.spoilt(Credits(advantages=steps.returns(0.9)), steps)

    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return credits


class BareArray(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return credits.advantages


class OnePerEpisode(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return Credits(advantages=np.bincount(steps.traj, steps.reward))


class OnePerTurnSaidToken(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, per="token")


class ReturnsOfAnotherShape(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, returns=np.zeros(1 + len(steps)))


class AnswersAList(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, advantages=credits.advantages.tolist())


class NotANumber(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, advantages=credits.advantages / np.maximum(steps.t * np.nan, steps.t))


class MetricIsNone(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, metrics={"gap": None})


class DividesByTheSpread(Method):
    """Fine until all episodes of a group are alike."""

    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        with np.errstate(all="ignore"):
            return replace(credits, advantages=credits.advantages / np.std(steps.score()))


class ChangesRewards(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        steps.reward[:] = credits.advantages
        return credits


class ChangesEpisodes(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        steps.trajectories[0].turns[0].reward += 1.0
        return credits


class Rolls(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, advantages=credits.advantages + random.random())


class CountsItsCalls(Method):
    calls: list[int] = []  # noqa: RUF012

    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        self.calls.append(len(steps))
        return replace(credits, advantages=credits.advantages + len(self.calls))


class FavoursTheFirst(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, advantages=credits.advantages + (steps.traj == 0))


class CountsStates(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, advantages=credits.advantages * steps.state)


class LikesLength(Method):
    def spoilt(self, credits: Credits, steps: Steps) -> Any:
        return replace(credits, advantages=center(steps.t.astype(float), code(steps.group)))


class Learner:
    """Learns one number: how many turns it has seen, which it adds to the credit."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, steps: Steps) -> Credits:
        return Credits(advantages=steps.returns(1.0) + self.seen)

    def fit(self, steps: Steps) -> Credits:
        given = self(steps)
        self.seen += len(steps)
        return given

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


class LearnsWhenAsked(Learner):
    def __call__(self, steps: Steps) -> Credits:
        self.seen += 1
        return super().__call__(steps)


class ForgetsItself(Learner):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Does nothing."""


class StoresAnArray(Learner):
    def state_dict(self) -> dict[str, Any]:
        return {"seen": np.array(self.seen)}


CASES: list[tuple[Rule, Any, str]] = [
    (check.answers_with_credits, BareArray, r"returned array\(.*return Credits"),
    (check.answers_with_credits, OnePerEpisode, r"has the shape \(12,\) for \d+ turns"),
    (check.answers_with_credits, OnePerTurnSaidToken, r"has the shape \(\d+,\) for \d+ tokens"),
    (check.answers_with_credits, ReturnsOfAnotherShape, r"returns has the shape"),
    (check.answers_with_credits, AnswersAList, "advantages is .*; give a numpy array"),
    (check.numbers_are_finite, NotANumber, r"advantages hold array\(\[.*nan"),
    (check.numbers_are_finite, MetricIsNone, "the metric 'gap' is None"),
    (check.copes_with_odd_tables, DividesByTheSpread, "for an episode of one turn, advantages hold"),
    (check.leaves_the_table_alone, ChangesRewards, r"changed steps\.reward"),
    (check.leaves_the_table_alone, ChangesEpisodes, r"changed steps\.trajectories"),
    (check.repeats, Rolls, "one table got two credits"),
    (check.repeats, CountsItsCalls, "one table got two credits"),
    (check.order_does_not_matter, FavoursTheFirst, "and in another place"),
    (check.states_are_names, CountsStates, "only compare them"),
    (check.rewards_matter, LikesLength, r"read steps\.reward"),
    (check.crediting_changes_nothing, LearnsWhenAsked, "learn in fit alone"),
    (check.learning_restores, ForgetsItself, "store all that changes"),
    (check.learning_restores, StoresAnArray, r"state_dict\(\)\['seen'\] holds a ndarray"),
]


@pytest.mark.parametrize(("rule", "method", "sentence"), CASES)
def test_a_rule_catches_who_breaks_it(rule: Rule, method: CreditFactory, sentence: str) -> None:
    with pytest.raises(Broken, match=sentence):
        rule(method, 0)


def test_every_rule_has_such_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(rules)


@pytest.mark.parametrize("rule", rules)
def test_every_rule_says_what_it_asks(rule: Rule) -> None:
    assert rule.__doc__
    assert len(rule.__doc__.splitlines()) == 1


@pytest.mark.parametrize("name", METHODS)
def test_built_in_methods_keep_the_contract(name: str) -> None:
    for seed in range(5):
        assert [v for v in check_credit(credit.registry.get(name), seed=seed) if not v.passed] == []


@pytest.mark.parametrize("method", [Method, Learner])
def test_plain_and_learned_methods_keep_the_contract(method: CreditFactory) -> None:
    assert [verdict for verdict in check_credit(method) if not verdict.passed] == []


@pytest.mark.parametrize("name", ["oprl", "prime", "spa"])
def test_methods_with_a_model_of_their_own_keep_the_contract(name: str) -> None:
    pytest.importorskip("torch")
    from turngym.trainers.backbone import OwnModel
    from turngym.trainers.models import tiny

    def made() -> Any:
        backbone = OwnModel(lambda: tiny(hidden=16, layers=1, heads=2, feed_forward=32).model)
        return credit.registry.make(name, backbone=backbone)

    assert [verdict for verdict in check_credit(made) if not verdict.passed] == []


def test_the_control_that_deals_at_random_breaks_one_rule() -> None:
    broken = [v.rule for v in check_credit(credit.registry.get("shuffled")) if not v.passed]
    assert broken == ["order_does_not_matter"]


def test_nan_and_a_wrong_shape_are_caught_by_the_rules_that_say_so() -> None:
    assert {v.rule for v in check_credit(NotANumber) if not v.passed} >= {"numbers_are_finite"}
    assert {v.rule for v in check_credit(OnePerEpisode) if not v.passed} >= {"answers_with_credits"}
