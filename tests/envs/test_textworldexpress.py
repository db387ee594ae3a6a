"""`turngym/TextWorldExpress-v0` on the package's own Java program."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable

import pytest
from tests.envs import recordings

from turngym import envs
from turngym.core.errors import UserError
from turngym.envs import check

pytest.importorskip("textworld_express", reason="needs turngym[textworldexpress]")
if shutil.which("java") is None:
    pytest.skip("needs Java", allow_module_level=True)

from textworld_express.constants import GAME_NAMES

from turngym.envs.java import JavaError, Machine
from turngym.envs.textworldexpress import REFUSED, SPLITS, TextWorldExpress, task_ids


def ended(machine: Machine) -> bool:
    """Whether the process ends within some seconds."""
    return any(not machine.alive or time.sleep(0.1) for _ in range(100))


@pytest.mark.parametrize("rule", check.rules)
def test_the_contract_is_kept(rule: Callable[[envs.Factory, int], str | None]) -> None:
    rule(envs.factory("turngym/TextWorldExpress-v0", game="coin"), 0)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("game", GAME_NAMES)
def test_the_gold_path_wins(game: str, split: str) -> None:
    env = TextWorldExpress(game, split, expert=True)
    for task in range(3):
        _, info = env.reset(options={"task": task})
        total = 0.0
        while "expert" in info:
            _, reward, terminated, _, info = env.step(info["expert"])
            total += reward
        assert (terminated, info["success"], info["score"]) == (True, True, 1.0)
        assert total == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("game", GAME_NAMES)
def test_the_gold_path_wins_two_hundred_test_games(game: str) -> None:
    env = TextWorldExpress(game, "test", expert=True)
    for task in range(200):
        _, info = env.reset(options={"task": task})
        while "expert" in info:
            *_, info = env.step(info["expert"])
        assert info["success"], env.game


def test_recorded_episodes_play_the_same() -> None:
    recordings.check("textworldexpress")


def test_a_detour_ends_the_advice_and_a_refused_action_does_not() -> None:
    env = TextWorldExpress("coin", expert=True)
    _, info = env.reset(options={"task": 3})
    first = info["expert"]
    _, reward, terminated, _, info = env.step("fly to the moon")
    assert (reward, terminated, info["valid"], info["expert"]) == (0.0, False, False, first)
    assert env.step("x" * 1_000_000)[0] == REFUSED
    other = next(action for action in info["admissible"] if action != first)
    assert "expert" not in env.step(other)[4]


def test_folds_share_no_seed_and_are_the_packages_own() -> None:
    env = TextWorldExpress("coin")
    own = {split: list(env._ask(f"getSeeds{split.capitalize()}")) for split in SPLITS}
    assert own == {split: list(seeds) for split, (_, seeds) in SPLITS.items()}
    assert len({*own["train"], *own["dev"], *own["test"]}) == 3000
    assert task_ids("coin", "test")[0] == "coin-20000"


def test_parameters_change_the_game_and_wrong_ones_are_named() -> None:
    small, large = (TextWorldExpress("coin", parameters=f"numLocations={n},includeDoors=0") for n in (2, 11))
    assert small.reset(options={"task": 0})[0] != large.reset(options={"task": 0})[0]
    with pytest.raises(UserError, match="coin does not take the parameters 'rooms=2'"):
        TextWorldExpress("coin", parameters="rooms=2")
    with pytest.raises(UserError, match="unknown game 'coins': did you mean 'coin'"):
        TextWorldExpress("coins")


def test_environments_share_one_java_process_which_ends_with_the_last() -> None:
    envs = [TextWorldExpress("coin") for _ in range(3)]
    machines = {env._lease.machine for env in envs if env._lease}
    assert len(machines) == 1
    machine = machines.pop()
    others = machine.users - 3
    for env in envs:
        assert machine.alive
        env.close()
        env.close()
    assert machine.users == others
    assert others or ended(machine)
    assert envs[0].reset(seed=0)[0]


def test_a_dead_java_process_is_told_in_one_sentence_and_a_reset_starts_another() -> None:
    env = TextWorldExpress("coin")
    before = env.reset(seed=0)
    assert env._lease
    machine = env._lease.machine
    os.kill(machine.pid, signal.SIGKILL)
    assert ended(machine)
    with pytest.raises(JavaError) as error:
        env.step("look around")
    assert str(error.value) == (
        "the Java process of TextWorldExpress has ended (exit code -9); reset the environment to start another"
    )
    assert env.reset(seed=0) == before


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        JavaError, match=r"needs Java 8 or newer, which does not start here .*; install a Java runtime"
    ):
        Machine("TextWorldExpress", "nowhere.jar")


def test_random_play_does_not_crash() -> None:
    chance = random.Random(0)
    for game in GAME_NAMES:
        env = TextWorldExpress(game)
        for seed in range(3):
            _, info = env.reset(seed=seed)
            for _ in range(40):
                _, _, over, _, info = env.step(chance.choice([*info["admissible"], "nonsense"]))
                if over:
                    break
