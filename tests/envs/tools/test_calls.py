"""Actions as agents write them: the text form, ReAct lines, Hermes blocks and native messages."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.tools.calls import Malformed, read, written
from turngym.envs.tools.domain import Call

GET = Call(name="get", arguments={"id": "#W1"})
TEXT = '{"name": "get", "arguments": {"id": "#W1"}}'


def native(*calls: tuple[str, Any], content: Any = None) -> str:
    functions = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(calls)
    ]
    return json.dumps({"role": "assistant", "content": content, "tool_calls": functions})


@pytest.mark.parametrize(
    "action",
    [
        TEXT,
        f"  \n{TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}\n```",
        f"<think>Let me look {{at}} it.</think>\n{TEXT}",
        f"<tool_call>\n{TEXT}\n</tool_call>",
        f"I look it up.\n<tool_call>{TEXT}</tool_call>",
        f"<tool_call>{TEXT}",
        '{"name": "get", "kwargs": {"id": "#W1"}}',
        '{"name": "get", "arguments": "{\\"id\\": \\"#W1\\"}"}',
        f"Thought:\nThe order first.\nAction:\n{TEXT}",
        f"Thought: the order first.\naction: {TEXT}",
        json.dumps({"role": "assistant", "content": f"<tool_call>{TEXT}</tool_call>"}),
    ],
)
def test_one_call_may_be_written_in_many_forms(action: str) -> None:
    assert read(action) == (GET,)


def test_native_messages_keep_the_calls_names_and_order() -> None:
    calls = read(native(("get", '{"id": "#W1"}'), ("list", ""), ("think", {"thought": "x"}), content="Wait."))
    assert calls == (
        Call(name="get", arguments={"id": "#W1"}, id="call_0"),
        Call(name="list", arguments={}, id="call_1"),
        Call(name="think", arguments={"thought": "x"}, id="call_2"),
    )


def test_marks_inside_an_argument_are_text() -> None:
    thought = "<tool_call>x</tool_call></think>\nAction: y"
    assert read(json.dumps({"name": "think", "arguments": {"thought": thought}})) == (
        Call(name="think", arguments={"thought": thought}),
    )


def test_several_blocks_are_several_calls() -> None:
    assert read(f"<tool_call>{TEXT}</tool_call>\n<tool_call>{TEXT}</tool_call>") == (GET, GET)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("Your order is on its way.", "Your order is on its way."),
        ("<think>Polite.</think> Hello!", "Hello!"),
        ('{"name": "respond", "arguments": {"content": "Hello!"}}', "Hello!"),
        ('{"role": "assistant", "content": "Hello!"}', "Hello!"),
        ('{"role": "assistant", "content": "<think>Hm.</think>Hello!"}', "Hello!"),
        ('{"role": "assistant", "content": "{Hello!}"}', "{Hello!}"),
        (native(("respond", '{"content": "Hello!"}')), "Hello!"),
        ('{"role": "assistant", "content": "Hello!", "tool_calls": []}', "Hello!"),
        ("Thought: be polite.\nAction: Hello!", "Hello!"),
        ("The set {1, 2} has two elements.", "The set {1, 2} has two elements."),
    ],
)
def test_other_text_is_said_to_the_user(action: str, said: str) -> None:
    assert read(action) == said


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("", "the action is empty"),
        (" \n", "the action is empty"),
        ('{"name": "get"', "this is no JSON"),
        ('{"nome": "get"}', "a call must be"),
        ("{}", "a call must be"),
        ('{"name": 1}', "a call must be"),
        ('{"name": "get", "arguments": [1]}', "the arguments of 'get' must be a JSON object"),
        ('{"name": "get", "arguments": "[1"}', "this is no JSON"),
        ('{"name": "get", "arguments": {"a": NaN}}', "NaN is no number"),
        ("<tool_call>get</tool_call>", "this is no JSON"),
        ('{"role": "assistant", "tool_calls": "get"}', '"tool_calls" must be a list'),
        ('{"role": "assistant", "tool_calls": ["get"]}', "a call must be"),
        ('{"role": "assistant", "content": 3}', 'needs a "content"'),
        ('{"name": "respond", "arguments": {"content": ""}}', 'needs a "content"'),
        (native(*[("get", "{}")] * 33), "one action may make 32 calls, not 33"),
        ('{"name": "get", "arguments": {"a": ' + "[" * 100 + "]" * 100 + "}}", "nested deeper than 64"),
        ('{"name": "get", "arguments": {"a": ' + "[" * 100_000, "nested deeper than 64"),
        ('{"name": "get", "arguments": {"a": 1' + "0" * 5_000 + "}}", "this is no JSON"),
    ],
)
def test_a_malformed_call_is_told_in_one_sentence(action: str, words: str) -> None:
    with pytest.raises(Malformed) as raised:
        read(action)
    assert words in str(raised.value)
    assert len(str(raised.value)) < 400
    assert "\n" not in str(raised.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.text(min_size=1).filter(lambda name: name != "respond"), st.dictionaries(st.text(), JSON, max_size=3)
)
def test_a_written_call_is_read_as_it_was(name: str, arguments: dict[str, Any]) -> None:
    call = Call(name=name, arguments=arguments)
    assert read(written(call)) == (call,)


@given(st.text())
def test_any_text_is_read_or_malformed(action: str) -> None:
    try:
        move = read(action)
    except Malformed:
        return
    assert move


@pytest.mark.parametrize("piece", ["```\n", "{", "<tool_call>", "action:", "\n", '{"name":', "</think>", "é"])
def test_a_megabyte_is_read_in_bounded_time(piece: str) -> None:
    action = piece * (1_000_000 // len(piece))
    with contextlib.suppress(Malformed):
        assert read(action)
