from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("mcp", reason="needs turngym[mcp]")

from mcp import Client

from turngym.core.errors import PrerequisiteError
from turngym.envs.tools.domain import Domain
from turngym.envs.tools.library.env import desk
from turngym.envs.tools.mcp_server import NoTools, serving_mcp
from turngym.envs.tools.mcp_source import MCPSource, SourceError, said
from turngym.envs.tools.tool import Toolbox

LIBRARY = "turngym/Library-v0"
TOKEN = "open sesame"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving_mcp(LIBRARY, port=0, token=TOKEN, task=2, level="hard") as url:
        yield url


def local(task: int) -> tuple[Domain, Toolbox]:
    domain = desk("hard", "train", 10_000)
    return domain, domain.toolbox(domain.database(domain.request(task)))


def replay(box: Toolbox, domain: Domain, task: int) -> list[str]:
    return [box.call(call.name, call.arguments) for call in domain.request(task).calls]


def test_over_the_standard_streams_a_domain_answers_as_at_home() -> None:
    code = f"from turngym.envs.tools.mcp_server import serve_stdio; serve_stdio({LIBRARY!r}, task=2, level='hard')"
    domain, box = local(2)
    with MCPSource([sys.executable, "-c", code]) as source:
        assert source.toolbox.schemas() == box.schemas()
        assert replay(source.toolbox, domain, 2) == replay(box, domain, 2)


def test_over_http_a_domain_answers_as_at_home(url: str) -> None:
    domain, box = local(2)
    with MCPSource(f"{url}?desk=home", token=TOKEN) as source:
        assert source.toolbox.schemas() == box.schemas()
        assert replay(source.toolbox, domain, 2) == replay(box, domain, 2)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_clients_of_either_age_are_served(mode: str) -> None:
    domain, box = local(0)
    call = domain.request(0).calls[0]

    async def first_answer(url: str) -> str:
        async with Client(f"{url}?desk=old", mode=mode) as client:
            assert client.instructions == domain.policy
            result = await client.call_tool(call.name, dict(call.arguments))
            return said(result)

    with serving_mcp(LIBRARY, port=0, level="hard") as url:
        assert asyncio.run(first_answer(url)) == box.call(call.name, call.arguments)


def test_desks_are_apart_and_keep_their_own_task(url: str) -> None:
    domain, box = local(5)
    answers = replay(box, domain, 5)
    for name in ("one", "two"):
        with MCPSource(f"{url}?desk={name}&task=5", token=TOKEN) as source:
            assert replay(source.toolbox, domain, 5) == answers
    by_id = f"{url}?desk=three&task={domain.ids[5]}"
    with MCPSource(by_id, token=TOKEN) as first, MCPSource(by_id, token=TOKEN) as again:
        half = len(answers) // 2
        calls = domain.request(5).calls
        told = [first.toolbox.call(call.name, call.arguments) for call in calls[:half]]
        told += [again.toolbox.call(call.name, call.arguments) for call in calls[half:]]
        assert told == answers


def test_an_unknown_task_is_told(url: str) -> None:
    with pytest.raises(SourceError, match="there is no task 'nothing'"):
        MCPSource(f"{url}?desk=four&task=nothing", token=TOKEN)


def test_when_all_desks_are_in_use_that_is_told() -> None:
    with (
        serving_mcp(LIBRARY, port=0, desks=2) as url,
        MCPSource(f"{url}?desk=a") as one,
        MCPSource(f"{url}?desk=b"),
    ):
        with pytest.raises(SourceError, match="all 2 desks are in use"):
            MCPSource(f"{url}?desk=c")
        assert one.toolbox.call("no_such_tool", {}).startswith("Error: ")


def test_a_desk_that_nobody_used_for_long_makes_room() -> None:
    with serving_mcp(LIBRARY, port=0, desks=1, idle=0.01) as url:
        for name in ("a", "b", "c"):
            with MCPSource(f"{url}?desk={name}") as source:
                assert source.toolbox.names


def test_without_the_token_nothing_is_told(url: str) -> None:
    with pytest.raises(SourceError, match="did not start"):
        MCPSource(url)
    with pytest.raises(HTTPError, match="401"):
        urlopen(Request(url, data=b"{}"))


@pytest.mark.parametrize("body", [b"", b"junk", b"[" * 100_000, b"{}", b"x" * (5 << 20)])
def test_junk_is_refused_and_others_play_on(url: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with MCPSource(f"{url}?desk=five", token=TOKEN) as source:
        with pytest.raises((HTTPError, OSError)):
            urlopen(Request(url, data=body, headers=headers), timeout=30)
        assert source.toolbox.call("no_such_tool", {}).startswith("Error: ")
        assert replay(source.toolbox, *local(2)[:1], 2)


def test_an_open_host_needs_a_token() -> None:
    with pytest.raises(PrerequisiteError, match="give a token"), serving_mcp(LIBRARY, host="0.0.0.0"):
        pass


def test_an_environment_without_tools_is_refused() -> None:
    with pytest.raises(NoTools, match="no tool domain"), serving_mcp("turngym/Corridor-v0", port=0):
        pass
