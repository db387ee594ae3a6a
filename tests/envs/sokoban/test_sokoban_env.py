"""`turngym/Sokoban-v0`: the contract, rewards by hand, and text and picture that say the same."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym import envs
from turngym.envs.check import check_env
from turngym.envs.household.vocabulary import split_words
from turngym.envs.sokoban.env import Sokoban
from turngym.envs.sokoban.picture import picture, read_picture
from turngym.envs.sokoban.room import DIRECTIONS

walks = st.lists(st.sampled_from(DIRECTIONS), max_size=20)
seeds = st.integers(min_value=0, max_value=2**31)


def play(env, actions):
    return [env.step(action) for action in actions]


def guided(env, seed):
    """The expert's episode: its rewards, and the info after it."""
    _, info = env.reset(seed=seed)
    rewards = []
    while "expert" in info:
        _, reward, terminated, _, info = env.step(info["expert"])
        rewards.append(reward)
        assert terminated == info["success"]
    return rewards, info


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"expert": True},
        {"observation": "image", "split": "test"},
        {"width": 8, "height": 8, "boxes": 3, "reward": "shaped"},
    ],
    ids=str,
)
def test_it_keeps_the_contract(arguments):
    assert [verdict for verdict in check_env("turngym/Sokoban-v0", **arguments) if not verdict.passed] == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_expert_wins_the_panels(split):
    for boxes in (1, 2):
        env = Sokoban(boxes=boxes, split=split, expert=True)
        for seed in range(64):
            rewards, info = guided(env, seed)
            assert info["success"] is True
            assert sum(rewards) == info["score"] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("size", [(6, 6, 1), (6, 6, 2), (8, 8, 3), (10, 10, 4)])
def test_the_expert_wins_all_of_256_levels_a_split(size):
    width, height, boxes = size
    for split in ("train", "test"):
        env = Sokoban(width, height, boxes, split=split, expert=True)
        assert all(guided(env, seed)[1]["success"] for seed in range(256))


@given(seed=seeds, walk=walks)
@settings(deadline=None)
def test_after_any_detour_the_expert_wins_or_says_that_a_box_is_stuck(seed, walk):
    env = Sokoban(boxes=2, expert=True)
    env.reset(seed=seed)
    info = [env.reset(seed=seed)[1], *(step[-1] for step in play(env, walk))][-1]
    while "expert" in info:
        info = env.step(info["expert"])[-1]
    assert info["success"] != info["dead"]


def test_the_shaped_reward_is_that_of_gym_sokoban():
    env = Sokoban(reward="shaped", expert=True, split="test")
    rewards, _ = guided(env, 2)
    assert rewards == pytest.approx([-0.1, -0.1, -0.1, -0.1, -0.1, 10.9])


@given(seed=seeds, walk=walks)
@settings(deadline=None)
def test_shaped_rewards_sum_to_the_boxes_stored_less_a_tenth_an_action(seed, walk):
    env = Sokoban(boxes=2, reward="shaped")
    env.reset(seed=seed)
    steps = play(env, [*walk, "jump"])
    if not any(over for _, _, over, _, _ in steps):
        last = steps[-1][-1]
        assert sum(step[1] for step in steps) == pytest.approx(2 * last["score"] - 0.1 * len(steps))


@given(seed=seeds, walk=walks, scale=st.sampled_from([1, 3]))
@settings(deadline=None)
def test_the_picture_shows_what_the_text_says(seed, walk, scale):
    seen, read = Sokoban(boxes=2, observation="image", scale=scale), Sokoban(boxes=2)
    shown = [seen.reset(seed=seed)[1], *(step[-1] for step in play(seen, walk))]
    told = [read.reset(seed=seed)[1], *(step[-1] for step in play(read, walk))]
    for image_info, text_info in zip(shown, told, strict=True):
        image = image_info.pop("image")
        assert image.shape == (96 * scale, 96 * scale, 3)
        assert image.dtype == np.uint8
        assert read_picture(image, scale) == text_info["state"]
        assert image_info == text_info


def test_a_picture_with_a_changed_pixel_is_no_picture():
    image = picture("# P\n_ √")
    image[3, 3] = 0
    with pytest.raises(ValueError, match="no tile"):
        read_picture(image)


def test_render_gives_what_the_mode_says_whatever_the_observation():
    env = envs.make("Sokoban-v0", render_mode="rgb_array")
    _, info = env.reset(seed=4)
    assert read_picture(env.render()) == info["state"]
    assert "image" not in info
    assert Sokoban(observation="image", render_mode="ansi").render() == Sokoban().reset(seed=0)[1]["state"]
    assert Sokoban().render() is None


def test_the_observation_ends_with_the_grid_and_the_first_one_with_the_task():
    env = Sokoban()
    obs, info = env.reset(seed=0)
    assert obs.startswith(info["state"] + "\n\nYour task is to: push every box")
    blocked = next(word for word in DIRECTIONS if word not in info["admissible"])
    obs, reward, over, _, after = env.step(blocked)
    assert obs == "Nothing moves: a wall or a second box is in the way.\n\n" + info["state"]
    assert (reward, over, after["valid"], after["state"]) == (0.0, False, False, info["state"])
    obs, _, _, _, after = env.step("jump")
    assert obs == "That is no move; say up, down, left or right.\n\n" + info["state"]
    assert after["valid"] is False


def test_numbers_and_capitals_are_moves_too():
    words, other = Sokoban(), Sokoban()
    words.reset(seed=3), other.reset(seed=3)
    for word, number in zip(DIRECTIONS, "1234", strict=True):
        assert words.step(f" {word.upper()}\n") == other.step(number)


@given(seed=seeds, walk=walks)
@settings(deadline=None)
def test_all_that_is_said_is_in_the_vocabulary(seed, walk):
    env = Sokoban(boxes=2)
    words = env.vocabulary()
    for said in [env.reset(seed=seed)[0], *(step[0] for step in play(env, [*walk, "?"])), *DIRECTIONS]:
        assert set(split_words(said, words)) <= set(words)


@given(action=st.text())
def test_any_text_is_answered(action):
    env = Sokoban()
    env.reset(seed=0)
    assert isinstance(env.step(action)[0], str)


def test_a_megabyte_is_answered():
    env = Sokoban()
    env.reset(seed=0)
    assert env.step("up" * 500_000)[-1]["valid"] is False


def test_the_number_alone_chooses_the_level():
    one, other = Sokoban(), Sokoban()
    other.reset(seed=9)
    assert one.reset(seed=5) == other.reset(seed=1, options={"task": 5})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"observation": "sound"}, "choose one of text, image"),
        ({"reward": "dense"}, "choose one of sparse, shaped"),
        ({"render_mode": "human"}, "choose one of rgb_array, ansi"),
        ({"split": "dev"}, "choose one of train, test"),
        ({"scale": 0}, "from 1 to 32"),
        ({"boxes": 9}, "takes 1 to 2"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_told_with_the_right_ones(wrong, told):
    with pytest.raises(ValueError, match=told):
        partial(Sokoban, **wrong)()
