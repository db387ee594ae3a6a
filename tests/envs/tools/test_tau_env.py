"""`turngym/TauRetail-v0` and `turngym/TauAirline-v0`: contract, rewards, ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.envs.tools import shop
from tests.shared import shared

import turngym.envs
from turngym.envs.tasks import UnknownTask
from turngym.envs.tools.tau.env import TauAirline, TauRetail

CANCEL = json.dumps({"name": "cancel_pending_order", "arguments": shop.CANCEL["kwargs"]})
TRANSFER = json.dumps({"name": "transfer_to_human_agents", "arguments": {"summary": ""}})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return shop.write_json(tmp_path)


def play(root: Path, *actions: str, task: int = 0, **kwargs: Any) -> tuple[float, bool, dict[str, Any]]:
    env = TauRetail(root, split="test", **kwargs)
    env.reset(seed=0, options={"task": task})
    rewards = 0.0
    for action in actions:
        _, reward, over, _, info = env.step(action)
        rewards += reward
    return rewards, over, info


@pytest.mark.parametrize("user", ["solo", "scripted"])
@pytest.mark.parametrize("state", ["world", "observation"])
def test_it_keeps_the_contract_of_an_environment(root: Path, user: str, state: str) -> None:
    verdicts = turngym.envs.check_env("turngym/TauRetail-v0", data=root, split="test", user=user, state=state)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize("id", ["turngym/TauRetail-v0", "turngym/TauAirline-v0"])
def test_the_published_domains_keep_the_contract(id: str) -> None:
    verdicts = turngym.envs.check_env(id, data=shared("data/tau_bench"), user="scripted", expert=True)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize(
    ("actions", "reward"),
    [
        ((CANCEL, "Done. The red mug costs 12.4."), 1.0),
        (("The red mug costs 12.40.",), 0.0),
        ((CANCEL, "Done."), 0.0),
        ((CANCEL, "It is 12,.4, all told."), 1.0),
        ((CANCEL, "124"), 0.0),
        ((CANCEL, CANCEL, "12.4"), 1.0),
        ((CANCEL, TRANSFER), 0.0),
    ],
)
def test_the_reward_asks_for_the_right_database_and_all_outputs(
    root: Path, actions: tuple[str, ...], reward: float
) -> None:
    rewards, over, info = play(root, *actions)
    assert (rewards, over) == (reward, True)
    assert (info["success"], info["score"]) == (reward == 1.0, reward)


def test_a_transfer_ends_the_episode(root: Path) -> None:
    assert play(root, TRANSFER, task=1)[:2] == (1.0, True)


def test_calls_after_one_that_ends_the_episode_are_not_made(root: Path) -> None:
    message = {
        "role": "assistant",
        "tool_calls": [
            {"id": "a", "function": {"name": "transfer_to_human_agents", "arguments": '{"summary": ""}'}},
            {"id": "b", "function": {"name": "cancel_pending_order", "arguments": "{}"}},
        ],
    }
    rewards, over, info = play(root, json.dumps(message), task=1)
    assert (rewards, over) == (1.0, True)
    assert [result["tool_call_id"] for result in info["tool_results"]] == ["a"]


def test_native_calls_are_made_in_order_and_answered_one_by_one(root: Path) -> None:
    env = TauRetail(root, split="test", brief="request")
    env.reset(seed=0, options={"task": 0})
    calls = [
        {
            "id": "1",
            "type": "function",
            "function": {"name": "calculate", "arguments": '{"expression": "1+1"}'},
        },
        {"id": "2", "type": "function", "function": {"name": "list_all_product_types", "arguments": "{}"}},
    ]
    obs, _, _, _, info = env.step(json.dumps({"role": "assistant", "content": None, "tool_calls": calls}))
    assert obs == '2.0\n{"Mug": "p1"}'
    assert info["tool_results"] == [
        {"role": "tool", "tool_call_id": "1", "name": "calculate", "content": "2.0"},
        {"role": "tool", "tool_call_id": "2", "name": "list_all_product_types", "content": '{"Mug": "p1"}'},
    ]


@pytest.mark.parametrize(
    ("action", "valid"),
    [
        (CANCEL, True),
        ('{"name": "get_order_details", "arguments": {"order_id": "x"}}', True),
        ('{"name": "no_such_tool", "arguments": {}}', False),
        ('{"name": "calculate"', False),
        ("", False),
    ],
)
def test_only_what_is_no_call_is_invalid(root: Path, action: str, valid: bool) -> None:
    _, over, info = play(root, action)
    assert (over, info["valid"]) == (False, valid)


def test_what_an_agent_needs_is_told_at_the_reset(root: Path) -> None:
    obs, info = TauRetail(root, split="test").reset(seed=0, options={"task": "test-000"})
    assert info["tools"] == [shop.schema(name) for name in shop.PARAMETERS]
    assert info["policy"] in obs
    assert "Your name is Ann Lee" in obs
    assert all(name in obs for name in shop.PARAMETERS)
    brief, _ = TauRetail(root, split="test", brief="request").reset(seed=0, options={"task": "test-000"})
    assert obs.endswith(brief)
    assert "Be fair" not in brief


def test_the_state_is_the_database_and_not_how_it_came_about(root: Path) -> None:
    look = '{"name": "get_order_details", "arguments": {"order_id": "#W1"}}'
    _, _, early = play(root, CANCEL)
    _, _, late = play(root, look, look, CANCEL)
    _, _, other = play(root, look)
    assert early["state"] == late["state"] != other["state"]


def test_what_a_caller_does_to_the_schemas_stays_with_the_caller(root: Path) -> None:
    env = TauRetail(root, split="test")
    _, info = env.reset(seed=0)
    info["tools"][0]["function"]["parameters"]["properties"].clear()
    _, again = env.reset(seed=0)
    assert again["tools"] == [shop.schema(name) for name in shop.PARAMETERS]


def test_two_environments_share_no_changes(root: Path) -> None:
    one, other = TauRetail(root, split="test"), TauRetail(root, split="test")
    for env in (one, other):
        env.reset(seed=0, options={"task": 0})
    one.step(CANCEL)
    assert one.database.changes()
    assert not other.database.changes()
    assert one.domain is other.domain


@pytest.mark.parametrize("text", ["é" * 1_000_000, "\ud800", '{"name": "\\ud800"}', "{" * 1_000_000, "\x00"])
def test_any_text_is_answered_with_text_that_can_be_written(root: Path, text: str) -> None:
    env = TauRetail(root, split="test", user="scripted")
    env.reset(seed=0)
    obs, *_ = env.step(text)
    assert len(obs.encode()) < 1_000


def test_an_unknown_task_is_refused_with_the_nearest(root: Path) -> None:
    with pytest.raises(UnknownTask, match="the nearest is 'test-001'"):
        TauRetail(root, split="test").reset(options={"task": "test-01"})


@pytest.mark.parametrize("wrong", [{"user": "nobody"}, {"brief": "long"}, {"state": "history"}])
def test_an_argument_that_names_nothing_is_refused(root: Path, wrong: dict[str, str]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name}.{{1,5}}'{value}'"):
        TauRetail(root, split="test", **wrong)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("user", ["solo", "scripted"])
@pytest.mark.parametrize("split", ["train", "test", "dev", "airline"])
def test_the_expert_wins_every_published_task(user: str, split: str) -> None:
    data = shared("data/tau_bench")
    env = (
        TauAirline(data, user=user, expert=True)
        if split == "airline"
        else TauRetail(data, split=split, user=user, expert=True)
    )
    lost = []
    for task in env.domain.ids:
        _, info = env.reset(seed=0, options={"task": task})
        for _ in range(100):
            if "expert" not in info:
                break
            _, _, _, _, info = env.step(info["expert"])
        lost += [] if info["success"] else [task]
    assert lost == []
