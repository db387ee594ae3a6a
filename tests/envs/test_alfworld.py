"""`turngym/ALFWorld-v0` in our own engine: games, splits, options, and what is wrong with a folder."""

from __future__ import annotations

import json
import lzma
import shutil
from pathlib import Path

import pytest
from tests.envs.kitchen import kitchen_text
from tests.shared import shared

import turngym.envs
from turngym.envs.alfworld import ALFWorld
from turngym.envs.household.games import PUBLISHED, TASK_TYPES, GameFileError, human_goals, load_split
from turngym.envs.household.generator import make_game
from turngym.envs.household.writing import write_game

KITCHEN = "pick_and_place_simple-Apple-None-Microwave-1/trial_1"
GRAMMAR = 'grammar :: """{"task": [{"rhs": "Your task is to: put some \\"apple\\" in microwave."}]}"""'


@pytest.fixture
def data() -> Path:
    return shared("data/alfworld")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in ALFWorld's layout with one game, the kitchen, in the training split."""
    write(tmp_path, KITCHEN)
    return tmp_path


def write(root: Path, id: str, **changes: object) -> Path:
    """Write the kitchen as a game file; `changes` replace or, if `None`, remove its entries."""
    file = root / "json_2.1.1" / "train" / id / "game.tw-pddl"
    file.parent.mkdir(parents=True)
    game = {
        "pddl_domain": "",
        "grammar": GRAMMAR,
        "pddl_problem": kitchen_text(),
        "solvable": True,
        **changes,
    }
    file.write_text(json.dumps({key: value for key, value in game.items() if value is not None}))
    return file


def test_it_keeps_the_contract_of_an_environment(data: Path) -> None:
    verdicts = turngym.envs.check_env("turngym/ALFWorld-v0", data=str(data), split="valid_unseen")
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize("split", PUBLISHED)
def test_a_complete_split_is_told_by_its_count_and_digest(split: str, data: Path) -> None:
    env = ALFWorld(split, data, canonical=True)
    assert env.canonical
    assert (len(env.games), env.digest) == PUBLISHED[split]
    ids = [game.id for game in env.games]
    assert ids == sorted(set(ids))


def test_the_published_training_games_are_of_these_types(data: Path) -> None:
    types = [game.task_type for game in load_split("train", data).games]
    assert [types.count(one) for one in TASK_TYPES] == [790, 308, 650, 459, 533, 813]


def test_folders_and_the_compact_file_hold_the_same_games(data: Path) -> None:
    compact = {game.id: game.digest for game in load_split("valid_unseen", data).games}
    folders = load_split("valid_unseen", data / "raw")
    assert len(folders.games) == 6
    assert all(compact[game.id] == game.digest for game in folders.games)
    assert not folders.canonical


def test_the_folder_comes_from_the_environment_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(folder))
    assert [game.id for game in ALFWorld().games] == [KITCHEN]
    monkeypatch.delenv("ALFWORLD_DATA")
    with pytest.raises(FileNotFoundError, match="set ALFWORLD_DATA to the folder"):
        ALFWorld()


def test_info_tells_what_a_turn_was(folder: Path) -> None:
    env = ALFWorld(data=folder, expert=True)
    obs, info = env.reset()
    assert obs.endswith('Your task is to: put some "apple" in microwave.')
    assert info == {
        "state": obs,
        "admissible": [
            *(
                f"go to {place}"
                for place in ("counter 1", "fridge 1", "microwave 1", "sink 1", "sinkbasin 1")
            ),
            "help",
            "inventory",
            "look",
        ],
        "valid": True,
        "success": False,
        "score": 0.0,
        "task_type": "pick_and_place_simple",
        "game": KITCHEN,
        "expert": "go to counter 1",
    }
    assert "expert" not in ALFWorld(data=folder).reset()[1]


def test_the_goal_ends_the_episode_with_reward_one_and_nothing_happens_after_it(folder: Path) -> None:
    env = ALFWorld(data=folder, expert=True)
    _, info = env.reset()
    rewards = []
    while "expert" in info:
        obs, reward, terminated, truncated, info = env.step(info["expert"])
        rewards.append(reward)
    assert rewards == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert (obs, terminated, truncated, info["success"]) == (
        "You move the apple 2 to the microwave 1.",
        True,
        False,
        True,
    )
    obs, reward, terminated, _, info = env.step("take apple 2 from microwave 1")
    assert (obs, reward, terminated, info["valid"], info["success"]) == (
        "Nothing happens.",
        0.0,
        True,
        False,
        True,
    )
    assert env.reset()[1]["success"] is False


def test_the_seed_draws_the_game_and_an_option_names_it(data: Path) -> None:
    env = ALFWorld("valid_unseen", data)
    drawn = [env.reset(seed=seed)[1]["game"] for seed in range(40)]
    assert drawn == [ALFWorld("valid_unseen", data).reset(seed=seed)[1]["game"] for seed in range(40)]
    assert len(set(drawn)) > 30
    assert env.reset(seed=1, options={"task": 7})[1]["game"] == env.games[7].id
    assert env.reset(options={"task": env.games[9].id})[1]["game"] == env.games[9].id


