from __future__ import annotations

import pytest

from turngym import envs
from turngym.envs.check import check_env


def corridor(attempts: int = 3, turns: int = 2):
    return envs.make(
        "Corridor-v0",
        length=3,
        expert=True,
        wrap=[{"name": "attempts", "attempts": attempts, "turns": turns}],
    )


def test_a_failed_attempt_is_followed_by_the_same_task():
    env = corridor()
    first, info = env.reset(seed=5)
    assert info["attempt"] == 1
    opening = info["state"]
    _, _, *ended, info = env.step("dance")
    assert (ended, info["attempt"]) == ([False, False], 1)
    obs, _, *ended, info = env.step("dance")
    assert (ended, info["attempt"], info["state"]) == ([False, False], 2, opening)
    assert "Attempt 1 has failed. Attempt 2 of 3:" in obs
    assert obs.endswith(first)


def test_success_ends_all_attempts():
    env = corridor(turns=9)
    _, info = env.reset(seed=5)
    terminated = False
    while not terminated:
        _, _, terminated, truncated, info = env.step(info["expert"])
        assert not truncated
    assert (info["success"], info["attempt"]) == (True, 1)


def test_the_last_attempt_ends_the_episode_without_terminating_it():
    env = corridor(attempts=2, turns=1)
    _, info = env.reset(seed=5)
    _, _, terminated, truncated, info = env.step("dance")
    assert (terminated, truncated) == (False, False)
    _, _, terminated, truncated, info = env.step("dance")
    assert (terminated, truncated, info["attempt"], info["success"]) == (False, True, 2, False)
    assert env.step("dance")[3] is True


def test_without_a_seed_the_attempts_still_begin_alike():
    env = envs.make("Household-v0", size="tiny", wrap=[{"name": "attempts", "turns": 1}])
    first, _ = env.reset()
    assert env.step("look")[0].endswith(first)


def test_the_contract_of_environments_is_kept():
    wrap = [{"name": "attempts", "attempts": 2, "turns": 30}]
    broken = [verdict for verdict in check_env("Household-v0", size="tiny", wrap=wrap) if not verdict.passed]
    assert broken == []


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"turns": 0}])
def test_no_attempt_or_no_turn_is_refused(wrong):
    with pytest.raises(ValueError, match="is 0; give 1 or more"):
        envs.make("Corridor-v0", wrap=[{"name": "attempts", **wrong}])
