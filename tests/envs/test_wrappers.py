"""Wrappers: each keeps the contract, changes what it says and nothing else, and travels to a worker."""

from __future__ import annotations

import asyncio
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym import envs
from turngym.core.errors import ConfigError, UserError
from turngym.envs import check_env
from turngym.envs.language import Language, load_language, names
from turngym.envs.wrappers import clipped, registry

EVERY = [
    "history",
    {"name": "clip_observation", "limit": 60},
    "show_admissible",
    "hide_admissible",
    {"name": "scale_reward", "factor": -2},
    "success_reward",
    "penalize_invalid",
    {"name": "speak", "language": "household-de"},
    {"name": "time_limit", "max_episode_steps": 200},
    {"name": "attempts", "attempts": 2, "turns": 20},
]


def made(*wrap, size="tiny", **kwargs):
    return envs.make("Household-v0", size=size, wrap=list(wrap), **kwargs)


@pytest.mark.parametrize("wrap", EVERY, ids=lambda wrap: wrap if isinstance(wrap, str) else wrap["name"])
def test_an_environment_in_a_wrapper_keeps_the_contract(wrap):
    assert [v for v in check_env("Household-v0", size="tiny", wrap=[wrap]) if not v.passed] == []


def test_all_wrappers_compose_and_keep_the_contract():
    broken = [v for v in check_env("Household-v0", size="tiny", wrap=EVERY) if not v.passed]
    assert broken == []


def test_every_registered_wrapper_is_tried_here():
    tried = {wrap if isinstance(wrap, str) else wrap["name"] for wrap in EVERY}
    assert tried | {"record"} == set(registry.names())


def test_history_shows_the_last_turns_and_no_others():
    env = envs.make("Corridor-v0", length=5, wrap=[{"name": "history", "turns": 1}])
    first, _ = env.reset(seed=9)
    second, *_ = env.step("dance")
    third, *_ = env.step("left")
    assert first == "You are in cell 4 of 5. The exit is to the left."
    assert second == f"{first}\n> dance\n\nNothing happens. {first}"
    assert third.count("\n> ") == 1
    assert third.endswith("> left\n\nYou are in cell 3 of 5. The exit is to the left.")
    assert env.reset(seed=9)[0] == first


@given(text=st.text(max_size=300), limit=st.integers(1, 100), keep=st.sampled_from(["start", "end", "both"]))
def test_a_clipped_text_is_short_and_says_what_is_missing(text, limit, keep):
    cut = clipped(text, limit, keep)
    if len(text) <= limit:
        assert cut == text
        return
    before, _, rest = cut.partition("[... ")
    note, _, after = rest.partition(" characters left out ...]")
    if "[... " not in text:
        assert int(note) == len(text) - limit == len(text) - len(before) - len(after)
        assert text.startswith(before)
        assert text.endswith(after)


def test_admissible_actions_are_listed_up_to_the_limit():
    env = made({"name": "show_admissible", "limit": 2})
    obs, info = env.reset(seed=0)
    listed = [line for line in obs.splitlines() if line.startswith("- ")]
    more = len(info["admissible"]) - 2
    assert listed == [*(f"- {action}" for action in info["admissible"][:2]), f"- ({more} more)"]


def test_hidden_actions_are_nowhere():
    env = made("hide_admissible")
    assert "admissible" not in env.reset(seed=0)[1]
    assert "admissible" not in env.step("look")[-1]


def won(env, seed=0):
    """The rewards of an expert's episode and of a step after its end."""
    _, info = env.reset(seed=seed)
    rewards, over = [env.step("nonsense")[1]], False
    while not over:
        _, reward, over, _, info = env.step(info["expert"])
        rewards.append(reward)
    return [*rewards, env.step("look")[1]]


def test_success_pays_ten_once():
    rewards = won(made("success_reward", expert=True))
    assert rewards[-2:] == [10.0, 0.0]
    assert not any(rewards[:-2])


def test_an_invalid_action_costs_and_the_score_stays():
    rewards = won(made({"name": "penalize_invalid", "penalty": 0.25}, expert=True))
    assert rewards[0] == -0.25
    assert rewards[-2:] == [1.0, 0.0]