def test_task_types_choose_games_and_leave_the_digest(data: Path) -> None:
    env = ALFWorld("valid_seen", data, task_types=["look_at_obj_in_light"], canonical=True)
    assert {game.task_type for game in env.games} == {"look_at_obj_in_light"}
    assert env.digest == PUBLISHED["valid_seen"][1]


def test_what_alfworld_leaves_out_is_left_out(folder: Path) -> None:
    write(folder, "pick_and_place_simple-Apple-None-Microwave-1/trial_2", solvable=False)
    write(folder, "pick_and_place_simple-AppleSliced-None-Microwave-1/trial_3")
    write(folder, "pick_and_place_with_movable_recep-Apple-Bowl-Microwave-1/trial_4")
    (folder / "json_2.1.1/train/pick_and_place_simple-Apple-None-Microwave-1/trial_5").mkdir()
    assert [game.id for game in ALFWorld(data=folder).games] == [KITCHEN]


def test_a_written_household_is_an_alfworld_game(tmp_path: Path, data: Path) -> None:
    game = make_game(3, "small")
    rules = {"domain": data / "alfred_2.1.1.pddl", "grammar": data / "alfred_2.1.1.twl2"}
    write_game(game, tmp_path / "train", **rules)
    env = ALFWorld(data=tmp_path)
    assert env.reset()[0].endswith(f"Your task is to: {game.task}.")
    assert env.games[0].pddl_problem == game.pddl_problem


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pddl_problem": None}, "it has no text 'pddl_problem'"),
        ({"grammar": 3}, "it has no text 'grammar'"),
        ({"grammar": "nothing"}, "its grammar states no task ('Your task is to: ...')"),
    ],
)
def test_a_game_file_that_lacks_something_is_named(
    folder: Path, changes: dict[str, object], sentence: str
) -> None:
    file = write(folder, "look_at_obj_in_light-Apple-None-DeskLamp-1/trial_1", **changes)
    with pytest.raises(GameFileError) as error:
        ALFWorld(data=folder)
    assert str(error.value) == (
        f"{file} is no ALFWorld game: {sentence}; download it anew or take it out of the folder"
    )


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"[1, 2]", b"\xff\xfe\x00"])
def test_a_game_file_that_is_no_game_is_named(folder: Path, content: bytes) -> None:
    file = write(folder, "look_at_obj_in_light-Apple-None-DeskLamp-1/trial_1")
    file.write_bytes(content)
    with pytest.raises(GameFileError) as error:
        ALFWorld(data=folder)
    assert str(error.value).startswith(f"{file} is no ALFWorld game: it ")
    assert "\n" not in str(error.value)


def test_a_problem_that_is_none_is_found_when_it_is_played(folder: Path) -> None:
    id = "look_at_obj_in_light-Apple-None-DeskLamp-1/trial_1"
    file = write(folder, id, pddl_problem="(define (problem x)")
    env = ALFWorld(data=folder)
    with pytest.raises(GameFileError) as error:
        env.reset(options={"task": id})
    assert str(error.value).startswith(
        f"{file} is no ALFWorld game: the problem of {id}: PDDL text ends with"
    )
    assert env.reset(options={"task": KITCHEN})[1]["game"] == KITCHEN


@pytest.mark.parametrize("kind", ["cut off", "not compressed", "no games"])
def test_a_compact_file_that_is_damaged_is_named(tmp_path: Path, data: Path, kind: str) -> None:
    file = tmp_path / "games_valid_seen.jsonl.xz"
    whole = (data / file.name).read_bytes()
    broken = {
        "cut off": whole[: len(whole) // 2],
        "not compressed": b"hello",
        "no games": lzma.compress(b'{"id": 1}\n'),
    }
    file.write_bytes(broken[kind])
    with pytest.raises(
        GameFileError, match=r"games_valid_seen.jsonl.xz is no ALFWorld game: reading stopped"
    ):
        ALFWorld("valid_seen", tmp_path)


def test_a_folder_that_is_not_canonical_is_refused_only_if_that_was_asked(data: Path, tmp_path: Path) -> None:
    with lzma.open(data / "games_valid_seen.jsonl.xz", "rt") as lines:
        some = "".join(lines.readlines()[:-1])
    with lzma.open(tmp_path / "games_valid_seen.jsonl.xz", "wt", preset=0) as file:
        file.write(some)
    assert len(ALFWorld("valid_seen", tmp_path).games) == 139
    with pytest.raises(
        ValueError, match=r"139 games with digest .*, not 140 with .*; download it anew or drop"
    ):
        ALFWorld("valid_seen", tmp_path, canonical=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"split": "test"}, "unknown split 'test': choose one of train, valid_seen, valid_unseen"),
        ({"goal": "own"}, "unknown goal 'own': choose one of template, human"),
        ({"engine": "slow"}, "unknown engine 'slow': choose one of fast, textworld"),
        ({"logic": "3"}, "unknown logic '3': choose one of '0.4', '2.1.1'"),
        ({"task_types": ["cook"]}, "unknown task type 'cook': choose from pick_and_place_simple"),
        ({"task_types": ["pick_two_obj_and_place"]}, "has no games of split 'train' and of type pick_two"),
    ],
)
def test_an_argument_that_names_nothing_is_refused(
    folder: Path, arguments: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the sentence is compared)
        ALFWorld(data=folder, **arguments)  # type: ignore[arg-type]
    assert sentence in str(error.value)


