"""`turngym/TextWorld-v0` in TextWorld's own engine."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.envs import recordings

from turngym import envs
from turngym.core.errors import UserError

pytest.importorskip("textworld", reason="needs turngym[textworld]")

from turngym.envs.textworld.env import TextWorld
from turngym.envs.textworld.files import Made
from turngym.envs.textworld.kinds import KINDS, SPLITS
from turngym.envs.textworld.text import REFUSED

QUICK = {"coin": 3, "treasure": 12, "cooking": 2, "simple": 1, "custom": 3}
PANELS = {
    "coin": "0075465bde32e730be57b169c6d3c532dec5702b91c1a5bb6993f1d6ed18fa7d",
    "treasure": "55134299b31309b188224519f21c762963154fd440cc9cc8e1a34316379a2ecc",
    "cooking": "912a0b077966f0ef9bad8c2685a43b38d1fd797f6b792e5162fa0fd5a8f6c04e",
    "simple": "109f9f1e6eff8fd4ba3c9c3f9d6256ee082901fd114c7a3d3feb7c22443677ff",
    "custom": "e77eaa8e5095014447eb35605a48dfa78baee86dd71b68a406d8e9b147719b13",
}
"""Of the first five test games of each kind's usual level, made by TextWorld 1.7.0."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the file, unless the caller brings one that is filled already."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("TURNGYM_CACHE", str(folder))
        yield folder


def follow(env: TextWorld, **options: Any) -> tuple[list[float], dict[str, Any]]:
    """Play the expert: rewards and the last info."""
    _, info = env.reset(options=options)
    rewards: list[float] = []
    while "expert" in info:
        assert info["admissible"]
        _, reward, terminated, _, info = env.step(info["expert"])
        rewards.append(reward)
    assert terminated
    return rewards, info


