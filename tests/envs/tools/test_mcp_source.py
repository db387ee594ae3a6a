from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="needs turngym[mcp]")

from turngym.envs.tools.mcp_source import MCPSource, SourceError

DEMO = [sys.executable, str(Path(__file__).with_name("mcp_demo.py"))]


@pytest.fixture(scope="module")
def demo() -> Iterator[MCPSource]:
    with MCPSource(DEMO) as source:
        yield source


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The same server over HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [*DEMO, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
        process.kill()


def test_a_servers_tools_are_a_toolbox(demo: MCPSource) -> None:
    assert demo.toolbox.names == ["add", "note", "refuse", "wait", "die", "process", "picture"]
    add = demo.toolbox["add"]
    assert add.description == "Add two whole numbers."
    assert add.parameters["required"] == ["a", "b"]
    assert add.schema["function"]["name"] == "add"


def test_calls_are_answered_in_text(demo: MCPSource) -> None:
    assert demo.toolbox.call("add", {"a": 2, "b": 3}) == "5"
    assert demo.toolbox.call("picture", {}) == "a dot\n[image image/png]"


def test_over_http_it_is_the_same(url: str) -> None:
    with MCPSource(url) as source:
        assert source.toolbox.names == ["add", "note", "refuse", "wait", "die", "process", "picture"]
        assert source.toolbox.call("add", {"a": 2, "b": 3}) == "5"
        assert source.toolbox.call("refuse", {}).startswith("Error: ")


@pytest.mark.parametrize("arguments", [{"a": 2}, {"a": "two", "b": 3}, {}])
def test_arguments_that_do_not_fit_are_refused_before_the_server_hears_of_them(
    demo: MCPSource, arguments: dict[str, object]
) -> None:
    assert demo.toolbox.call("add", arguments) == f"Error: {demo.toolbox.fault('add', arguments)}"
    assert demo.toolbox.call("multiply", arguments).startswith("Error: there is no tool 'multiply'")


def test_what_a_tool_refuses_is_told_to_the_model(demo: MCPSource) -> None:
    assert demo.toolbox.call("refuse", {}).startswith("Error: ")
    assert demo.toolbox.call("add", {"a": 1, "b": 1}) == "2"


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "\N{ROCKET}" * 1000, "x" * 1_000_000])
def test_any_text_can_be_an_argument(demo: MCPSource, text: str) -> None:
    assert demo.toolbox.call("note", {"text": text}).endswith("notes")


@pytest.mark.slow
def test_a_call_that_takes_too_long_is_told_to_the_model_and_the_session_goes_on() -> None:
    with MCPSource(DEMO, timeout=2.0) as source:
        assert source.toolbox.call("wait", {"seconds": 3.0}) == "Error: wait did not answer in 2s"
        time.sleep(1.5)
        assert source.toolbox.call("add", {"a": 1, "b": 1}) == "2"


def test_a_server_that_dies_is_told_with_its_last_words() -> None:
    with MCPSource(DEMO) as source:
        with pytest.raises(
            SourceError, match=r"mcp_demo.py' died during die: .*its last words were 'out of paper'$"
        ):
            source.toolbox.call("die", {})
        with pytest.raises(SourceError, match="died during add"):
            source.toolbox.call("add", {"a": 1, "b": 1})


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["/no/such/program"], "No such file or directory"),
        ([sys.executable, "-c", "1/0"], "its last words were 'ZeroDivisionError: division by zero'"),
        ([sys.executable, "-c", "print('hello')"], ""),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "it did not answer in time"),
        ("http://127.0.0.1:9/mcp", "All connection attempts failed"),
    ],
)
def test_a_server_that_does_not_start_is_told(command: str | list[str], told: str) -> None:
    with pytest.raises(SourceError, match=f"did not start: .*{told}") as error:
        MCPSource(command, start=1.0)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_closed_source_says_so() -> None:
    source = MCPSource(DEMO)
    source.close()
    source.close()
    with pytest.raises(SourceError, match="was closed"):
        source.toolbox.call("add", {"a": 1, "b": 1})


@pytest.mark.slow
def test_a_forgotten_source_ends_its_server() -> None:
    source = MCPSource(DEMO)
    pid = int(source.toolbox.call("process", {}))
    os.kill(pid, 0)
    del source
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
