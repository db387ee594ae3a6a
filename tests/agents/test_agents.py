"""Chat, window, expert and random agent, each over a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from turngym import agents
from turngym.agents.chat import ChatAgent
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, Message, Sampling
from turngym.agents.parse import Invalid
from turngym.agents.react import INSTRUCTION, ReActAgent
from turngym.agents.scripted import ExpertAgent, RandomAgent
from turngym.agents.self_correct import AGAIN, SelfCorrectAgent
from turngym.agents.window import WindowAgent


class Transcript:
    """Renders nothing and keeps what it is shown."""

    append_safe = False

    def __init__(self) -> None:
        self.shown: list[list[Message]] = []

    def render(self, messages: Sequence[Message]) -> list[int]:
        self.shown.append([dict(message) for message in messages])
        return [0]

    def extend(self, new: Sequence[Message], stop: str) -> list[int]:
        raise AssertionError("an unsafe template is never extended")

    def text(self, token_ids: Sequence[int]) -> str:
        return bytes(token_ids).decode()


def play(
    agent: Any, replies: list[str], turns: list[tuple[str, dict[str, Any]]]
) -> tuple[list[str], list[list[Message]]]:
    transcript = Transcript()
    engine = ScriptedEngine(replies, encode=lambda text: list(text.encode()))
    llm = LLM(engine, transcript, Sampling(max_tokens=200))

    async def act() -> list[str]:
        return [await agent.act(obs, info, llm) for obs, info in turns]

    return asyncio.run(act()), transcript.shown


def test_the_chat_agent_holds_one_growing_conversation() -> None:
    actions, shown = play(
        ChatAgent(system="Play."), ["go left", " stop "], [("A door.", {}), ("A wall.", {})]
    )
    assert actions == ["go left", "stop"]
    assert [message["content"] for message in shown[1]] == ["Play.", "A door.", "go left", "A wall."]
    assert [message["role"] for message in shown[1]] == ["system", "user", "assistant", "user"]


def test_the_chat_agent_lists_admissible_actions_and_explains_the_form_once() -> None:
    agent = ChatAgent(reply="react", admissible=True)
    reply = "Thought: a\nAction: go"
    actions, shown = play(
        agent, [reply, "go"], [("A door.", {"admissible": ["go", "wait"]}), ("A wall.", {})]
    )
    assert actions == ["go", "go"]
    assert isinstance(actions[1], Invalid)
    first, second = shown[0][0]["content"], shown[1][2]["content"]
    assert "- go\n- wait" in first
    assert "Action:" in first
    assert second == "A wall."


def test_the_window_agent_writes_the_last_turns_into_one_message() -> None:
    observations = ["You are in a room. Your task is to: find tea", "A shelf.", "A box.", "A cup."]
    info = {"admissible": ["look", "help", "take tea"]}
    replies = [f"<think>because</think><action>act {turn}</action>" for turn in range(4)]
    actions, shown = play(WindowAgent(window=2), replies, [(obs, info) for obs in observations])
    assert actions == [f"act {turn}" for turn in range(4)]
    assert all(len(messages) == 1 for messages in shown)
    prompt = shown[3][0]["content"]
    assert "Your task: find tea" in prompt
    assert "You have taken 3 steps" in prompt
    assert (
        "[Observation 2: 'A shelf.', Action 2: 'act 1']\n[Observation 3: 'A box.', Action 3: 'act 2']"
        in prompt
    )
    assert "This is step 4" in prompt
    assert "A cup." in prompt
    assert "- take tea" in prompt
    assert "act 0" not in prompt
    assert "help" not in prompt
    assert "because" not in prompt


def test_a_window_of_zero_shows_the_observation_alone() -> None:
    _, shown = play(WindowAgent(window=0, reply="plain"), ["a", "b"], [("One.", {}), ("Two.", {})])
    assert "Two." in shown[1][0]["content"]
    assert "One." not in shown[1][0]["content"]


def test_a_window_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="window is -1"):
        WindowAgent(window=-1)


def test_the_expert_agent_plays_what_the_environment_says() -> None:
    assert play(ExpertAgent(), [], [("", {"expert": "go"})])[0] == ["go"]
    with pytest.raises(ValueError, match="info has no 'expert' action"):
        play(ExpertAgent(), [], [("", {})])


def test_the_random_agent_repeats_itself_for_one_seed() -> None:
    def draw(seed: int) -> list[str]:
        agent, llm = RandomAgent(), LLM(None, None, Sampling(), seed=lambda call: seed)
        info = {"admissible": [str(number) for number in range(10)]}

        async def act() -> list[str]:
            return [await agent.act("", info, llm) for _ in range(20)]

        return asyncio.run(act())

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert len(set(draw(1))) > 3


def test_the_random_agent_needs_to_be_told_what_an_action_may_be() -> None:
    with pytest.raises(ValueError, match="info has neither 'sample' nor 'admissible'"):
        play(RandomAgent(), [], [("", {})])


@pytest.mark.parametrize("name", agents.registry.names())
def test_every_agent_is_made_by_name(name: str) -> None:
    assert hasattr(agents.registry.make(name), "act")


def test_a_grammar_is_shown_where_actions_cannot_all_be_listed():
    info = {"admissible": ["click[next >]"], "grammar": "search[words] or click[label]"}
    shown = WindowAgent().prompt("A shop.", info)
    assert "You can do:\n- click[next >]\nForm of an action: search[words] or click[label]" in shown
    assert "Form of an action: search[words]" in WindowAgent().prompt("", {"grammar": "search[words]"})


def test_react_shows_its_steps_once_and_what_follows_as_observations() -> None:
    agent = ReActAgent(examples="Thought: easy\nAction: win")
    reply = "Thought: doors open\nAction: push"
    actions, shown = play(
        agent, [reply, reply], [("A door.", {"admissible": ["push"]}), ("It opens.", {"admissible": ["go"]})]
    )
    assert actions == ["push", "push"]
    opening, _, then = (message["content"] for message in shown[1])
    assert opening.startswith(INSTRUCTION)
    assert opening.endswith(
        "Solved before:\n\nThought: easy\nAction: win\n\nObservation: A door.\n\nYou can do:\n- push"
    )
    assert then == "Observation: It opens.\n\nYou can do:\n- go"


def test_a_second_answer_counts_whatever_the_first_was() -> None:
    actions, shown = play(
        SelfCorrectAgent(system="Play."), ["left", " right ", "up", ""], [("A.", {}), ("B.", {})]
    )
    assert actions == ["right", ""]
    assert isinstance(actions[1], Invalid)
    assert [message["content"] for message in shown[3]] == [
        "Play.",
        "A.",
        "left",
        AGAIN,
        " right ",
        "B.",
        "up",
        AGAIN,
    ]
