"""`turngym/ScienceWorld-v0` on the package's own Java program."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable

import pytest
from tests.envs import recordings

from turngym import envs
from turngym.core.errors import UserError
from turngym.envs import check

pytest.importorskip("scienceworld", reason="needs turngym[scienceworld]")
if shutil.which("java") is None:
    pytest.skip("needs Java", allow_module_level=True)

from turngym.envs.scienceworld import REFUSED, SPLITS, TASKS, ScienceWorld, numbers, task_ids


@pytest.mark.slow
@pytest.mark.parametrize("rule", check.rules)
def test_the_contract_is_kept(rule: Callable[[envs.Factory, int], str | None]) -> None:
    rule(envs.factory("turngym/ScienceWorld-v0", tasks=["find-plant"]), 0)


def won(env: ScienceWorld, task: str) -> bool:
    _, info = env.reset(options={"task": task})
    total = info["score"]
    while "expert" in info:
        _, reward, _, _, info = env.step(info["expert"])
        total += reward
    return bool(info["success"]) and total == pytest.approx(1)


def test_the_gold_path_wins() -> None:
    env = ScienceWorld(["find-plant", "power-component"], expert=True)
    assert won(env, "find-plant/0003")
    assert won(env, "power-component/0001")


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_the_gold_path_wins_in_every_task(name: str) -> None:
    for split in SPLITS:
        env = ScienceWorld([name], split, expert=True)
        assert won(env, env.tasks[-1])


def test_recorded_episodes_play_the_same() -> None:
    recordings.check("scienceworld")


@pytest.mark.slow
def test_folds_are_the_packages_own() -> None:
    env = ScienceWorld()
    assert {*env._ask("getTaskNames")} == {*TASKS}
    for name in TASKS:
        env._ask("load", name, 0, "", False)
        own = {split: list(env._ask(f"getVariations{split.capitalize()}")) for split in SPLITS}
        assert own == {split: list(numbers(name, split)) for split in SPLITS}, name


def test_folds_share_no_variation_and_hold_them_all() -> None:
    ids = [id for split in SPLITS for id in task_ids(tuple(TASKS), split)]
    assert len(ids) == len({*ids}) == 7207


def test_a_wrong_answer_ends_the_episode_with_score_zero() -> None:
    env = ScienceWorld(["find-plant"], admissible=True)
    _, info = env.reset(options={"task": "find-plant/0003"})
    wrong = next(action for action in info["admissible"] if action.startswith("focus on agent"))
    _, reward, terminated, _, info = env.step(wrong)
    assert (terminated, info["success"], info["score"], reward) == (True, False, 0.0, 0.0)
    assert env.step("look around")[:4] == (REFUSED, 0.0, True, False)


def test_what_the_simulator_does_not_know_is_not_valid() -> None:
    env = ScienceWorld(["find-plant"])
    env.reset(seed=0)
    for action in ("fly", "take moon", "", "\ud800", "go to \N{ROCKET}", "x" * 1_000_000):
        assert env.step(action)[4]["valid"] is False
    assert env.step("look around")[4]["valid"] is True


def test_small_tasks_are_drawn_as_often_as_large_ones() -> None:
    env = ScienceWorld(["identify-life-stages-2", "test-conductivity"])
    env.reset(seed=0)
    drawn = [env._drawn().partition("/")[0] for _ in range(200)]
    assert 70 < drawn.count("identify-life-stages-2") < 130


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(UserError, match="no task 'boiling'"):
        ScienceWorld(["boiling"])
    with pytest.raises(UserError, match="no simplification 'hard'"):
        ScienceWorld(simplifications="hard")


def test_random_play_does_not_crash() -> None:
    env = ScienceWorld(["boil"], admissible=True)
    chance = random.Random(0)
    _, info = env.reset(seed=0)
    for _ in range(15):
        _, _, over, _, info = env.step(chance.choice(info["admissible"]))
        if over:
            break