def test_rewards_are_scaled_and_the_score_is_not():
    env = made("scale_reward", expert=True)
    _, info = env.reset(seed=0)
    over, total = False, 0.0
    while not over:
        _, reward, over, _, info = env.step(info["expert"])
        total += reward
    assert (total, info["score"]) == (10.0, 1.0)


def test_a_time_limit_truncates():
    env = made({"name": "time_limit", "max_episode_steps": 2})
    env.reset(seed=0)
    assert [env.step("look")[3] for _ in range(2)] == [False, True]


@pytest.mark.parametrize("name", names())
def test_a_shipped_language_goes_both_ways(name):
    language = load_language(name)
    plain = made(size="small", expert=True)
    for seed in range(10):
        _, info = plain.reset(seed=seed)
        while not info["success"]:
            for action in info["admissible"]:
                assert language.understand(language.say(action)) == action
            *_, info = plain.step(info["expert"])


def test_the_german_household_is_won_in_german():
    env = made({"name": "speak", "language": "household-de"}, expert=True)
    _, info = env.reset(seed=3)
    spoken, over = [], False
    while not over:
        spoken.append(info["expert"])
        assert info["expert"] in info["admissible"]
        *_, over, _, info = env.step(info["expert"])
    assert info["success"]
    assert spoken[:2] == ["gehe zu microwave 1", "öffne microwave 1"]


def test_a_language_can_be_a_list_of_pairs():
    language = Language([("go to {place}", "walk over to {place}, please")])
    assert language.say("go to shelf 1") == "walk over to shelf 1, please"
    assert language.understand("walk over to shelf 1, please") == "go to shelf 1"
    assert language.understand("dance") == "dance"


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [([("go {a}", "walk {b}")], "different slots"), ([("go", "walk", "run")], "no pair of templates")],
)
def test_a_pair_that_cannot_be_translated_is_refused(pairs, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Language(pairs)


def test_a_recording_holds_every_episode(tmp_path):
    file = tmp_path / "deep" / "episodes.jsonl"
    env = envs.make("Corridor-v0", length=5, wrap=[{"name": "record", "path": str(file)}])
    env.reset(seed=9)
    for action in ("dance", "left", "left", "left"):
        env.step(action)
    env.reset(seed=2, options={"task": "any"})
    env.step("right")
    env.close()
    first, second = [json.loads(line) for line in file.read_text().splitlines()]
    assert first["seed"] == 9
    assert [step["action"] for step in first["steps"]] == ["dance", "left", "left", "left"]
    assert [step["valid"] for step in first["steps"]] == [False, True, True, True]
    assert first["success"] is True
    assert sum(step["reward"] for step in first["steps"]) == 1.0
    assert second["options"] == {"task": "any"}
    assert len(second["steps"]) == 1
    assert "success" not in second


def test_a_wrapped_environment_is_built_in_a_worker():
    factory = envs.factory("Household-v0", size="tiny", wrap=EVERY)
    assert pickle.loads(pickle.dumps(factory))().reset(seed=1)[0] == factory().reset(seed=1)[0]

    async def observed():
        async with (
            envs.Pool("Household-v0", workers=1, size="tiny", wrap=EVERY) as pool,
            pool.lease() as env,
        ):
            return (await env.reset(seed=1))[0]

    assert asyncio.run(observed()) == factory().reset(seed=1)[0]


@pytest.mark.parametrize(
    ("wrap", "sentence"),
    [
        ("scale_rewards", "did you mean 'scale_reward'"),
        ({"name": "scale_reward", "by": 2}, "by"),
        ({"name": "speak", "language": "klingon"}, "no language is called 'klingon'"),
        ({"name": "history", "turns": 0}, "turns is 0; give 1 or more"),
        ({"name": "clip_observation", "keep": "middle"}, "choose start, end or both"),
    ],
)
def test_a_wrong_wrapper_is_told_in_a_sentence(wrap, sentence):
    with pytest.raises((UserError, ValueError), match=sentence):
        made(wrap)
