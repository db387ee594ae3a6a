"""Each rule passes a sound environment and catches one that breaks it and little else."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from turngym import envs
from turngym.core.types import Info
from turngym.envs import check
from turngym.envs.base import Factory, Step
from turngym.envs.check import Broken, Rule, check_env, rules
from turngym.envs.corridor import Corridor

Answer = tuple[str, Info]
shared_cells: list[int] = []


class Rewritten(Corridor):
    """A corridor whose answers go through `reset_answer` and `step_answer`."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Answer:
        return self.reset_answer(*super().reset(seed=seed))

    def step(self, action: str) -> Step:
        return self.step_answer(*super().step(action))

    def reset_answer(self, obs: str, info: Info) -> Any:
        return obs, self.told(info)

    def step_answer(self, obs: str, reward: float, terminated: bool, truncated: bool, info: Info) -> Any:
        return obs, reward, terminated, truncated, self.told(info)

    def told(self, info: Info) -> Info:
        return info


class SpeaksBytes(Rewritten):
    def step_answer(self, obs: str, *rest: Any) -> Any:
        return (obs.encode(), *rest)


class TakesNumbers(Corridor):
    def __init__(self) -> None:
        super().__init__()
        self.action_space = gymnasium.spaces.Discrete(2)  # type: ignore[assignment]


class AnswersFour(Rewritten):
    def step_answer(self, obs: str, reward: float, terminated: bool, truncated: bool, info: Info) -> Any:
        return obs, reward, terminated or truncated, info


class AnswersNumpyFlags(Rewritten):
    def step_answer(self, obs: str, reward: float, terminated: bool, truncated: bool, info: Info) -> Any:
        return obs, reward, np.bool_(terminated), truncated, info


class AnswersObservationAlone(Rewritten):
    def reset_answer(self, obs: str, info: Info) -> Any:
        return obs


class PaysInfinity(Rewritten):
    def step_answer(self, obs: str, reward: float, *rest: Any) -> Any:
        return obs, float("inf"), *rest


class PaysNothingAtAll(Rewritten):
    def step_answer(self, obs: str, reward: float, *rest: Any) -> Any:
        return obs, None, *rest


class RaisesAtNonsense(Corridor):
    def step(self, action: str) -> Step:
        if action not in self._admissible():
            raise ValueError(f"no such action: {action[:20]}")
        return super().step(action)


class RaisesLate(Corridor):
    """Raises in the second episode, in its first step."""

    episodes = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Answer:
        self.episodes += 1
        return super().reset(seed=seed)

    def step(self, action: str) -> Step:
        if self.episodes == 2:
            raise IndexError("an old list")
        return super().step(action)


class GoesOn(Rewritten):
    def step_answer(self, obs: str, reward: float, terminated: bool, truncated: bool, info: Info) -> Any:
        return obs, reward, reward > 0, truncated, info


class PaysAgain(Rewritten):
    def step_answer(self, obs: str, reward: float, terminated: bool, truncated: bool, info: Info) -> Any:
        return obs, float(terminated), terminated, truncated, info


class WakesInAMood(Rewritten):
    def reset_answer(self, obs: str, info: Info) -> Any:
        return f"{obs} Your mood is {os.urandom(6).hex()}.", info


class TakesSmallSeeds(Corridor):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Answer:
        np.random.RandomState(seed)
        return super().reset(seed=seed)


class Moody(Rewritten):
    def step_answer(self, obs: str, *rest: Any) -> Any:
        return (f"{obs} Your mood is {os.urandom(6).hex()}.", *rest)


class CountsForEver(Rewritten):
    """Its first observations agree, but a counter lives through resets."""

    steps = 0

    def step_answer(self, obs: str, *rest: Any) -> Any:
        self.steps += 1
        return (f"{obs} Step {self.steps}.", *rest)


class SharesItsPlace(Rewritten):
    """All instances write their place into one list."""

    def reset_answer(self, obs: str, info: Info) -> Any:
        shared_cells.clear()
        return obs, info

    def step_answer(self, obs: str, *rest: Any) -> Any:
        shared_cells.append(self.cell)
        return (f"{obs} You have seen {len(shared_cells)} cells.", *rest)


