"""`turngym/VirtualHome-v0`: the contract, an episode read aloud, names, splits, damaged files."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

pytest.importorskip("virtualhome_eval")

from turngym import envs
from turngym.envs.check import check_env
from turngym.envs.tasks import UnknownSplit, UnknownTask
from turngym.envs.virtualhome import tasks
from turngym.envs.virtualhome.env import VirtualHome
from turngym.envs.virtualhome.splits import DIGESTS, HELD_OUT, SPLITS
from turngym.envs.virtualhome.tasks import DataError, all_ids, load, parse, split_digest
from turngym.envs.virtualhome.words import LONGEST, SENTENCES

EMAIL = "file1003_2"
SUPPER = "file1021_1"


def start(task=EMAIL, **kwargs):
    """An environment at the start of a task, whichever split that is in."""
    split = next(split for split, ids in SPLITS.items() if task in ids)
    env = VirtualHome(split=split, **kwargs)
    return env, *env.reset(seed=0, options={"task": task})


def guided(task, split, **kwargs):
    """The expert's episode: infos and rewards."""
    env = VirtualHome(split=split, expert=True, **kwargs)
    _, info = env.reset(options={"task": task})
    infos, rewards = [info], []
    while "expert" in info:
        _, reward, terminated, truncated, info = env.step(info["expert"])
        assert info["valid"]
        assert (terminated, truncated) == (info["success"], False)
        infos.append(info)
        rewards.append(reward)
    return infos, rewards


@pytest.mark.parametrize(
    "arguments",
    [{}, {"expert": True}, {"split": "test_unseen", "listing": "room"}, {"engine": "original"}],
    ids=str,
)
def test_it_keeps_the_contract(arguments):
    verdicts = check_env("turngym/VirtualHome-v0", **arguments)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


def test_an_episode_reads_like_this():
    env, obs, info = start("file1027_2")
    assert obs.splitlines()[:2] == [
        "The task is Go to sleep (Walk to bedroom, walk to bed, lay down on bed, close eyes, go to sleep.).",
        "The home has these rooms: bathroom, bedroom, dining room, home office.",
    ]
    assert (info["score"], info["success"], info["valid"]) == (0.0, False, True)
    assert env.step("lie on bed")[0] == "Nothing happens."
    assert env.step("walk to bed")[0].startswith("You are in the bedroom. ")
    obs, reward, terminated, truncated, info = env.step("Lie on  BED")
    assert obs.startswith("You are lying in the bedroom. Close to you: bed is clean")
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert (info["score"], info["success"], info["admissible"]) == (1.0, True, [])
    assert env.step("stand up")[:4] == ("Nothing happens.", 0.0, True, False)
    assert env.step("stand up")[4]["success"] is True


def test_reset_brings_the_world_back():
    env, _, info = start(SUPPER, expert=True)
    while not info["success"]:
        *_, info = env.step(info["expert"])
    again, fresh = env.reset(options={"task": SUPPER})
    assert (again, fresh) == start(SUPPER, expert=True)[1:]
    assert env.step("no such thing")[4]["success"] is False


def test_two_environments_on_one_task_do_not_meet():
    one, _, _ = start(SUPPER)
    other, _, before = start(SUPPER)
    assert one.step("open dishwasher")[0] == "Nothing happens."
    one.step("walk to dishwasher")
    assert one.step("open dishwasher")[4]["valid"]
    assert other.step("nothing")[4]["state"] == before["state"]


