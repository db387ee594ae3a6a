from __future__ import annotations

from typing import Any

import gymnasium
import pytest
from tests.envs import recordings

from turngym import envs
from turngym.core.errors import UserError
from turngym.envs import check
from turngym.envs.experts import NoExpert
from turngym.envs.tasks import UnknownTask

pytest.importorskip("minigrid")

from turngym.envs.minigrid.env import ACTIONS, MiniGrid
from turngym.envs.minigrid.experts import GOAL_LEVELS, UNSOLVED

SOLVED = ("BabyAI-GoToLocal-v0", "BabyAI-PutNextLocal-v0", "BabyAI-UnlockLocal-v0", "MiniGrid-DoorKey-5x5-v0")


def won(level: str, task: int, **arguments: Any) -> bool:
    env = MiniGrid(level, expert=True, **arguments)
    _, info = env.reset(options={"task": task})
    ended = False
    while not ended and "expert" in info:
        assert info["expert"] in info["admissible"]
        *_, terminated, truncated, info = env.step(info["expert"])
        ended = terminated or truncated
    return bool(info["success"])


@pytest.mark.parametrize("rule", check.rules)
@pytest.mark.parametrize("level", ["BabyAI-PickupLoc-v0", "MiniGrid-DoorKey-5x5-v0"])
def test_the_contract_is_kept(rule: check.Rule, level: str) -> None:
    rule(envs.factory("turngym/MiniGrid-v0", level=level), 0)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize("level", SOLVED)
def test_the_expert_wins(level: str, split: str) -> None:
    assert all(won(level, task, split=split) for task in range(5))


@pytest.mark.slow
def test_the_expert_wins_every_level_that_it_is_offered_for() -> None:
    levels = [id for id in gymnasium.registry if id.startswith(("MiniGrid-", "BabyAI-"))]
    offered = [
        level
        for level in levels
        if (level.startswith("BabyAI-") and not level.startswith(UNSOLVED))
        or level.removeprefix("MiniGrid-").startswith(GOAL_LEVELS)
    ]
    assert len(offered) > 100
    assert [level for level in offered if not won(level, 0)] == []


def test_recorded_episodes_play_the_same() -> None:
    recordings.check("minigrid")


def test_a_view_in_words() -> None:
    obs, info = MiniGrid("BabyAI-PutNextLocal-v0", expert=True).reset(options={"task": "81150"})
    assert obs == (
        "Your mission: put the grey key next to the green box.\n"
        "You see a green box 3 steps to the left, a green ball 2 steps ahead and 1 to the left and a grey key 2 steps"
        " ahead and 2 to the left. There is a wall 4 steps ahead and 2 steps to the right. You carry nothing."
    )
    assert (info["admissible"], info["task"]) == (["turn left", "turn right", "go forward"], "81150")


def test_a_view_as_a_map() -> None:
    obs, _ = MiniGrid("MiniGrid-DoorKey-5x5-v0", view="full").reset(options={"task": "5"})
    assert obs == (
        "Your mission: use the key to open the door and then get to the goal.\n"
        "#####\n#^D.#\n#K#.#\n#.#G#\n#####\n"
        "You are at column 1, row 1, facing north. There is a locked yellow door at column 2, row 1, a yellow key at"
        " column 1, row 2 and a green goal at column 3, row 3. You carry nothing."
    )


def test_equal_worlds_are_equal_states_whatever_the_way_there() -> None:
    env = MiniGrid()
    _, start = env.reset(options={"task": 0})
    states = []
    for action in ("turn left", "turn right", "turn right", "turn left"):
        states.append(env.step(action)[4]["state"])
    assert states[1] == states[3] == start["state"]
    assert len({*states}) == 3


def test_what_is_carried_and_what_is_done_are_part_of_the_state() -> None:
    env = MiniGrid("BabyAI-PutNextLocal-v0", expert=True)
    _, info = env.reset(options={"task": 0})
    while info["expert"] != "pick up":
        *_, info = env.step(info["expert"])
    before = info["state"]
    *_, info = env.step("pick up")
    assert info["state"] != before
    *_, info = env.step("drop")
    assert info["state"] == before


def test_the_reward_falls_with_the_steps() -> None:
    env = MiniGrid("MiniGrid-Empty-5x5-v0", expert=True)
    rewards = []
    for detour in (0, 10):
        _, info = env.reset(seed=0)
        for _ in range(detour):
            *_, info = env.step("done")
        ended, steps = False, detour
        while not ended:
            _, reward, ended, _, info = env.step(info["expert"])
            steps += 1
        assert reward == pytest.approx(1 - 0.9 * steps / 100)
        assert info["score"] == reward
        rewards.append(reward)
    assert rewards[0] > rewards[1]


def test_the_levels_step_limit_truncates_and_is_no_success() -> None:
    env = MiniGrid("MiniGrid-Empty-5x5-v0")
    env.reset(seed=0)
    for _ in range(99):
        assert env.step("turn left")[2:4] == (False, False)
    *_, truncated, info = env.step("turn left")
    assert (truncated, info["success"], info["admissible"]) == (True, False, [])
    assert env.step("turn left")[1:4] == (0.0, False, True)


def test_bumping_into_a_wall_takes_a_step_and_is_not_valid() -> None:
    env = MiniGrid("MiniGrid-Empty-5x5-v0")
    env.reset(seed=0)
    env.step("go forward")
    env.step("go forward")
    *_, info = env.step(" Go Forward\n")
    assert "go forward" not in info["admissible"]
    assert info["valid"] is False


@pytest.mark.parametrize("action", ["", "walk", "go  forward", "x" * 10**6, "\ud800", "go\u00a0forward"])
def test_text_that_is_no_action_takes_no_step(action: str) -> None:
    env = MiniGrid("MiniGrid-Empty-5x5-v0", expert=True)
    _, before = env.reset(seed=0)
    obs, reward, *_, info = env.step(action)
    assert obs == f"That is no action. Choose one of: {', '.join(ACTIONS)}."
    assert (reward, info["valid"], info["state"], info["expert"]) == (
        0,
        False,
        before["state"],
        before["expert"],
    )


def test_levels_tasks_and_experts_that_do_not_exist_are_named() -> None:
    with pytest.raises(UserError, match="the nearest is 'BabyAI-GoToLocal-v0'"):
        MiniGrid("BabyAI-GoToLocl-v0")
    with pytest.raises(UserError, match="view='map' is not known; choose one of partial, full"):
        MiniGrid(view="map")
    with pytest.raises(UnknownTask, match="there is no task '100000' in the split 'train'"):
        MiniGrid().reset(options={"task": "100000"})
    with pytest.raises(NoExpert, match="there is no expert for MiniGrid-Fetch-5x5-N2-v0"):
        MiniGrid("MiniGrid-Fetch-5x5-N2-v0", expert=True).reset()


def test_nothing_is_printed_while_levels_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    env = MiniGrid("BabyAI-PickupLoc-v0")
    for task in range(20):
        env.reset(options={"task": task})
    assert capsys.readouterr().out == ""
