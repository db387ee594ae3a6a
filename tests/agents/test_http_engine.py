"""Engines over real HTTP, against a server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import json
import time
from email.utils import formatdate
from threading import Lock
from typing import Any

import pytest

pytest.importorskip("httpx")

from tests.agents.servers import (
    babbles,
    completion,
    cuts_chunks,
    drips,
    hangs_up,
    says,
    sends,
    served,
    server,
    sleeps,
    tells,
)

from turngym.agents.chat import ChatAgent
from turngym.agents.endpoint import EndpointFailure, Refused
from turngym.agents.engines.http import HTTPChat, HTTPTokens
from turngym.agents.llm import LLM, EngineFailure, Sampling, TokenLimit
from turngym.agents.rollout import Sampler, TooManyFailures
from turngym.core.episodes import from_record, to_record
from turngym.core.samples import NoTokens, pack
from turngym.core.types import Call, Group, Status, Task
from turngym.envs.pool import Pool

HELLO = [{"role": "user", "content": "Hello?"}]
SAMPLING = Sampling(temperature=0.5, max_tokens=7, seed=2**40 + 3)


def chat(url: str, **settings: Any) -> HTTPChat:
    quick = {"model": "m", "timeout": 60.0, "retries": 2, "pause": 0.01, "longest_pause": 0.05}
    return HTTPChat(url=url, **(quick | settings))


def tokens(url: str, **settings: Any) -> HTTPTokens:
    quick = {"model": "m", "timeout": 60.0, "retries": 1, "pause": 0.01, "longest_pause": 0.05}
    return HTTPTokens(url=url, **(quick | settings))


def spoken(engine: HTTPChat, **request: Any) -> Call:
    return asyncio.run(engine.speak(HELLO, SAMPLING, **request))


def test_a_question_goes_out_as_it_is_and_the_call_says_what_was_said() -> None:
    with server(says("Hi.", prompt_tokens=12, tokens=3)) as (url, seen):
        call = spoken(chat(url, extra={"top_p": 0.9}), tools=[{"type": "function"}])
    assert seen[0]["path"] == "/v1/chat/completions"
    assert {key: value for key, value in seen[0].items() if key not in ("path", "headers")} == {
        "model": "m",
        "messages": HELLO,
        "temperature": 0.5,
        "max_tokens": 7,
        "seed": 3,
        "tools": [{"type": "function"}],
        "top_p": 0.9,
    }
    assert (call.prompt_ids, call.action_ids, call.logprobs, call.stop) == ([], [], [], "stop")
    assert call.spoken is not None
    assert (call.spoken.messages, call.spoken.reply["content"]) == (HELLO, "Hi.")
    assert (call.spoken.prompt_tokens, call.sampled) == (12, 3)


def test_keys_can_be_renamed_and_left_out_for_servers_that_are_choosy() -> None:
    with server(says("Hi.")) as (url, seen):
        spoken(chat(url, limit_key="max_completion_tokens", leave_out=["temperature", "seed"]))
    assert {"model", "messages", "max_completion_tokens"} == set(seen[0]) - {"path", "headers"}


def test_the_key_comes_from_the_environment_and_shows_up_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    with server(sends(b"bad key: sk-secret", status=401)) as (url, seen):
        engine = chat(url, key_env="MY_KEY")
        with pytest.raises(
            Refused, match=r"401 Unauthorized \(the key is what MY_KEY holds\): bad key: \[key\]$"
        ):
            spoken(engine)
    assert seen[0]["headers"]["Authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in repr(engine)
    assert len(seen) == 1


def test_a_refusal_without_a_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with (
        server(sends(b"who are you?", status=401)) as (url, _),
        pytest.raises(Refused, match=r"OPENAI_API_KEY holds no key"),
    ):
        spoken(chat(url))


FAULTS = {
    "429 with seconds": sends(b"slow down", status=429, Retry_After="0.02"),
    "429 with a date": sends(b"slow down", status=429, Retry_After=formatdate(time.time() + 100)),
    "429 with nonsense": sends(b"slow down", status=429, Retry_After="soon"),
    "500": sends(b"oops", status=500),
    "503": sends(b"overloaded", status=503),
    "a cut body": sends(b'{"choices": [{"mess', length=5000),
    "a cut chunk": cuts_chunks,
    "half JSON": sends(b'{"choices": [{"mess'),
    "HTML": sends(b"<html>a proxy's page</html>"),
    "no UTF-8": sends(b"\xff\xfe"),
    "endless brackets": sends(b"[" * 100_000),
    "no choices": sends(b'{"choices": []}'),
    "no message": sends(b'{"choices": [{}]}'),
    "a list": sends(b"[1, 2]"),
    "null": sends(b"null"),
    "no text": sends(b'{"choices": [{"message": {"content": null}}]}'),
    "a message that is none": sends(b'{"choices": [{"message": "hi"}]}'),
    "a closed connection": hangs_up,
    "no HTTP": babbles,
}
SLOW = {"silence": sleeps, "one byte now and then": drips}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_passing_fault_is_got_past(fault: Any) -> None:
    with server(fault, says("yes")) as (url, seen):
        assert spoken(chat(url)).spoken.reply["content"] == "yes"  # type: ignore[union-attr]
    assert len(seen) == 2


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
def test_a_slow_server_is_asked_again(fault: Any) -> None:
    with server(fault, says("yes")) as (url, seen):
        assert spoken(chat(url, timeout=1.0, retries=9)).spoken.reply["content"] == "yes"  # type: ignore[union-attr]
    assert len(seen) >= 2


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_lasting_fault_is_one_sentence_after_the_last_attempt(fault: Any) -> None:
    with server(fault) as (url, seen), pytest.raises(EndpointFailure, match=r"\(2 attempts\)$") as raised:
        spoken(chat(url, retries=1))
    assert len(seen) == 2
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
def test_a_server_that_stays_slow_is_left(fault: Any) -> None:
    with (
        server(fault) as (url, _),
        pytest.raises(EndpointFailure, match=r"gave no answer within 0.3 s \(2 attempts\)$"),
    ):
        spoken(chat(url, timeout=0.3, retries=1))


def test_an_answer_of_another_status_is_not_asked_again() -> None:
    with (
        server(sends(b"no such model", status=404)) as (url, seen),
        pytest.raises(Refused, match="no such model"),
    ):
        spoken(chat(url))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("ending", "content", "stop"),
    [("length", None, "length"), ("length", "half a", "length"), ("stop", "", "stop")],
)
def test_a_cut_off_answer_is_an_answer(ending: str, content: str | None, stop: str) -> None:
    answer = {"choices": [{"message": {"content": content}, "finish_reason": ending}]}
    with server(tells(answer)) as (url, _):
        call = spoken(chat(url))
    assert call.spoken is not None
    assert (call.spoken.reply["content"], call.stop) == (content or "", stop)


def test_tool_calls_come_back_as_they_are() -> None:
    calls = [{"id": "7", "type": "function", "function": {"name": "act", "arguments": "{}"}}]
    with server(tells(completion({"role": "assistant", "content": None, "tool_calls": calls}))) as (url, _):
        call = spoken(chat(url))
    assert call.spoken is not None
    assert call.spoken.reply == {"role": "assistant", "content": None, "tool_calls": calls}


def test_tokens_and_dollars_are_counted() -> None:
    with server(sends(b"", status=500), says("a", 1000, 10), says("b", 3000, 40)) as (url, _):
        engine = chat(url, input_price=2.0, output_price=10.0)
        assert engine.cost == 0.0
        for _ in range(2):
            spoken(engine)
    used = engine.usage
    assert (used.requests, used.answers, used.prompt_tokens, used.tokens) == (3, 2, 4000, 50)
    assert engine.cost == pytest.approx(4000 * 2e-6 + 50 * 10e-6)


def test_an_answer_without_a_count_makes_the_cost_unknown() -> None:
    with server(says("a", 1000, 10), says("b")) as (url, _):
        engine = chat(url, input_price=2.0, output_price=10.0)
        for _ in range(2):
            spoken(engine)
    assert (engine.usage.uncounted, engine.cost) == (1, None)


def test_no_more_requests_than_allowed_are_under_way_at_once() -> None:
    lock, under_way, most = Lock(), 0, 0

    def busy(handler: Any) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        says("a")(handler)

    async def ask(engine: HTTPChat) -> None:
        await asyncio.gather(*(engine.speak(HELLO, SAMPLING) for _ in range(12)))

    with server(busy) as (url, seen):
        asyncio.run(ask(chat(url, concurrency=3)))
    assert len(seen) == 12
    assert 1 < most <= 3


def test_a_rate_limit_spreads_the_requests() -> None:
    with server(says("a", 5, 5)) as (url, _):
        engine = chat(url, requests_per_minute=60_000.0, tokens_per_minute=60_000.0)
        for _ in range(3):
            spoken(engine)
    assert engine.usage.answers == 3


def test_who_stops_waiting_does_not_hurt_the_others() -> None:
    async def ask(engine: HTTPChat) -> str:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.speak(HELLO, SAMPLING), 0.2)
        return str((await engine.speak(HELLO, SAMPLING)).spoken)

    with server(sleeps, says("still here")) as (url, _):
        assert "still here" in asyncio.run(ask(chat(url, timeout=30.0, concurrency=1)))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "localhost:8000"}, "write it as http://host:port/v1"),
        ({"url": "http://me:pw@host/v1"}, "url holds a password"),
        ({"timeout": 0.0}, "timeout is 0.0"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"retries": -1}, "retries is -1"),
        ({"tokens_per_minute": -5.0}, "tokens_per_minute is -5.0"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        chat(**({"url": "http://localhost/v1"} | wrong))


def played(engine: Any, renderer: Any = None, **limits: Any) -> Group:
    async def collect() -> Group:
        with Pool("turngym/Corridor-v0", workers=0, slots=1, length=3) as pool:
            sampler = Sampler(pool=pool, agent=ChatAgent, engine=engine, renderer=renderer, **limits)
            return (await sampler.collect([Task(env="turngym/Corridor-v0", seed=0)], 1, 0))[0]

    return asyncio.run(collect())


def test_an_episode_in_text_is_scored_kept_and_never_trained_on() -> None:
    with server(says("nonsense", 20, 2)) as (url, _):
        group = played(chat(url), max_turns=2)
    (episode,) = group.trajectories
    assert [call.sampled for turn in episode.turns for call in turn.calls] == [2, 2]
    assert from_record(json.loads(json.dumps(to_record(episode, tokens=True)))) == episode
    with pytest.raises(
        NoTokens, match=r"Corridor-v0\?seed=0, member 0, cannot be trained on: .* no token ids"
    ):
        pack([episode])


def test_a_server_that_fails_for_a_while_costs_an_attempt_and_no_episode() -> None:
    bad = [sends(b"oops", status=500)] * 3
    with server(says("nonsense"), *bad, says("nonsense")) as (url, _):
        group = played(chat(url), max_turns=2)
    (failed,), (episode,) = group.failed, group.trajectories
    assert failed.status is Status.ENGINE_ERROR
    assert "answered 500" in (failed.error or "")
    assert len(failed.turns) == 1
    assert len(episode.turns) == 2


def test_a_dead_server_is_told_once_with_the_number_of_episodes() -> None:
    with server(says("")) as (url, _):
        pass
    with pytest.raises(
        TooManyFailures, match=r"2 x engine_error: EndpointFailure: the model 'm' at http://127"
    ):
        played(chat(url, retries=0))


def test_a_refused_key_stops_the_run_at_once() -> None:
    with server(sends(b"no", status=401)) as (url, seen), pytest.raises(Refused, match="401"):
        played(chat(url))
    assert len(seen) == 1


def test_a_prompt_too_long_for_the_server_ends_the_episode_by_its_token_limit() -> None:
    body = b'{"error": {"code": "context_length_exceeded", "message": "too long"}}'
    with server(says("nonsense"), sends(body, status=400)) as (url, _):
        (episode,) = played(chat(url)).trajectories
    assert episode.status is Status.TOKEN_LIMIT
    assert len(episode.turns) == 1
    with server(sends(body, status=400)) as (url, _), pytest.raises(TokenLimit):
        spoken(chat(url))


def in_tokens(**change: Any) -> dict[str, Any]:
    choice = {
        "token_ids": [5, 6, 2],
        "prompt_token_ids": [1, 9],
        "logprobs": {"token_logprobs": [-0.5, -1, 0.0]},
        "finish_reason": "stop",
    }
    return {"choices": [choice | change], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}


def test_tokens_go_in_and_tokens_come_out() -> None:
    with server(tells(in_tokens())) as (url, seen):
        completed = asyncio.run(tokens(url, stop_ids=[2], version=4).generate([1, 9], SAMPLING))
    assert seen[0]["path"] == "/v1/completions"
    assert (seen[0]["top_p"], seen[0]["top_k"], seen[0]["temperature"]) == (1.0, 0, 0.5)
    assert (seen[0]["prompt"], seen[0]["stop_token_ids"], seen[0]["return_token_ids"]) == ([1, 9], [2], True)
    assert (completed.token_ids, completed.logprobs) == ([5, 6, 2], [-0.5, -1.0, 0.0])
    assert (completed.stop, completed.version) == ("stop", 4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"token_ids": None}, "tells no token ids; serve it with vLLM"),
        ({"token_ids": ["a"]}, "tells no token ids"),
        ({"prompt_token_ids": [1, 1, 9]}, "did not read the prompt as it was sent"),
    ],
)
def test_a_server_without_exact_tokens_is_refused(change: dict[str, Any], told: str) -> None:
    with server(tells(in_tokens(**change))) as (url, seen), pytest.raises(Refused, match=told):
        asyncio.run(tokens(url).generate([1, 9], SAMPLING))
    assert len(seen) == 1


def test_a_completion_that_the_server_broke_off_is_asked_for_again() -> None:
    with server(tells(in_tokens(finish_reason="abort")), tells(in_tokens(finish_reason="length"))) as (
        url,
        seen,
    ):
        assert asyncio.run(tokens(url).generate([1, 9], SAMPLING)).stop == "length"
    assert len(seen) == 2


@pytest.mark.parametrize("logprobs", [[-0.5, -1.0], [-0.5, None, 0.0], [-0.5, float("nan"), 0.0], None])
def test_token_ids_without_their_logprobs_are_asked_for_again(logprobs: Any) -> None:
    change = in_tokens(logprobs={"token_logprobs": logprobs})
    with server(tells(change), tells(in_tokens())) as (url, seen):
        completed = asyncio.run(tokens(url).generate([1, 9], SAMPLING))
    assert len(completed.logprobs) == 3
    assert len(seen) == 2


def test_what_an_engine_cannot_help_is_a_failure_of_the_engine() -> None:
    async def ask(engine: HTTPChat) -> None:
        await LLM(engine, None, Sampling())(HELLO)

    with server(sends(b"oops", status=500)) as (url, _), pytest.raises(EngineFailure, match="answered 500"):
        asyncio.run(ask(chat(url)))


def test_one_engine_serves_several_event_loops() -> None:
    def counts(number: int, asked: dict[str, Any]) -> Any:
        return says(str(number))

    with served(counts) as (url, _):
        engine = chat(url)
        said = [spoken(engine).spoken.reply["content"] for _ in range(3)]  # type: ignore[union-attr]
    assert said == ["0", "1", "2"]
