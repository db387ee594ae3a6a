from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.agents.parse import PARSERS, Invalid, parser, plain, react, tags

pieces = st.sampled_from(
    ["<think>", "</think>", "<action>", "</action>", "Action:", "Thought:", "go", "\n", " ", "界"]
)
replies = st.one_of(st.text(), st.lists(pieces).map("".join))


@given(replies, st.sampled_from(sorted(PARSERS)))
def test_no_reply_crashes_a_parser(reply: str, form: str) -> None:
    action = parser(form)(reply)
    assert isinstance(action, str)
    assert not isinstance(action, Invalid) or action.reason


@given(st.text().filter(str.strip))
def test_a_plain_reply_is_the_action_without_blanks_around_it(reply: str) -> None:
    assert plain(f" {reply}\n") == reply.strip()
    assert not isinstance(plain(reply), Invalid)


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        ("<think>near</think><action>Go Left</action>", "go left"),
        ("<think>a</think> <action> go left \n</action> and more", "go left"),
        ("<think>a</think><action>one</action><action>two</action>", "one"),
        ("<think>a</think><ACTION>go</ACTION>", "go"),
        ("</action><think>a</think><action>go", ""),
        ("</think><action>go</action><think>", "go"),
    ],
)
def test_tags_are_read_as_the_released_code_reads_them(reply: str, action: str) -> None:
    assert tags(reply) == action
    assert not isinstance(tags(reply), Invalid)


def test_cased_tags_keep_every_letter():
    action = parser("cased_tags")('<think>门</think><action>{"name": "Find", "Q": "门"}</action>')
    assert action == '{"name": "Find", "Q": "门"}'
    assert not isinstance(action, Invalid)


@pytest.mark.parametrize(
    ("reply", "sent", "reason"),
    [
        ("<action>go</action>", "go", "think"),
        ("<THINK>a</THINK><action>go</action>", "go", "think"),
        ("<think>a</think>go left", "<think>a</think>go left", "action"),
        ("X" * 40, "x" * 30, "action"),
        ("", "", "action"),
        ("<think>门</think><action>go</action>", "go", "U+4E00"),
    ],
)
def test_a_reply_without_the_tags_is_invalid_but_still_sent(reply: str, sent: str, reason: str) -> None:
    action = tags(reply)
    assert isinstance(action, Invalid)
    assert action == sent[-30:]
    assert reason in action.reason


def test_the_rules_of_the_tags_are_switches() -> None:
    assert tags("<action>Go</action>", think=False, lower=False) == "Go"
    assert not isinstance(tags("<think>门</think><action>go</action>", allow_cjk=True), Invalid)
    assert tags("y" * 40, tail=20) == "y" * 20


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        ("Thought: it is near.\nAction: go left", "go left"),
        ("Thought: my action: wait.\nAction: go left\nObservation: ok\nAction: stop", "go left"),
        ("Thought 2: so\nAction 2: search[tea]", "search[tea]"),
        ("thought: near. action: go left", "go left"),
    ],
)
def test_react_takes_the_first_action_line(reply: str, action: str) -> None:
    assert react(reply) == action
    assert not isinstance(react(reply), Invalid)


@pytest.mark.parametrize("reply", ["Thought: hm", "Action:", "Action:   \nAction: go", ""])
def test_react_without_an_action_is_invalid(reply: str) -> None:
    assert isinstance(react(reply), Invalid)


def test_an_invalid_action_travels_between_processes() -> None:
    action = pickle.loads(pickle.dumps(Invalid("go", "no tags")))
    assert (action, action.reason) == ("go", "no tags")


def test_an_unknown_form_names_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="'xml' does not exist; choose one of plain, tags, cased_tags, react"
    ):
        parser("xml")
