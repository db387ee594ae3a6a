from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="needs turngym[mcp]")

from tests.envs.bridges.recording import actions, load, played, save

from turngym.envs import check_env
from turngym.envs.tools.mcp_env import Episode, MCPEnv
from turngym.envs.tools.mcp_server import serving_mcp
from turngym.envs.tools.mcp_source import SourceError

DEMO = [sys.executable, str(Path(__file__).with_name("mcp_demo.py"))]
SUM = {"id": "sum", "instruction": "What is 2 + 3?", "answer": "5"}


def call(name: str, **arguments: Any) -> str:
    return json.dumps({"name": name, "arguments": arguments})


@pytest.fixture(scope="module")
def env() -> Iterator[MCPEnv]:
    env = MCPEnv(DEMO, [SUM], keep=True)
    yield env
    env.close()


def test_an_episode_reads_like_this(env: MCPEnv) -> None:
    obs, info = env.reset(seed=0)
    assert obs.startswith('# Tools\n\n{"name": "add", "description": "Add two whole numbers."')
    assert obs.endswith("# Task\n\nWhat is 2 + 3?")
    assert (info["task"], info["valid"], info["success"], info["score"]) == ("sum", True, False, 0.0)
    assert [tool["function"]["name"] for tool in info["tools"]][:2] == ["add", "note"]
    obs, reward, terminated, truncated, info = env.step(call("add", a=2, b=3))
    assert (obs, reward, terminated, truncated, info["valid"]) == ("5", 0.0, False, False, True)
    obs, reward, terminated, truncated, info = env.step("The sum is five.\nAnswer: 5.")
    assert (reward, terminated, info["success"], info["score"]) == (1.0, True, True, 1.0)
    assert env.step("Answer: 5")[1:3] == (0.0, True)


@pytest.mark.parametrize(
    ("words", "reward"), [("5", 1.0), (" 5. ", 1.0), ("6", 0.0), ("It is 5", 0.0), ("answer: 5", 1.0)]
)
def test_the_last_words_have_to_be_the_answer(env: MCPEnv, words: str, reward: float) -> None:
    env.reset(seed=0)
    assert env.step(words)[1] == reward


@pytest.mark.parametrize(
    "action", ["", '{"name": "add"', call("add", a="two"), call("subtract", a=1), '{"name": 3}']
)
def test_what_is_no_call_is_refused_and_changes_nothing(env: MCPEnv, action: str) -> None:
    env.reset(seed=0)
    obs, reward, terminated, _, info = env.step(action)
    assert obs.startswith("Error: ")
    assert (reward, terminated, info["valid"]) == (0.0, False, False)


def used_the_tool(episode: Episode) -> float:
    return 0.5 * any(call.name == "add" and answer == "5" for call, answer in episode.calls) + 0.5 * (
        episode.answer == "5"
    )


@pytest.mark.parametrize("check", [used_the_tool, f"{__name__}:used_the_tool"])
def test_a_check_of_ones_own_scores_the_episode(check: Any) -> None:
    env = MCPEnv(DEMO, [{"instruction": "Use the tool: 2 + 3"}], check=check, keep=True)
    env.reset(seed=0)
    assert env.step("5")[1] == 0.5
    env.reset(seed=0)
    env.step(call("add", a=2, b=3))
    _, reward, _, _, info = env.step("5")
    assert (reward, info["success"]) == (1.0, True)
    env.close()


@pytest.mark.slow
def test_each_episode_has_a_server_of_its_own() -> None:
    env = MCPEnv(DEMO, [SUM])
    for _ in range(2):
        env.reset(seed=0)
        assert env.step(call("note", text="a"))[0] == "1 notes"
        assert env.step(call("note", text="b"))[0] == "2 notes"
    env.close()


def test_a_server_that_dies_fails_the_episode_and_the_next_reset_starts_another() -> None:
    env = MCPEnv(DEMO, [SUM], keep=True)
    env.reset(seed=0)
    with pytest.raises(SourceError, match="died during die"):
        env.step(call("die"))
    env.reset(seed=0)
    assert env.step(call("add", a=1, b=1))[0] == "2"
    env.close()


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([], "tasks is empty"),
        ([{"answer": "5"}], "task 0 needs an 'instruction'"),
        ([SUM, {"instruction": "?"}], "task 1 needs an 'instruction', and an 'answer'"),
        ([{"instruction": "?", "anwser": "5"}], "task 0 has 'anwser'"),
    ],
)
def test_tasks_that_cannot_be_used_are_told(tasks: list[dict[str, str]], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        MCPEnv(DEMO, tasks)


@pytest.mark.slow
def test_over_http_it_keeps_the_contract() -> None:
    with serving_mcp("turngym/Library-v0", port=0, desks=1000) as url:
        verdicts = check_env(MCPEnv, server=f"{url}?desk={{episode}}", tasks=[SUM, SUM | {"id": "again"}])
    assert [verdict for verdict in verdicts if not verdict.passed] == []


def test_it_replays_its_recorded_run(env: MCPEnv) -> None:
    recorded = load("mcp_demo")
    assert played(env, 0, actions(recorded)) == recorded


if __name__ == "__main__":
    save("mcp_demo", played(MCPEnv(DEMO, [SUM]), 0, [call("add", a=2, b=3), call("note", text="5"), "5"]))
