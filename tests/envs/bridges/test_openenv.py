from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs turngym[openenv]")

from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State
from openenv.core.generic_client import GenericEnvClient
from tests.envs.bridges.recording import actions, load, played, save
from websockets.sync.server import serve as ws_serve

from turngym.core.errors import PrerequisiteError
from turngym.core.registry import load as load_object
from turngym.envs import check_env, make, register, registry
from turngym.envs.bridges.openenv_client import OpenEnv, ServerError
from turngym.envs.bridges.openenv_server import serving
from turngym.envs.serving import running
from turngym.envs.walk import guided, walk

TOKEN = "open sesame"


@pytest.fixture(scope="module")
def corridor() -> Iterator[str]:
    with serving("turngym/Corridor-v0", port=0, token=TOKEN, workers=0, expert=True) as url:
        yield url


@pytest.fixture
def env(corridor: str) -> Iterator[OpenEnv]:
    env = OpenEnv(corridor, TOKEN)
    yield env
    env.close()


def test_a_served_environment_keeps_the_contract(corridor: str) -> None:
    verdicts = check_env(OpenEnv, url=corridor, token=TOKEN)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize("name", ["turngym/Corridor-v0", "turngym/Household-v0"])
def test_served_by_worker_processes_it_plays_the_same_episodes_as_at_home(name: str) -> None:
    with serving(name, port=0, workers=1, expert=True) as url:
        remote, local = OpenEnv(url), make(name, expert=True)
        for seed in range(5):
            assert list(walk(remote, seed, nonsense=0.2)) == list(walk(local, seed, nonsense=0.2))
        assert list(guided(remote, 7, 500)) == list(guided(local, 7, 500))
        remote.close()


def test_openenvs_own_client_plays_a_served_environment(corridor: str) -> None:
    url = corridor.replace("http://", f"http://me:{TOKEN.replace(' ', '%20')}@")
    with GenericEnvClient(base_url=url).sync() as client:
        result = client.reset(seed=9)
        assert result.observation["text"] == "You are in cell 4 of 5. The exit is to the left."
        while not result.done:
            result = client.step({"text": result.observation["info"]["expert"]})
        assert (result.reward, result.observation["terminated"]) == (1.0, True)
        assert client.state()["step_count"] == 3


def test_sessions_are_apart(corridor: str) -> None:
    many = [OpenEnv(corridor, TOKEN) for _ in range(20)]
    alone = [list(walk(make("turngym/Corridor-v0", expert=True), seed)) for seed in range(20)]
    together = zip(*(walk(env, seed) for seed, env in enumerate(many)), strict=False)
    for turn, seen in enumerate(together):
        assert list(seen) == [episode[turn] for episode in alone]
    for env in many:
        env.close()


def test_a_session_gives_its_place_back() -> None:
    with serving("turngym/Corridor-v0", port=0, workers=0, sessions=1) as url:
        first, second = OpenEnv(url), OpenEnv(url)
        first.reset(seed=0)
        with pytest.raises(ServerError, match="capacity"):
            second.reset(seed=0)
        first.close()
        assert _soon(lambda: second.reset(seed=0))[1]["state"] == first_state()
        second.close()


def first_state() -> Any:
    return make("turngym/Corridor-v0").reset(seed=0)[1]["state"]


def _soon(call: Any) -> Any:
    """The server hears of a goodbye a moment later."""
    for _ in range(200):
        try:
            return call()
        except ServerError:
            time.sleep(0.01)
    return call()


def test_without_a_seed_episodes_follow_from_the_last_seed(env: OpenEnv) -> None:
    env.reset(seed=5)
    once = [env.reset()[1]["state"] for _ in range(8)]
    env.reset(seed=5)
    assert [env.reset()[1]["state"] for _ in range(8)] == once
    assert len(set(once)) > 1


def test_options_reach_the_environment() -> None:
    with serving("turngym/Household-v0", port=0, workers=0) as url:
        remote, local = OpenEnv(url), make("turngym/Household-v0")
        assert remote.reset(seed=0, options={"task": 3}) == local.reset(seed=0, options={"task": 3})
        with pytest.raises(ServerError, match="failed in reset"):
            remote.reset(seed=0, options={"task": "no such task"})
        remote.reset(seed=0)


def test_a_client_pickles(corridor: str) -> None:
    build = pickle.loads(pickle.dumps(partial(OpenEnv, corridor, TOKEN)))
    assert build().reset(seed=0)[1]["state"] == first_state()


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_token_nothing_is_told(corridor: str, token: str | None) -> None:
    with pytest.raises(ServerError, match="refused: this server asks for a token"):
        OpenEnv(corridor, token).reset(seed=0)