def test_it_keeps_the_contract_of_an_environment() -> None:
    verdicts = envs.check_env("turngym/TextWorld-v0", kind="treasure", level=2)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_contract(kind: str) -> None:
    verdicts = envs.check_env("turngym/TextWorld-v0", kind=kind)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_expert_wins_with_the_full_score(kind: str) -> None:
    env = TextWorld(kind, QUICK[kind], split="test", expert=True)
    rewards, info = follow(env, task=0)
    assert sum(rewards) == pytest.approx(1)
    assert (info["success"], info["score"], info["lost"]) == (True, 1.0, False)
    assert info["points"] == info["most_points"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", SPLITS)
def test_the_expert_wins_a_sample_of_every_split_and_level(kind: str, split: str) -> None:
    for level in random.Random(f"{kind} {split}").sample(KINDS[kind].levels[:100], 3):
        if (kind, level // 10) != ("treasure", 2):  # the hardest take TextWorld minutes to make
            for task in range(3):
                rewards, info = follow(TextWorld(kind, level, split, expert=True), task=task)
                assert (sum(rewards), info["success"]) == (pytest.approx(1), True)


def test_the_expert_knows_the_way_after_a_detour() -> None:
    env = TextWorld("cooking", 4, expert=True)
    chance = random.Random(0)
    _, info = env.reset(options={"task": 1})
    for _ in range(12):
        safe = [
            one
            for one in info["admissible"]
            if one.split()[0] in {"go", "open", "close", "take", "look", "drop"}
        ]
        _, _, terminated, _, info = env.step(chance.choice(safe))
        assert not terminated
    for _ in range(60):
        if "expert" in info:
            assert info["expert"] in info["admissible"]
            _, _, terminated, _, info = env.step(info["expert"])
    assert (terminated, info["success"]) == (True, True)


def test_a_lost_game_ends_the_episode_without_success() -> None:
    env = TextWorld("cooking", 2, expert=True)
    _, info = env.reset(options={"task": 0})
    total = 0.0
    while not info["points"]:
        _, reward, _, _, info = env.step(info["expert"])
        total += reward
    food = next(one for one in info["admissible"] if one.startswith("eat "))
    _, reward, terminated, truncated, info = env.step(food)
    assert (terminated, truncated, info["success"], info["lost"]) == (True, False, False, True)
    assert "expert" not in info
    assert total + reward == pytest.approx(info["score"])
    assert env.step("look")[:4] == (REFUSED, 0.0, True, False)


def test_commands_about_the_game_are_refused_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = TextWorld("coin", 3)
    _, before = env.reset(options={"task": 0})
    for command in (
        "save",
        "script",
        "restart",
        "quit",
        "go west. save",
        "look\nsave",
        "\ud800",
        "x" * 1_000_000,
    ):
        obs, reward, terminated, _, info = env.step(command)
        assert (obs, reward, terminated, info["valid"]) == (REFUSED, 0.0, False, False)
        assert info["state"] == before["state"]
    assert list(tmp_path.iterdir()) == []


def test_what_fails_is_not_valid_and_a_short_form_is() -> None:
    env = TextWorld("coin", 3)
    _, info = env.reset(options={"task": 0})
    assert env.step("take moon")[4]["valid"] is False
    assert env.step("xyzzy")[4]["valid"] is False
    assert env.step("l")[4]["valid"] is True
    way = next(one for one in info["admissible"] if one.startswith("go "))
    assert env.step(way.split()[1][0])[4]["valid"] is True


@pytest.mark.parametrize("admissible", [True, False])
def test_without_options_the_words_are_the_same(admissible: bool) -> None:
    full = TextWorld("cooking", 2, expert=True)
    bare = TextWorld("cooking", 2, admissible=admissible, state="observation")
    obs, info = full.reset(options={"task": 0})
    seen, told = bare.reset(options={"task": 0})
    assert (seen, told["state"]) == (obs, obs)
    while "expert" in info:
        action = info["expert"]
        obs, reward, over, _, info = full.step(action)
        assert bare.step(action)[:3] == (obs, reward, over)
        assert bare.step("take moon")[4]["valid"] is full.step("take moon")[4]["valid"] is False


def test_the_state_forgets_the_way_that_led_to_it() -> None:
    env = TextWorld("coin", 3)
    _, info = env.reset(options={"task": 0})
    way = next(one for one in info["admissible"] if one.startswith("go "))
    back = {"north": "south", "south": "north", "east": "west", "west": "east"}[way.split()[1]]
    there = env.step(way)[4]["state"]
    again = env.step(f"go {back}")[4]["state"]
    assert there != again == info["state"]


def test_a_recipe_makes_the_same_bytes_in_another_process(cache: Path, tmp_path: Path) -> None:
    file = Made("treasure", 2, "train", None).file(0)
    program = "from turngym.envs.textworld.files import Made; print(Made('treasure', 2, 'train', None).file(0).parent)"
    command = [sys.executable, "-c", program]
    surroundings = {"TURNGYM_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "7"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    other = Path(done.stdout.strip())
    assert other.name == file.parent.name
    assert {one.name: one.read_bytes() for one in other.iterdir()} == {
        one.name: one.read_bytes() for one in file.parent.iterdir()
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_test_games_keep_their_digest(kind: str) -> None:
    assert Made(kind, None, "test", None).digest(5) == PANELS[kind]


def test_files_are_played_in_place_of_made_games(tmp_path: Path) -> None:
    made = Made("treasure", 2, "train", None).file(0)
    for name in ("b", "sub/a"):
        for ending in (".z8", ".json"):
            target = tmp_path / f"{name}{ending}"
            target.parent.mkdir(exist_ok=True)
            shutil.copy(made.with_suffix(ending), target)
    env = TextWorld(files=tmp_path, expert=True)
    assert list(env.games.ids) == ["b.z8", "sub/a.z8"]
    assert follow(env, task="sub/a.z8")[1]["success"]
    assert follow(TextWorld(files=tmp_path / "b.z8", expert=True))[1]["success"]


def test_the_logic_alone_is_played_without_its_words(tmp_path: Path) -> None:
    shutil.copy(Made("treasure", 2, "train", None).file(0).with_suffix(".json"), tmp_path / "game.json")
    env = TextWorld(files=tmp_path / "game.json", expert=True)
    rewards, info = follow(env)
    assert (sum(rewards), info["success"]) == (1.0, True)
    env.reset()
    assert env.step("take moon")[4]["valid"] is False


def test_a_story_without_its_logic_is_played_without_promises(tmp_path: Path) -> None:
    shutil.copy(Made("treasure", 2, "train", None).file(0), tmp_path / "story.z8")
    env = TextWorld(files=tmp_path, expert=True)
    obs, info = env.reset()
    assert info["success"] is None
    assert info["state"] == obs
    assert {"admissible", "expert"} & {*info} == set()
    assert env.step("look")[4]["valid"] is True


def test_games_that_are_no_games_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no TextWorld game at"):
        TextWorld(files=tmp_path)
    (tmp_path / "old.ulx").write_bytes(b"Glul")
    with pytest.raises(UserError, match="Glulx game, which TextWorld no longer plays"):
        TextWorld(files=tmp_path / "old.ulx")
    (tmp_path / "broken.json").write_text(json.dumps({"world": 3}))
    with pytest.raises(UserError, match=r"broken.json is no game that TextWorld plays"):
        TextWorld(files=tmp_path / "broken.json").reset()


def test_settings_that_make_no_game_are_named() -> None:
    env = TextWorld("cooking", 1, settings={"go": 7})
    with pytest.raises(
        UserError, match=r"TextWorld makes no game of cooking with .*; choose another level or settings"
    ):
        env.reset(seed=0)


def test_random_play_does_not_crash() -> None:
    env = TextWorld("cooking", 4)
    chance = random.Random(1)
    for seed in range(3):
        _, info = env.reset(seed=seed, options={"task": 1})
        for _ in range(25):
            _, _, over, _, info = env.step(chance.choice(info["admissible"]))
            if over:
                break


@pytest.mark.slow
def test_recorded_episodes_play_the_same() -> None:
    recordings.check("textworld")
