"""Whatever one client does, the others play on. Real sockets throughout."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("openenv", reason="needs turngym[openenv]")

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from turngym.envs import make
from turngym.envs import serving as server
from turngym.envs.bridges.guard import STRIKES
from turngym.envs.bridges.openenv_client import OpenEnv, ServerError
from turngym.envs.bridges.openenv_server import LONGEST, serving
from turngym.envs.walk import guided

SESSIONS = 8


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("turngym/Corridor-v0", port=0, workers=0, sessions=SESSIONS, expert=True, length=9) as url:
        yield url


@pytest.fixture(autouse=True)
def _others_play_on(url: str) -> Iterator[None]:
    """An honest client is in the middle of its episode when the bad one comes, and wins afterwards."""
    env, local = OpenEnv(url), make("turngym/Corridor-v0", expert=True, length=9)
    episode = list(guided(local, 3, 20))
    assert env.reset(seed=3)[0] == episode[0].obs
    yield
    for turn, seen in enumerate(episode[1:], 1):
        assert env.step(seen.action or "") == seen[1:], turn
    env.close()


def opened(url: str) -> Any:
    return connect(url.replace("http", "ws", 1) + "/ws", max_size=None, proxy=None, close_timeout=1)


def say(ws: Any, message: Any) -> dict[str, Any]:
    ws.send(message if isinstance(message, str | bytes) else json.dumps(message))
    answer: dict[str, Any] = json.loads(ws.recv(timeout=30))
    return answer


def post(url: str, body: bytes, **headers: str) -> tuple[int, str]:
    request = Request(url, data=body, headers={"Content-Type": "application/json", **headers})
    try:
        with urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


RESET = {"type": "reset", "data": {"seed": 0}}


@pytest.mark.parametrize(
    ("junk", "told"),
    [
        ("", "not a JSON object"),
        ("hello", "not a JSON object"),
        ("[1, 2]", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ("9" * 100_000, "not a JSON object"),
        (b"\x00\xff", "is text, not bytes"),
        ({"type": "dance"}, "Unknown message type: dance"),
        ({"type": ["reset"]}, "Unknown message type"),
        ({"type": "step"}, "Invalid message"),
        ({"type": "step", "data": "left"}, "Invalid message"),
        ({"type": "step", "data": {"text": 3}}, "Invalid message"),
        ({"type": "step", "data": {"text": "left", "more": 1}}, "Invalid message"),
        ({"type": "step", "data": {"text": "left"}}, "has to be reset before a step"),
        ({"type": "reset", "data": {"seed": "zero"}}, "give a whole number"),
        ({"type": "reset", "data": {"seed": -1}}, "give a whole number"),
        ({"type": "reset", "data": {"self": 1}}, "self"),
    ],
)
def test_junk_is_refused_in_one_sentence_and_the_session_goes_on(url: str, junk: Any, told: str) -> None:
    with opened(url) as ws:
        answer = say(ws, junk)
        assert answer["type"] == "error"
        assert told in answer["data"]["message"]
        assert "\n" not in answer["data"]["message"]
        assert say(ws, RESET)["type"] == "observation"


def test_endless_junk_ends_the_session(url: str) -> None:
    with opened(url) as ws:
        for _ in range(STRIKES):
            last = say(ws, "junk")
        assert "the session is closed" in last["data"]["message"]
        with pytest.raises(ConnectionClosed):
            ws.recv(timeout=30)


@pytest.mark.parametrize("beginning", [b"", b"\x81\xfe\x10\x00half"], ids=["silent", "within a message"])
def test_a_client_that_stalls_is_shown_out_while_another_plays(beginning: bytes) -> None:
    with serving("turngym/Corridor-v0", port=0, workers=0, sessions=2, idle=0.5) as url, opened(url) as ws:
        ws.socket.sendall(beginning)
        env = OpenEnv(url)
        env.reset(seed=0)
        while (last := heard(ws)) is None:
            assert env.step("wait")[4]["valid"] is False
        assert json.loads(last)["data"]["message"] == "the session was silent for 0.5s; connect again"
        ws.socket.close()
        third = OpenEnv(url)
        while not admitted(third):
            assert env.step("wait")[4]["valid"] is False


def admitted(env: OpenEnv) -> bool:
    """Whether there is a place; one that was given up is free a moment later."""
    try:
        return bool(env.reset(seed=0))
    except ServerError:
        return False


def heard(ws: Any) -> str | bytes | None:
    try:
        message: str | bytes = ws.recv(timeout=0.05)
        return message
    except TimeoutError:
        return None


def test_a_connection_that_says_nothing_is_closed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HANDSHAKE", 0.1)
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as silent:
        assert silent.recv(100) == b""
    with socket.create_connection((host, int(port)), timeout=30) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\n")
        assert slow.recv(100) == b""


@pytest.mark.parametrize("character", ["x", "\N{ROCKET}", "\0"])
def test_an_action_of_a_million_characters_is_played(url: str, character: str) -> None:
    with opened(url) as ws:
        say(ws, RESET)
        message = {"type": "step", "data": {"text": character * 1_000_000}}
        answer = say(ws, json.dumps(message, ensure_ascii=False))
        assert answer["data"]["observation"]["info"]["valid"] is False


def test_an_action_over_the_limit_is_refused_and_the_session_goes_on(url: str) -> None:
    with opened(url) as ws:
        say(ws, RESET)
        answer = say(ws, {"type": "step", "data": {"text": "x" * (LONGEST + 1)}})
        assert "which is over the limit" in answer["data"]["message"]
        assert say(ws, {"type": "step", "data": {"text": "left"}})["type"] == "observation"


def test_an_action_of_a_hundred_megabytes_ends_the_session(url: str) -> None:
    with opened(url) as ws, pytest.raises(ConnectionClosed) as closed:
        say(ws, {"type": "step", "data": {"text": "x" * 100_000_000}})
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def test_a_request_body_over_the_limit_is_refused(url: str) -> None:
    line = HTTPConnection(url.removeprefix("http://"), timeout=30)
    line.putrequest("POST", "/reset")
    line.putheader("Content-Length", str(LONGEST + 1))
    line.endheaders()
    answer = line.getresponse()
    assert answer.status == 413
    assert json.load(answer) == {"detail": f"the request body is over the limit of {LONGEST} bytes"}
    line.close()


@pytest.mark.parametrize(
    "body", [b"", b"junk", b"[" * 100_000, b'{"seed": -1}', b'{"action": {"text": "x"}}']
)
@pytest.mark.parametrize("path", ["reset", "step", "mcp", "nowhere"])
def test_junk_in_plain_requests_is_answered(url: str, path: str, body: bytes) -> None:
    status, _ = post(f"{url}/{path}", body)
    assert 200 <= status <= 500


def test_a_page_of_another_site_is_refused(url: str) -> None:
    status, said = post(f"{url}/reset", b"{}", Origin="https://elsewhere.example")
    assert (status, json.loads(said)["detail"]) == (403, "a page of another site may not use this server")


def test_who_comes_when_all_places_are_taken_is_told_so(url: str) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(opened(url)) for _ in range(SESSIONS - 1)]
        for ws in held:
            assert say(ws, RESET)["type"] == "observation"
        for _ in range(100):
            with pytest.raises(ServerError, match=f"{SESSIONS}/{SESSIONS} sessions active"):
                OpenEnv(url).reset(seed=0)
        for ws in held:
            assert say(ws, RESET)["type"] == "observation"


@pytest.mark.slow
def test_of_ten_thousand_sessions_those_beyond_the_limit_are_refused(url: str) -> None:
    answers: list[bytes] = []
    for _ in range(20):
        with ExitStack() as stack:
            crowd = [stack.enter_context(knocking(url)) for _ in range(500)]
            for one in crowd:
                welcome(one)
            answers += [said(one) for one in crowd]
    refused = [answer for answer in answers if b"Server at capacity" in answer or b" 503 " in answer]
    admitted = [answer for answer in answers if b'"observation"' in answer]
    assert len(answers) == 10_000
    assert len(refused) + len(admitted) == 10_000
    assert len(admitted) <= 20 * SESSIONS


HELLO = (
    b"GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
FRAME = b"\x81" + bytes([0x80 | len(json.dumps(RESET))]) + bytes(4) + json.dumps(RESET).encode()


def knocking(url: str) -> socket.socket:
    """A connection that asks for a session and reads nothing yet."""
    host, _, port = url.removeprefix("http://").partition(":")
    one = socket.create_connection((host, int(port)), timeout=30)
    one.sendall(HELLO)
    return one


def welcome(one: socket.socket) -> None:
    """Ask for an episode as soon as the server has answered."""
    while b"\r\n" not in one.recv(4096, socket.MSG_PEEK):
        pass
    with suppress(OSError):
        one.sendall(FRAME)


def said(one: socket.socket) -> bytes:
    """All up to the first answer."""
    heard = b""
    while b'"data"' not in heard and b" 503 " not in heard and (more := one.recv(4096)):
        heard += more
    return heard