def test_an_open_host_needs_a_token() -> None:
    with (
        pytest.raises(PrerequisiteError, match="give a token"),
        serving("turngym/Corridor-v0", host="0.0.0.0"),
    ):
        pass


def test_a_taken_port_is_told(corridor: str) -> None:
    port = int(corridor.rpartition(":")[2])
    with (
        pytest.raises(PrerequisiteError, match="choose another port"),
        serving("turngym/Corridor-v0", port=port, workers=0),
    ):
        pass


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ServerError, match="cannot be reached"):
        OpenEnv("http://127.0.0.1:9", timeout=1).reset(seed=0)


def test_a_step_before_the_reset_is_told(corridor: str) -> None:
    with pytest.raises(ServerError, match="reset before a step"):
        OpenEnv(corridor, TOKEN).step("left")


def test_a_lost_connection_is_told_and_the_next_reset_connects_again(env: OpenEnv) -> None:
    env.reset(seed=0)
    assert env.line._socket
    env.line._socket.socket.close()
    with pytest.raises(ServerError, match="hung up during step"):
        env.step("left")
    assert env.reset(seed=0)[1]["state"] == first_state()


def test_a_server_that_comes_back_is_used_again() -> None:
    with serving("turngym/Corridor-v0", port=0, workers=0) as url:
        env = OpenEnv(url)
        env.reset(seed=0)
    with pytest.raises(ServerError):
        env.reset(seed=0)
    with serving("turngym/Corridor-v0", port=int(url.rpartition(":")[2]), workers=0):
        assert env.reset(seed=0)[1]["state"] == first_state()


def test_an_action_over_the_limit_is_refused_and_changes_nothing(env: OpenEnv) -> None:
    _, before = env.reset(seed=0)
    obs, reward, terminated, truncated, info = env.step("x" * (1 << 20) + "x")
    assert obs == "The action has 1048577 characters; at most 1048576 are sent."
    assert (reward, terminated, truncated, info) == (0.0, False, False, before | {"valid": False})
    assert env.step("\N{ROCKET}" * (1 << 20))[0].startswith("Nothing happens.")


@pytest.fixture
def obedient(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An environment that fails as it is told, served by two processes with one place each."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    if "test/Obedient-v0" not in registry.names():
        register("test/Obedient-v0", load_object("broken_envs:Obedient"))
    with serving("test/Obedient-v0", port=0, workers=2, sessions=2, timeout=0.5) as url:
        yield url


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("raise", "raised in step: ValueError: told to"),
        ("die", r"died in step \(exit code 7\)"),
        ("hang", "did not answer step in 0.5s"),
        ("secret", r"info\['secret'\], which cannot be sent"),
    ],
)
def test_an_environment_that_fails_is_told_and_others_play_on(obedient: str, order: str, told: str) -> None:
    first, second = OpenEnv(obedient), OpenEnv(obedient)
    first.reset(seed=1)
    second.reset(seed=2)
    with pytest.raises(ServerError, match=told):
        first.step(order)
    assert second.step("go on")[0] == "2: go on"
    obs, info = first.reset(seed=3)
    assert obs == "seed 3"
    assert set(info) == {"pid", "environment"}
    assert first.step("go on")[0] == "3: go on"
    first.close()
    second.close()


@pytest.mark.parametrize(
    "answer",
    [
        "hello",
        "[]",
        "[" * 100_000,
        "{}",
        '{"type": "observation", "data": 3}',
        '{"type": "observation", "data": {"observation": "text"}}',
        '{"type": "observation", "data": {"observation": {}, "reward": "high"}}',
        '{"type": "observation", "data": {"observation": {}, "reward": NaN}}',
        '{"type": "error", "data": {"message": "no", "code": "VALIDATION_ERROR", "errors": [1, {}]}}',
        b"bytes",
    ],
)
def test_a_server_that_answers_junk_is_told(answer: str | bytes) -> None:
    def schema(_: Any, request: Any) -> Any:
        if request.path == "/schema":
            return _.respond(200, '{"action": {"properties": {"text": {"type": "string"}}}}')
        return None

    def talk(ws: Any) -> None:
        for _ in ws:
            ws.send(answer)

    with ws_serve(talk, "127.0.0.1", 0, process_request=schema) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        env = OpenEnv(f"http://127.0.0.1:{server.socket.getsockname()[1]}")
        with pytest.raises(ServerError) as told:
            env.reset(seed=0)
        assert "\n" not in str(told.value)
        assert len(str(told.value)) < 500
        env.close()
        server.shutdown()


