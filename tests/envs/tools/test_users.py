"""The users: nobody, one who follows a script, one that is a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.envs.tools import shop
from tests.shared import shared

import turngym.envs
from turngym.envs.tools.domain import Fact, Part, Request, Script
from turngym.envs.tools.library.env import Library
from turngym.envs.tools.tau.domain import domain
from turngym.envs.tools.tau.env import TauRetail
from turngym.envs.tools.tau.script import first_person, script_of
from turngym.envs.tools.users import END, PATIENCE, Modelled, Scripted, Solo, seat

REQUEST = Request(
    id="one",
    instruction="You want tea.",
    script=Script(
        wishes=("I want tea.", "And a cake."),
        facts=(Fact(words=frozenset({"name", "who"}), text="I am Ann."),),
        second_thought="No, coffee.",
    ),
    parts=(Part(words="Here you are."),),
)


def listens(messages: list[dict[str, str]]) -> str:
    """A model that wants what it was told to want, until it is served."""
    heard = messages[-1]["content"]
    return END if "served" in heard else f"{messages[0]['content'].count('You want')} wish; I heard: {heard}"


def talks_for_ever(messages: list[dict[str, str]]) -> str:
    return "x" * 1_000_000


def test_solo_gets_the_instruction_and_is_over_with_the_first_message() -> None:
    user = Solo(REQUEST)
    assert (user.opens(), user.answers("Here is your tea.")) == ("You want tea.", END)


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        (["May I have your name?"], "I am Ann."),
        (["Please tell me who you are."], "I am Ann."),
        (["What would you like?"], "I want tea."),
        (["Green tea, shall I go ahead? (yes/no)"], "No, coffee."),
        (["Shall I go ahead?", "Coffee then: do you confirm?"], "Yes."),
        (["Is that correct?", "Is that correct?", "Is that correct?"], "Yes."),
        (["Here is your tea."], "And a cake."),
        (["Is there anything else I can do?"], "And a cake."),
        (["Here is your tea.", "What cake?"], "And a cake."),
        (["Here is your tea.", "And your cake."], f"No, that is all. Thank you. {END}"),
    ],
)
def test_a_scripted_user_answers_by_rule(messages: list[str], answer: str) -> None:
    user = Scripted(REQUEST)
    assert user.opens() == "I want tea."
    assert [user.answers(message) for message in messages][-1] == answer


def test_a_scripted_user_s_patience_ends() -> None:
    user = Scripted(REQUEST)
    answers = [user.answers("What?") for _ in range(PATIENCE)]
    assert [END in answer for answer in answers] == [False] * (PATIENCE - 1) + [True]


def test_a_stage_forgets_how_often_was_asked() -> None:
    once, often, further = Scripted(REQUEST), Scripted(REQUEST), Scripted(REQUEST)
    once.answers("Who are you?")
    for _ in range(3):
        often.answers("Who are you?")
    further.answers("Here is your tea.")
    assert once.stage == often.stage != further.stage


def test_a_model_is_the_assistant_of_its_own_conversation() -> None:
    heard: list[list[dict[str, str]]] = []

    def model(messages: list[dict[str, str]]) -> str:
        heard.append(messages)
        return f"answer {len(heard)}"

    user = Modelled(REQUEST, model)
    assert (user.opens(), user.answers("Tea?")) == ("answer 1", "answer 2")
    assert [message["role"] for message in heard[1]] == ["system", "user", "assistant", "user"]
    assert "You want tea." in heard[1][0]["content"]
    assert [message["content"] for message in heard[1][2:]] == ["answer 1", "Tea?"]
    heard[0].clear()
    assert user.answers("Now?") == "answer 3"
    assert len(heard[2]) == 6


def test_a_model_may_play_the_user_of_an_episode(tmp_path: Path) -> None:
    env = TauRetail(shop.write_json(tmp_path), split="test", user=listens, brief="request")
    obs, _ = env.reset(seed=0, options={"task": 1})
    assert obs.startswith("The user says: 1 wish; I heard: Hello!")
    obs, _, over, _, _ = env.step("What is it?")
    assert (obs, over) == ("1 wish; I heard: What is it?", False)
    obs, reward, over, _, _ = env.step("You are served.")
    assert (obs, reward, over) == (END, 1.0, True)


def test_a_model_that_says_too_much_is_cut_and_one_that_never_ends_is_left() -> None:
    user = Modelled(REQUEST, talks_for_ever)
    assert len(user.opens()) == 10_000
    assert END in [user.answers("?") for _ in range(PATIENCE)]


def test_a_model_is_named_by_its_place() -> None:
    user = seat("tests.envs.tools.test_users:listens")(REQUEST)
    assert user.opens().endswith("I heard: Hello! How can I help you today?")


@pytest.mark.parametrize("user", [listens, "tests.envs.tools.test_users:listens"])
def test_an_environment_with_a_model_keeps_the_contract(user: object) -> None:
    verdicts = turngym.envs.check_env("turngym/Library-v0", user=user)
    broken = [verdict for verdict in verdicts if not verdict.passed]
    assert broken == []


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("somebody", "user='somebody' is nobody: give 'solo', 'scripted'"),
        ("no.such.module:model", "cannot be imported: No module named 'no'"),
        ("turngym.envs:no_such_model", "cannot be imported: .*no_such_model"),
    ],
)
def test_nobody_is_refused(user: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Library(user=user)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("You want your money back, if the agent lets you.", "I want my money back, if you lets me."),
        ("You are fine with it", "I am fine with it."),
        ("Mention that you've paid.", "I've paid."),
        ("You name is Ann.", "My name is Ann."),
        ("Ask for a refund to you (you do not want to reveal why).", "Ask for a refund to me."),
    ],
)
def test_an_instruction_is_told_in_the_first_person(written: str, said: str) -> None:
    assert first_person(written) == said


def test_an_instruction_becomes_wishes_facts_and_second_thoughts() -> None:
    script = script_of(
        "You are Ann Lee in 10001 and you want to exchange the mug. If it costs more, you pay by card. You are shy. "
        "You also want a cup. You like to say one thing at a time. If the agent asks for confirmation, only the cup.",
        None,
    )
    assert script.wishes == (
        "I want to exchange the mug. If it costs more, I pay by card.",
        "I also want a cup.",
    )
    assert script.facts[0].text == "I am Ann Lee in 10001."
    assert script.second_thought == "Only the cup."


@pytest.mark.parametrize(("name", "split"), [("retail", "test"), ("retail", "train"), ("airline", "test")])
def test_every_published_instruction_becomes_a_script(name: str, split: str) -> None:
    desk = domain(name, shared("data/tau_bench"), split)
    scripts = [desk.request(number).script for number in range(len(desk.ids))]
    assert all(wish.strip() for script in scripts for wish in script.wishes)
    assert all(script.facts[0].text != "I do not remember." for script in scripts)
    assert sum(script.wishes == ("Hello.",) for script in scripts) == 0