@pytest.mark.parametrize("split", sorted(SPLITS))
def test_the_expert_wins_and_says_only_what_is_listed(split):
    for task in SPLITS[split][::15]:
        infos, rewards = guided(task, split)
        assert infos[-1]["success"]
        assert rewards == [0.0] * (len(rewards) - 1) + [1.0]
        assert all(info["score"] < 1 and info["expert"] in info["admissible"] for info in infos[:-1])
        assert infos[0]["score"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("split", sorted(SPLITS))
def test_the_expert_wins_every_task(split):
    for task in SPLITS[split]:
        infos, _ = guided(task, split)
        assert infos[-1]["success"], task


@pytest.mark.slow
def test_both_engines_say_the_same_all_through_the_expert_s_episodes():
    for task in SPLITS["test_seen"]:
        assert guided(task, "test_seen") == guided(task, "test_seen", engine="original")


def test_both_engines_say_the_same_on_a_random_walk():
    env, *first = start(SUPPER)
    other, *second = start(SUPPER, engine="original")
    draw = random.Random(0)
    assert first == second
    for _ in range(40):
        action = draw.choice(first[-1]["admissible"] + ["nonsense"] * 50)
        first, second = env.step(action), other.step(action)
        assert first == second


def test_the_expert_finds_back_after_a_detour():
    env, _, info = start(EMAIL, expert=True)
    detour = ["walk to dining room", "walk to chair 1", "sit on chair 1", "turn to bed"]
    infos = [env.step(action)[4] for action in detour]
    assert all(info["valid"] for info in infos)
    info = infos[-1]
    assert info["expert"] == "stand up"
    while "expert" in info:
        *_, info = env.step(info["expert"])
    assert info["success"]


def test_things_with_namesakes_are_numbered_and_others_may_be():
    env, *_ = start(EMAIL)
    names = env.task.names
    assert [names.of[id] for id in (170, 417, 289)] == ["computer 1", "computer 2", "freezer"]
    assert names.understand("walk to computer") is None
    assert names.understand("walk to freezer 1") == names.understand("WALK to  freezer") == ("WALK", (289,))
    assert names.understand("walk to home_office") == names.understand("walk to home office")
    assert names.understand("walk to freezer 2") is None
    assert len(set(names.of.values())) == len(names.of)


def test_every_sentence_is_understood_as_what_it_says():
    names = load(EMAIL).names
    mouse, desk = 413, 357
    for action, sentence in SENTENCES.items():
        command = (action, (mouse, desk)[: sentence.count("{}")])
        assert names.understand(names.say(*command)) == command


@pytest.mark.parametrize(
    "action",
    [
        "",
        "put",
        "put mouse 2 on",
        "fly to moon",
        "release",
        "stand up now",
        "walk to bed\nand sleep",
        "\N{ROCKET}" * LONGEST,
        "walk to " + "x" * 1_000_000,
        "walk to bed\0",
        "ｗａｌｋ ｔｏ ｂｅｄ",
    ],
    ids=lambda action: repr(action[:20]),
)
def test_other_texts_do_nothing(action):
    env, _, before = start(EMAIL)
    obs, reward, terminated, truncated, info = env.step(action)
    assert (obs, reward, terminated, truncated, info["valid"]) == (
        "Nothing happens.",
        0.0,
        False,
        False,
        False,
    )
    assert {**info, "valid": True} == before


def test_a_room_s_list_is_part_of_the_whole_list():
    env, *_ = start(EMAIL)
    room, *_ = start(EMAIL, listing="room")
    for action in ("walk to home office", "walk to computer 2", "switch on computer 2"):
        whole, part = env.step(action)[4]["admissible"], room.step(action)[4]["admissible"]
        assert set(part) < set(whole)
        assert "walk to bedroom" in part
        assert "walk to bed" not in part


def test_observations_are_the_same_in_every_process():
    program = (
        "from turngym.envs.virtualhome.env import VirtualHome\n"
        "env = VirtualHome(expert=True)\n"
        f"obs, info = env.reset(options={{'task': {EMAIL!r}}})\n"
        "print(obs, info)\n"
        "while 'expert' in info:\n"
        "    *said, info = env.step(info['expert'])\n"
        "    print(said, info)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_the_simulator_is_not_imported_unless_asked_for():
    program = (
        "import sys\n"
        "from turngym.envs.virtualhome.env import VirtualHome\n"
        "VirtualHome(expert=True).reset(seed=0)\n"
        "print([name for name in sys.modules if 'virtualhome_eval.' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Tasks


def test_the_splits_are_sorted_and_apart():
    ids = [id for split in SPLITS.values() for id in split]
    assert len(ids) == len(set(ids)) == 448
    assert all(list(split) == sorted(split) for split in SPLITS.values())
    assert set(ids) <= set(all_ids())


@pytest.mark.slow
def test_no_test_task_has_an_activity_or_a_description_of_training():
    shown = {split: [load(id) for id in ids] for split, ids in SPLITS.items()}
    unseen = {task.title for task in shown["test_unseen"]}
    assert unseen == set(HELD_OUT)
    assert unseen.isdisjoint(task.title for split in ("train", "test_seen") for task in shown[split])
    described = {split: {task.description.lower() for task in some} for split, some in shown.items()}
    assert described["train"].isdisjoint(described["test_seen"] | described["test_unseen"])
    assert {task.title for task in shown["test_seen"]} <= {task.title for task in shown["train"]}


@pytest.mark.slow
def test_the_tasks_are_all_programs_with_a_goal_that_can_be_reached():
    with_goal = {id for id in all_ids() if len(load(id).goal)}
    assert len(with_goal) == 450
    assert with_goal - {id for split in SPLITS.values() for id in split} == {"file624_1", "file688_1"}


@pytest.mark.parametrize("split", ["test_seen", pytest.param("test_unseen", marks=pytest.mark.slow)])
def test_the_files_are_those_that_were_measured(split):
    assert split_digest(split) == DIGESTS[split]


@pytest.mark.slow
def test_the_training_files_are_those_that_were_measured():
    assert split_digest("train") == DIGESTS["train"]


def test_a_seed_draws_a_task_and_an_index_names_one():
    env = VirtualHome()
    drawn = {env.reset(seed=seed)[1]["task"] for seed in range(12)}
    assert len(drawn) > 6
    assert env.reset(options={"task": 3})[1]["task"] == SPLITS["train"][3]
    with pytest.raises(UnknownTask, match="file1003_2"):
        env.reset(options={"task": "file1003_22"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "valid"}, "choose one of train, test_seen, test_unseen"),
        ({"engine": "unity"}, "choose one of fast, original"),
        ({"listing": "short"}, "choose one of all, room"),
    ],
)
def test_a_wrong_argument_is_told_with_the_right_ones(arguments, message):
    with pytest.raises(ValueError, match=message):
        envs.make("turngym/VirtualHome-v0", **arguments)


def test_an_unknown_split_is_a_user_s_error():
    with pytest.raises(UnknownSplit):
        VirtualHome(split="dev")


@pytest.mark.parametrize(
    "damaged", ["", "[]", '{"init_graph": {"nodes": [], "edges": []}}', '{"init_graph"', "\x00"]
)
def test_a_damaged_file_is_named(damaged, monkeypatch):
    text, _ = tasks._files(EMAIL)
    monkeypatch.setattr(tasks, "_files", lambda id: (text, damaged))
    with pytest.raises(DataError, match=f"{EMAIL}.*install it anew"):
        load.__wrapped__(EMAIL)


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match=r"no file executable_programs/.*/file0_0\.txt"):
        load("file0_0")


def test_a_program_is_read_with_title_description_and_ids():
    graph = {"nodes": [], "edges": []}
    text = "Rest \nSit down.\n\n\n[WALK] <chair> (1.7)\n[putin] <cup> (1.8) <box> (1.9)\n[STANDUP]\n"
    task = parse("one", text, {"init_graph": graph, "final_graph": graph})
    assert (task.title, task.description) == ("Rest", "Sit down.")
    assert task.program == (("WALK", (7,)), ("PUTIN", (8, 9)), ("STANDUP", ()))