class LendsItsList(Rewritten):
    """The list in info is the one it works with."""

    def reset_answer(self, obs: str, info: Info) -> Any:
        self.path = [self.cell]
        return obs, info | {"path": self.path}

    def step_answer(self, obs: str, reward: float, terminated: bool, truncated: bool, info: Info) -> Any:
        self.path.append(self.cell)
        return obs, reward, terminated, truncated, info | {"path": self.path}


class TellsAFunction(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"helper": lambda: None}


class StateIsAList(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"state": list(info["state"])}


class StateAtTimes(Rewritten):
    def step_answer(self, obs: str, reward: float, terminated: bool, truncated: bool, info: Info) -> Any:
        del info["state"]
        return obs, reward, terminated, truncated, info


class ValidIsANumber(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"valid": int(info["valid"])}


class SuccessIsAReward(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"success": float(info["success"])}


class ScoreInPercent(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"score": 100.0}


class GrammarIsAList(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"grammar": ["left", "right"]}


class AdmissibleIsText(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"admissible": ", ".join(info["admissible"])}


class AdmissibleIsBlank(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"admissible": [*info["admissible"], ""]}


class AdmissibleTwice(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"admissible": info["admissible"] * 2}


class AdmissibleEmpty(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"admissible": []}


class SampleTwice(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"sample": ["left", "left"]}


class AdmissibleRefused(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"admissible": [*info["admissible"], "dance"]}


class ExpertIsSilent(Rewritten):
    def told(self, info: Info) -> Info:
        return {key: value for key, value in info.items() if key != "expert"}


class ExpertGoesAway(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"expert": "left" if self._way() == "right" else "right"}


class ExpertFails(Rewritten):
    def told(self, info: Info) -> Info:
        return info | {"success": False}


