from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.corridor import Corridor

seeds = st.integers(0, 2**63 - 1)


def start(seed: int = 0, **kwargs: Any) -> tuple[Corridor, str, dict[str, Any]]:
    env = Corridor(**kwargs)
    return env, *env.reset(seed=seed)


def test_an_episode_reads_like_this() -> None:
    env, obs, info = start(seed=9)
    assert obs == "You are in cell 4 of 5. The exit is to the left."
    assert info == {
        "state": (4, 1),
        "admissible": ["left", "right"],
        "valid": True,
        "success": False,
        "score": 0.0,
    }
    assert env.step("right")[0] == "You are in cell 5 of 5. The exit is to the left."
    assert env.step("right")[0] == "Nothing happens. You are in cell 5 of 5. The exit is to the left."
    for cell in (4, 3, 2):
        obs, reward, terminated, _, _ = env.step("left")
        assert (obs, reward, terminated) == (
            f"You are in cell {cell} of 5. The exit is to the left.",
            0.0,
            False,
        )
    obs, reward, terminated, truncated, info = env.step("left")
    assert (obs, reward, terminated, truncated) == ("You are at the exit.", 1.0, True, False)
    assert info == {"state": (1, 1), "admissible": [], "valid": True, "success": True, "score": 1.0}


@given(seed=seeds, length=st.integers(3, 30))
def test_following_the_sign_wins_by_the_shortest_way(seed: int, length: int) -> None:
    env, obs, info = start(seed, length=length)
    cell, goal = info["state"]
    rewards = []
    while not info["success"]:
        obs, reward, _, _, info = env.step(obs.rstrip(".").rpartition(" ")[2])
        rewards.append(reward)
    assert rewards == [0.0] * (abs(goal - cell) - 1) + [1.0]


@given(seed=seeds, length=st.integers(3, 30))
def test_the_expert_follows_the_sign(seed: int, length: int) -> None:
    _, obs, info = start(seed, length=length, expert=True)
    assert obs.endswith(f"to the {info['expert']}.")


@pytest.mark.parametrize("action", ["left", "right"])
def test_no_constant_action_wins_everywhere(action: str) -> None:
    won = []
    for seed in range(200):
        env, _, _ = start(seed)
        won.append(any(env.step(action)[2] for _ in range(10)))
    assert 70 < sum(won) < 130


@given(seed=seeds, text=st.text().filter(lambda text: text not in ("left", "right")))
def test_any_other_text_changes_nothing(seed: int, text: str) -> None:
    env, obs, before = start(seed)
    after, reward, terminated, _, info = env.step(text)
    assert (after, reward, terminated) == (f"Nothing happens. {obs}", 0.0, False)
    assert info == before | {"valid": False}


def test_the_exit_gives_its_reward_once() -> None:
    env, _, info = start(expert=True)
    while not info["success"]:
        *_, info = env.step(info["expert"])
    _, reward, terminated, _, info = env.step("left")
    assert (reward, terminated, info["valid"], info["success"]) == (0.0, True, False, True)
    assert "expert" not in info


def test_a_corridor_without_room_to_start_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 3 cells, got length=2"):
        Corridor(length=2)
