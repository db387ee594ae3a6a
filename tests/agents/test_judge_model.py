"""A judge's model behind a real server that misbehaves on purpose."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.agents.servers import Reaction, babbles, drips, hangs_up, says, sends, server, sleeps

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.judge_model import Endpoint, EndpointFailure, EngineModel
from turngym.agents.llm import EngineFailure
from turngym.core.types import Task, Trajectory, Turn
from turngym.credit.judge import Judge
from turngym.credit.judging.forms import YesNo
from turngym.credit.judging.verdict import Scored, Unscored

QUESTION = [{"role": "user", "content": "Is it good?"}]


def endpoint(url: str, **kwargs: object) -> Endpoint:
    settings: dict = {"model": "judge", "timeout": 60.0, "retries": 2, "pause": 0.01, "longest_pause": 0.05}
    return Endpoint(url=url, **(settings | kwargs))


def test_an_answer_comes_back_and_the_question_was_sent_as_it_is(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "open sesame")
    with server(says("yes")) as (url, seen):
        assert endpoint(url, key_env="JUDGE_KEY")(QUESTION) == "yes"
    assert seen[0]["path"] == "/v1/chat/completions"
    assert seen[0]["messages"] == QUESTION
    assert (seen[0]["model"], seen[0]["temperature"]) == ("judge", 0.0)
    assert seen[0]["headers"]["Authorization"] == "Bearer open sesame"


def test_without_a_key_none_is_sent(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with server(says("yes")) as (url, seen):
        endpoint(url)(QUESTION)
    assert "Authorization" not in seen[0]["headers"]


@pytest.mark.parametrize(
    "fault",
    [
        sends(b"slow down", status=429, Retry_After="0.02"),
        sends(b"slow down", status=429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
        sends(b"oops", status=500),
        sends(b"overloaded", status=503),
        sends(b'{"choices": [{"mess', length=5000),
        sends(b'{"choices": [{"mess'),
        sends(b"<html>a proxy's page</html>"),
        sends(b"\xff\xfe"),
        sends(b'{"choices": []}'),
        sends(b'{"error": "busy"}'),
        sends(b'{"choices": [{"message": {"content": null}}]}'),
        sends(b"[" * 100_000),
        hangs_up,
        babbles,
    ],
)
def test_a_passing_fault_is_got_past(fault):
    with server(fault, says("yes")) as (url, seen):
        assert endpoint(url)(QUESTION) == "yes"
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (sends(b"oops", status=500), r"answered 500 .*: oops \(3 attempts\)"),
        (sends(b"{}", length=5000), r"failed: .*received 2 bytes, expected 5000.* \(3 attempts\)"),
        (sends(b"{}"), r"no choices\[0\]\.message\.content: \{\} \(3 attempts\)"),
    ],
)
def test_a_lasting_fault_is_told_in_one_sentence_after_the_last_attempt(fault, reason):
    with server(fault) as (url, seen), pytest.raises(EndpointFailure, match=reason) as raised:
        endpoint(url)(QUESTION)
    assert len(seen) == 3
    assert "\n" not in str(raised.value)


def test_a_refusal_is_not_asked_again():
    with (
        server(sends(b"who are you?", status=401)) as (url, seen),
        pytest.raises(EndpointFailure, match=r"answered 401 .*who are you\?$"),
    ):
        endpoint(url)(QUESTION)
    assert len(seen) == 1


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr("turngym.agents.endpoint.LARGEST", 1000)
    with (
        server(sends(b" " * 100_000)) as (url, _),
        pytest.raises(EndpointFailure, match="more than 1000 bytes"),
    ):
        endpoint(url)(QUESTION)


@pytest.mark.parametrize("slow", [sleeps, drips])
def test_a_slow_server_is_left_after_the_timeout_however_it_is_slow(slow):
    with (
        server(slow) as (url, _),
        pytest.raises(EndpointFailure, match=r"no answer within 0\.3 s \(2 attempts\)"),
    ):
        endpoint(url, timeout=0.3, retries=1)(QUESTION)


def test_where_nobody_listens_the_judge_leaves_its_questions_unscored():
    with server(says("yes")) as (url, _):
        pass  # the port is free again
    judge = Judge(model=endpoint(url, retries=0), form=YesNo(), workers=1, patience=2)
    turns = [Turn(obs="", action=str(number), reward=0.0) for number in range(5)]
    verdicts = judge.turns([Trajectory(task=Task(env="test", seed=0), member=0, turns=turns)])
    assert all(isinstance(one, Unscored) and one.cause == "unreachable" for one in verdicts)
    assert "failed: Connect" in verdicts[0].reason
    assert verdicts[-1].reason.startswith("not asked after 2 failures in a row")


def test_a_judge_asks_a_server_from_several_threads_and_keeps_what_it_said(tmp_path):
    turns = [Turn(obs="", action=str(number), reward=0.0) for number in range(12)]
    episode = Trajectory(task=Task(env="test", seed=0), member=0, turns=turns)
    path = str(tmp_path / "answers.jsonl")
    with server(sends(b"oops", status=500), says("yes")) as (url, seen):
        assert Judge(model=endpoint(url), form=YesNo(), cache=path).turns([episode]) == [Scored(1.0)] * 12
        asked = len(seen)
        assert Judge(model=endpoint(url), form=YesNo(), cache=path).turns([episode]) == [Scored(1.0)] * 12
        assert len(seen) == asked


def likely(**words: float) -> Reaction:
    top = [{"token": word, "logprob": math.log(share)} for word, share in words.items()]
    return sends(json.dumps({"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]}).encode())


def test_choices_are_weighed_by_the_servers_probabilities():
    with server(likely(Yes=0.5, yes=0.1, no=0.2, maybe=0.2)) as (url, seen):
        weights = endpoint(url).weigh(QUESTION, ["yes", "no"])
    assert weights == pytest.approx({"yes": 0.6, "no": 0.2})
    assert (seen[0]["max_tokens"], seen[0]["logprobs"]) == (1, True)


def test_a_server_without_probabilities_is_told():
    reply = sends(b'{"choices": [{"logprobs": {"content": null}}]}')
    with server(reply) as (url, _), pytest.raises(EndpointFailure, match="gives no top_logprobs"):
        endpoint(url).weigh(QUESTION, ["yes", "no"])


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/v1", "http://"])
def test_an_address_that_cannot_be_asked_is_refused(url):
    with pytest.raises(ValueError, match="write it as http://host:port/v1"):
        Endpoint(url=url, model="judge")


class Letters:
    """A renderer whose tokens are characters."""

    append_safe = True

    def render(self, messages):
        return [ord(letter) for letter in messages[-1]["content"]]

    def extend(self, new, stop):
        return self.render(new)

    def text(self, token_ids):
        return "".join(map(chr, token_ids))


def test_an_engine_of_ours_answers_too():
    engine = ScriptedEngine(lambda prompt, sampling: [ord(letter) for letter in "yes"])
    model = EngineModel(engine=engine, chat=Letters(), name="script")
    assert model(QUESTION) == "yes"
    assert model.settings["model"] == "script"


def test_threads_that_ask_an_engine_at_once_get_what_each_would_get_alone(tiny_llama):
    hf = pytest.importorskip("turngym.agents.engines.hf")
    engine = hf.HFEngine(tiny_llama(vocabulary=128), stop_ids=[0])
    model = EngineModel(engine=engine, chat=Letters(), name="tiny", max_tokens=8)
    questions = [[{"role": "user", "content": f"Is {word} good?"}] for word in ("tea", "milk", "salt", "rum")]
    with ThreadPoolExecutor(4) as pool:
        together = [*pool.map(model, questions)]
    assert together == [model(question) for question in questions]
    assert len(set(together)) > 1


def test_an_engine_that_fails_is_an_unreachable_judge():
    model = EngineModel(engine=ScriptedEngine([]), chat=Letters(), name="script")
    with pytest.raises(EngineFailure, match="the judge 'script' failed: IndexError"):
        model(QUESTION)