class ForgetsToSeed(Corridor):
    """Has a generator of its own and leaves Gymnasium's alone."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Answer:
        generator = np.random.default_rng(seed)
        self.exit = int(generator.choice([1, self.length]))
        self.cell = int(generator.integers(2, self.length))
        return self._look(), self._info(valid=True)


CASES: list[tuple[Rule, Callable[..., Any], str]] = [
    (check.speaks_strings, SpeaksBytes, "the observation is b'You are"),
    (check.speaks_strings, TakesNumbers, r"the action space Discrete\(2\) holds no text"),
    (check.answers_in_form, AnswersFour, r"step returned \(str, float, bool, dict\)"),
    (check.answers_in_form, AnswersNumpyFlags, r"step returned \(str, float, bool, bool, dict\)|np.bool"),
    (check.answers_in_form, AnswersObservationAlone, "reset returned str"),
    (check.rewards_are_finite, PaysInfinity, "the reward is inf after"),
    (check.rewards_are_finite, PaysNothingAtAll, "the reward is None after"),
    (check.survives_nonsense, RaisesAtNonsense, r"step\(''\) raised ValueError: no such action"),
    (check.survives_random_play, RaisesLate, "random play with seed 1 raised IndexError: an old list"),
    (check.stays_ended, GoesOn, "a step after the end goes on"),
    (check.stays_ended, PaysAgain, "a step after the end gives reward 1.0"),
    (check.resets_agree, WakesInAMood, "two resets of one environment with one seed differ"),
    (check.takes_large_seeds, TakesSmallSeeds, r"reset\(seed=2\*\*63 - 1\) raised ValueError"),
    (check.episodes_repeat, Moody, "two episodes with one seed and the same actions differ"),
    (check.reset_forgets, CountsForEver, "one after a reset in the middle differ in obs after"),
    (check.environments_are_apart, SharesItsPlace, "one beside another environment differ in obs"),
    (check.infos_are_fresh, LendsItsList, "whose infos the caller emptied differ in info"),
    (check.infos_pickle, TellsAFunction, r"info\['helper'\] is a function that does not pickle"),
    (check.state_is_hashable, StateIsAList, r"info\['state'\] is \[\d, \d\], which is not hashable"),
    (check.state_is_hashable, StateAtTimes, "info has no 'state' after"),
    (check.flags_are_bools, ValidIsANumber, r"info\['valid'\] is 1 after the reset"),
    (check.flags_are_bools, SuccessIsAReward, r"info\['success'\] is 0.0 after the reset"),
    (check.score_is_a_share, ScoreInPercent, r"info\['score'\] is 100.0 after the reset; give a share of 1"),
    (check.actions_are_told, GrammarIsAList, r"info\['grammar'\] is \['left', 'right'\]; write a line"),
    (check.admissible_are_strings, AdmissibleIsText, r"info\['admissible'\] is 'left, right'"),
    (check.admissible_are_strings, AdmissibleIsBlank, "make it a list of non-empty strings"),
    (check.admissible_are_strings, AdmissibleTwice, "names an action twice"),
    (check.admissible_are_strings, AdmissibleEmpty, r"info\['admissible'\] is empty after the reset"),
    (check.admissible_are_strings, SampleTwice, r"info\['sample'\] names an action twice"),
    (
        check.admissible_are_valid,
        AdmissibleRefused,
        "the admissible action 'dance' was answered with valid=False",
    ),
    (check.expert_wins, ExpertIsSilent, "info has no 'expert' after the reset"),
    (check.expert_wins, ExpertGoesAway, "the expert did not finish in 500 turns"),
    (check.expert_wins, ExpertFails, "the expert's episode ended with success False"),
    (check.factory_pickles, lambda **kwargs: Corridor(**kwargs), "the factory does not pickle"),
    (check.passes_gymnasium, ForgetsToSeed, "Gymnasium's checker says"),
]


@pytest.mark.parametrize(("rule", "factory", "sentence"), CASES)
def test_a_rule_catches_who_breaks_it(rule: Rule, factory: Factory, sentence: str) -> None:
    rule(Corridor, 0)
    with pytest.raises(Broken, match=sentence):
        rule(factory, 0)


def test_every_rule_has_such_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(rules)


@pytest.mark.parametrize("rule", rules)
def test_every_rule_says_what_it_asks(rule: Rule) -> None:
    assert rule.__doc__
    assert len(rule.__doc__.splitlines()) == 1


@pytest.mark.parametrize("rule", rules)
@pytest.mark.parametrize("length", [3, 5, 40])
def test_the_corridor_keeps_the_contract(rule: Rule, length: int) -> None:
    for seed in range(3):
        assert rule(envs.factory("Corridor-v0", length=length), seed) is None


def test_household_keeps_the_contract() -> None:
    for seed in range(3):
        assert [
            verdict for verdict in check_env("turngym/Household-v0", seed=seed) if not verdict.passed
        ] == []


def test_a_broken_environment_gets_its_verdicts() -> None:
    verdicts = {verdict.rule: verdict for verdict in check_env(PaysAgain, length=4)}
    assert [verdict.rule for verdict in verdicts.values()] == [rule.__name__ for rule in rules]
    assert {name for name, verdict in verdicts.items() if not verdict.passed} == {"stays_ended"}
    assert verdicts["stays_ended"].message.startswith("a step after the end gives reward 1.0")


def test_an_environment_that_cannot_be_built_is_a_verdict_too() -> None:
    verdicts = check_env(Corridor, length=1)
    assert not any(verdict.passed for verdict in verdicts if verdict.rule != "factory_pickles")
    assert "at least 3 cells, got length=1" in verdicts[0].message


def test_what_an_environment_does_not_tell_is_noted() -> None:
    class Terse(Rewritten):
        def __init__(self) -> None:
            super().__init__()

        def told(self, info: Info) -> Info:
            return {}

    verdicts = {verdict.rule: verdict for verdict in check_env(Terse)}
    assert verdicts["state_is_hashable"] == (
        "state_is_hashable",
        True,
        "no state is told; the observation stands for it",
    )
    assert verdicts["admissible_are_strings"].message == "no admissible actions are told"
    assert verdicts["expert_wins"].message == "no expert is offered"
    assert verdicts["score_is_a_share"].message == "no score is told; the sum of the rewards stands for it"
    assert verdicts["actions_are_told"].message == "neither admissible actions nor a grammar are told"


def test_an_environment_of_numbers_is_told_that_it_holds_no_text() -> None:
    verdicts = check_env("CartPole-v1")
    assert verdicts[0].message == "the action space Discrete(2) holds no text; use Text()"