class Move(Action):
    x: int
    y: int


class Board(Observation):
    cells: list[int]
    hint: str = ""


class Grid(Environment[Move, Board, State]):
    """Somebody else's environment: go to (2, 2); (9, 9) breaks it and (8, 8) takes too long."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> Board:
        return Board(cells=[0, 0], hint=f"seed {seed}")

    def step(self, action: Move, timeout_s: float | None = None, **_: Any) -> Board:
        if action.x == 9:
            raise RuntimeError("the grid broke")
        if action.x == 8:
            time.sleep(1.0)
        won = (action.x, action.y) == (2, 2)
        return Board(cells=[action.x, action.y], reward=int(won), done=won)

    @property
    def state(self) -> State:
        return State()


@pytest.fixture(scope="module")
def grid() -> Iterator[str]:
    application = create_app(Grid, Move, Board, max_concurrent_envs=100)
    with running(application, "127.0.0.1", 0, limit=200, ws="auto") as url:
        yield url.replace("http", "ws", 1)


def test_another_servers_environment_is_played_in_json(grid: str) -> None:
    env = OpenEnv(grid)
    obs, info = env.reset(seed=4)
    assert obs == '{"cells": [0, 0], "hint": "seed 4"}'
    assert info == {
        "grammar": "a JSON object with 'x' (integer), 'y' (integer)",
        "valid": True,
        "success": None,
    }
    obs, *_, info = env.step("go to two, two")
    assert obs == "Nothing happens. An action is a JSON object with 'x' (integer), 'y' (integer)."
    assert info["valid"] is False
    obs, *_, info = env.step('{"x": "east", "y": 1}')
    assert obs.startswith("Nothing happens. Invalid message; x: Input should be a valid integer")
    assert info["valid"] is False
    assert env.step('{"x": 2, "y": 2}')[:4] == ('{"cells": [2, 2], "hint": ""}', 1.0, True, False)
    assert env.step('{"x": 2, "y": 2}')[1:3] == (0.0, True)


def test_another_servers_environment_keeps_the_contract(grid: str) -> None:
    verdicts = check_env(OpenEnv, url=grid)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


def test_a_failure_of_the_environment_is_told_and_the_session_goes_on(grid: str) -> None:
    env = OpenEnv(grid)
    env.reset(seed=0)
    with pytest.raises(ServerError, match="failed in step: the grid broke"):
        env.step('{"x": 9, "y": 9}')
    assert env.reset(seed=1)[0].endswith('"seed 1"}')


def test_an_answer_that_does_not_come_is_told(grid: str) -> None:
    env = OpenEnv(grid, timeout=0.2)
    env.reset(seed=0)
    with pytest.raises(ServerError, match=r"did not answer step in 0.2s"):
        env.step('{"x": 8, "y": 8}')
    assert env.reset(seed=1)[0].endswith('"seed 1"}')


SERVE = """
import asyncio, uvicorn
from server.app import app

async def main():
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await running

asyncio.run(main())
"""


@contextmanager
def echo_server(folder: Path) -> Iterator[str]:
    """The environment that `openenv init` writes, in a process of its own."""
    command = Path(sys.executable).with_name("openenv")
    made = subprocess.run([command, "init", "echo"], cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    process = subprocess.Popen([sys.executable, "-c", SERVE], cwd=folder / "echo", stdout=subprocess.PIPE)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


WORDS = ("hello", "", "a \N{SNOWMAN}")


@pytest.mark.slow
def test_the_environment_of_openenv_init_replays_its_recorded_run(tmp_path: Path) -> None:
    recorded = load("openenv_echo")
    with echo_server(tmp_path) as url:
        assert played(OpenEnv(url), 0, actions(recorded)) == recorded


def test_a_served_environment_replays_its_recorded_run(env: OpenEnv) -> None:
    recorded = load("openenv_corridor")
    assert played(env, 9, actions(recorded)) == recorded


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, echo_server(Path(folder)) as url:
        save("openenv_echo", played(OpenEnv(url), 0, WORDS))
    with serving("turngym/Corridor-v0", port=0, workers=0) as url:
        save("openenv_corridor", played(OpenEnv(url), 9, ["right", "right", "jump", *["left"] * 4]))
