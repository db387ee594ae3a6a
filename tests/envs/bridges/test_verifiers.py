"""Real rollouts of verifiers against a scripted OpenAI-compatible server on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verifiers.v1", reason="needs verifiers, in an environment of its own")

import verifiers.v1 as vf
from tests.envs.bridges.recording import Line, line, load, save

from turngym.envs import TextEnv, make, register
from turngym.envs.bridges.verifiers_taskset import load_environment

CORRIDOR = "turngym/Corridor-v0"


class Model(BaseHTTPRequestHandler):
    """Goes where the corridor's last observation says the exit is."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        way = re.search(r"exit is to the (\w+)", body["messages"][-1]["content"])
        message = {"role": "assistant", "content": way[1] if way else "?"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        head = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
        answer = json.dumps(head | {"choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def model_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with model_server() as url:
        yield url


def episodes(url: str, env_id: str, **arguments: Any) -> list[vf.Episode]:
    async def run() -> list[vf.Episode]:
        env = load_environment(env_id, workers=0, **arguments)
        client = vf.EvalClientConfig(base_url=url, api_key_var="NO_KEY")
        context = vf.ModelContext(model="scripted", client=client)
        async with env.serving():
            return await asyncio.gather(*(env.run_episode(task, context) for task in env.taskset))

    return asyncio.run(run())


def lines(trace: vf.Trace) -> list[Line]:
    """The conversation as an episode: what was seen, done and gained."""
    said = [node.message.content for node in trace.nodes if node.message.role != "system"]
    actions, seen = [None, *said[1::2]], said[0::2]
    rewards = [0.0, *trace.info["turn_rewards"]]
    return [
        line(action, obs, reward, False)
        for action, obs, reward in zip(actions, [*seen, ""], rewards, strict=False)
    ]


def test_an_environment_is_played_turn_by_turn(url: str) -> None:
    for seed, episode in enumerate(episodes(url, CORRIDOR, count=4, kwargs={"length": 7})):
        assert episode.ok, episode.errors
        (trace,) = episode.traces
        env = make(CORRIDOR, length=7, expert=True)
        obs, info = env.reset(seed=seed)
        conversation = [node.message.content for node in trace.nodes if node.message.role != "system"]
        while "expert" in info:
            assert conversation[:2] == [obs, info["expert"]]
            conversation = conversation[2:]
            obs, *_, info = env.step(info["expert"])
        assert not conversation
        assert trace.reward == 1.0
        assert trace.metrics == {"turns": len(trace.info["turn_rewards"]), "success": 1.0, "score": 1.0}
        assert trace.info["turn_rewards"][-1] == sum(trace.info["turn_rewards"]) == 1.0


def test_the_first_observation_can_be_wrapped(url: str) -> None:
    (episode,) = episodes(url, CORRIDOR, count=1, kwargs={"wrap": ["show_admissible"]})
    assert "left" in episode.traces[0].nodes[1].message.content
    assert "right" in episode.traces[0].nodes[1].message.content


def test_an_episode_is_cut_off_at_its_turns(url: str) -> None:
    (episode,) = episodes(url, CORRIDOR, count=1, max_turns=1, kwargs={"length": 50})
    assert episode.ok
    assert episode.traces[0].metrics == {"turns": 1.0, "success": 0.0, "score": 0.0}


class Breaks(TextEnv):
    """Fails in the step of every other episode."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.breaks = bool(seed and seed % 2)
        return "The exit is to the left.", {}

    def step(self, action: str) -> Any:
        if self.breaks:
            raise OSError("no more paper")
        return "", 1.0, True, False, {"success": True}


register("test/Breaks-v0", Breaks)


def test_an_environment_that_fails_fails_its_own_episode_alone(url: str) -> None:
    good, bad, *_ = episodes(url, "test/Breaks-v0", count=2)
    assert good.ok
    assert not bad.ok
    assert "no more paper" in bad.errors[0].message


def test_tasks_without_end_have_seeds_one_after_another() -> None:
    taskset = load_environment(CORRIDOR, seed=5, options={"task": 1}).taskset
    tasks = list(islice(taskset, 3))
    assert not taskset.bounded
    assert [task.data.seed for task in tasks] == [5, 6, 7]
    assert tasks[0].data.options == {"task": 1}
    assert len({task.key for task in tasks}) == 3


@pytest.mark.slow
def test_the_command_of_verifiers_evaluates_it(url: str, tmp_path: Path) -> None:
    (tmp_path / "turngym_taskset.py").write_text(
        "from turngym.envs.bridges.verifiers_taskset import TurngymEnv, TurngymHarness, TurngymTaskset\n"
        '__all__ = ["TurngymEnv", "TurngymHarness", "TurngymTaskset"]\n'
    )
    command = [Path(sys.executable).with_name("vf-eval"), "turngym-taskset", "-n", "2", "-r", "2"]
    command += ["-m", "scripted", "--client.base-url", url, "--rich", "None", "--env.workers", "0"]
    command += ["--env.taskset.env-id", CORRIDOR]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("outputs/*/traces.jsonl")
    traces = [json.loads(one)["traces"][0] for one in written.read_text().splitlines()]
    assert [trace["rewards"]["reward"]["score"] for trace in traces] == [1.0] * 4


def test_it_replays_its_recorded_run(url: str) -> None:
    (episode,) = episodes(url, CORRIDOR, count=1, seed=2)
    assert lines(episode.traces[0]) == load("verifiers_corridor")


if __name__ == "__main__":
    with model_server() as served:
        (played,) = episodes(served, CORRIDOR, count=1, seed=2)
    save("verifiers_corridor", lines(played.traces[0]))