def test_a_folder_without_games_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        ALFWorld(data=tmp_path)
    assert str(error.value) == (
        f"no ALFWorld games of split 'train' in {tmp_path}, which should hold json_2.1.1/train/ or "
        "games_train.jsonl.xz; run `alfworld-download` or point ALFWORLD_DATA (or data=) at the right folder"
    )


def test_a_game_that_is_not_there_is_refused(folder: Path) -> None:
    env = ALFWorld(data=folder)
    with pytest.raises(ValueError, match="there is no game 1: choose an index from 0 to 0"):
        env.reset(options={"task": 1})
    with pytest.raises(ValueError, match=f"there is no game 'pick_up' in train; the nearest is '{KITCHEN}'"):
        env.reset(options={"task": "pick_up"})
    shutil.rmtree(folder)
    assert env.reset()[1]["game"] == KITCHEN


def test_a_human_sentence_stands_in_the_first_observation_and_nowhere_else(data: Path) -> None:
    plain, human = (ALFWorld("valid_seen", data, goal=goal, expert=True) for goal in ("template", "human"))
    for seed in range(5):
        (obs, info), (said, told) = plain.reset(seed=seed), human.reset(seed=seed)
        assert told.pop("annotation") == human.annotation
        assert said.partition("Your task is to:")[0] == obs.partition("Your task is to:")[0]
        assert said.endswith(f"Your task is to: {human.task}.")
        assert human.task != plain.task
        assert {**info, "state": ""} == {**told, "state": ""}
        while "expert" in info:
            turn, again = plain.step(info["expert"]), human.step(info["expert"])
            again[4].pop("annotation")
            assert turn == again
            info = turn[4]


def test_the_seed_draws_the_annotation_and_an_option_names_it(data: Path) -> None:
    env = ALFWorld("valid_unseen", data / "raw", goal="human")
    mug = next(game for game in env.games if "Mug" in game.id)
    shown = [env.reset(options={"task": mug.id, "annotation": k})[0].rpartition(": ")[2] for k in range(3)]
    assert shown == [
        "Move a mug from the shelves to the desk.",
        "Put a cup on the desk, by the chcair.",
        "put a mug on a desk.",
    ]
    drawn = [env.reset(seed=seed, options={"task": mug.id})[1]["annotation"] for seed in range(30)]
    assert set(drawn) == {0, 1, 2}
    assert drawn == [env.reset(seed=seed, options={"task": mug.id})[1]["annotation"] for seed in range(30)]
    with pytest.raises(ValueError, match="has no annotation 3: choose one from 0 to 2"):
        env.reset(options={"task": mug.id, "annotation": 3})
    with pytest.raises(ValueError, match="make the environment with goal='human'"):
        ALFWorld("valid_unseen", data / "raw").reset(options={"annotation": 0})


def test_folders_and_the_compact_file_hold_the_same_human_sentences(data: Path) -> None:
    compact = {game.id: human_goals(game) for game in load_split("valid_unseen", data).games}
    assert all(
        compact[game.id] == human_goals(game) for game in load_split("valid_unseen", data / "raw").games
    )


@pytest.mark.parametrize("split", PUBLISHED)
def test_every_published_game_has_three_human_sentences_or_more(split: str, data: Path) -> None:
    said = [human_goals(game) for game in load_split(split, data).games]
    assert min(map(len, said)) == 3
    assert all(
        goal == goal.strip() and "\n" not in goal and goal[-1] != "." for goals in said for goal in goals
    )


def test_a_game_without_human_sentences_says_so(folder: Path) -> None:
    with pytest.raises(GameFileError, match=r"no goal sentence by a person .*; play it with goal='template'"):
        ALFWorld(data=folder, goal="human").reset()
    (folder / "json_2.1.1/train" / KITCHEN / "traj_data.json").write_text('{"turk_annotations": 3}')
    with pytest.raises(GameFileError, match="its turk_annotations cannot be read"):
        ALFWorld(data=folder, goal="human").reset()


@pytest.mark.slow
@pytest.mark.parametrize("logic", ["0.4", "2.1.1"])
@pytest.mark.parametrize("split", PUBLISHED)
def test_the_expert_wins_every_published_game(split: str, logic: str, data: Path) -> None:
    env = ALFWorld(split, data, logic=logic, expert=True, canonical=True)
    turns = 0
    for task in range(len(env.games)):
        _, info = env.reset(options={"task": task})
        while "expert" in info:
            turns += 1
            _, _, _, _, info = env.step(info["expert"])
        assert info["success"], env.game.id
    assert turns / len(env.games) < 8
