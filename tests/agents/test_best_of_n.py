from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("transformers")

from tests.agents.servers import served, tells

from turngym.agents.best_of_n import BestOfNAgent
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, EngineFailure, Message, Sampling
from turngym.agents.renderer import Renderer
from turngym.core.samples import pack
from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Steps
from turngym.credit.judge import Judge
from turngym.credit.judging.forms import Grade


def play(
    agent: BestOfNAgent, tokenizer: Any, replies: Sequence[Any], turns: int = 1
) -> tuple[list[str], list[Turn]]:
    def encode(text: str) -> list[int]:
        token_ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return token_ids

    engine = ScriptedEngine(replies, encode=encode, end_id=tokenizer.eos_token_id)
    llm = LLM(engine, Renderer(tokenizer), Sampling(max_tokens=50))

    async def act() -> list[Turn]:
        return [
            Turn(obs="", action=await agent.act(f"Turn {turn}.", {}, llm), reward=1.0, calls=llm.take())
            for turn in range(turns)
        ]

    played = asyncio.run(act())
    return [turn.action for turn in played], played


def test_the_commonest_action_wins_the_vote(tokenizer: Any) -> None:
    replies = ["left", "go left", "go left"]
    assert play(BestOfNAgent(n=3), tokenizer, replies)[0] == ["go left"]


def test_a_tie_goes_to_the_earliest(tokenizer: Any) -> None:
    assert play(BestOfNAgent(n=2), tokenizer, ["go", "left"])[0] == ["go"]


def test_malformed_replies_lose_against_one_that_is_not(tokenizer: Any) -> None:
    replies = ["what", "what", "Action: go"]
    assert play(BestOfNAgent(n=3, reply="react"), tokenizer, replies)[0] == ["go"]


def test_only_the_chosen_candidate_is_trained_on_and_the_next_turn_goes_on_from_its_tokens(
    tokenizer: Any,
) -> None:
    end = tokenizer.eos_token_id
    usual = tokenizer.encode("left")
    odd = [token for letter in "left" for token in tokenizer.encode(letter)]
    assert usual != odd
    replies = [[*odd, end], [*usual, end], "go", "go", "go"]
    actions, turns = play(BestOfNAgent(n=2), tokenizer, replies, turns=2)
    assert actions == ["left", "go"]
    first, second = turns
    assert [call.chosen for call in first.calls] == [True, False]
    between = tokenizer.encode("\n<|im_start|>user\nTurn 1.<|im_end|>\n<|im_start|>assistant\n")
    assert second.calls[0].prompt_ids == [*first.calls[0].prompt_ids, *odd, end, *between]
    episode = Trajectory(task=Task(env="e", seed=0), member=0, turns=turns)
    (sample,) = pack([episode])
    assert sample.token_ids == second.calls[0].prompt_ids + second.calls[0].action_ids
    assert sample.sampled == len(odd) + 1 + len(second.calls[0].action_ids)
    group = Group(task=episode.task, trajectories=[episode])
    assert Steps.of([group], [sample]).tokens.tolist() == [len(odd) + 1, len(second.calls[0].action_ids)]


def test_the_model_may_choose_and_its_choice_is_a_call_of_the_turn(tokenizer: Any) -> None:
    actions, (turn,) = play(BestOfNAgent(n=2, judge="model"), tokenizer, ["go", "left", "Number 2"])
    assert actions == ["left"]
    assert [call.chosen for call in turn.calls] == [False, True, True]
    assert "Which is best?" in tokenizer.decode(turn.calls[2].prompt_ids)


@pytest.mark.parametrize("answer", ["none", "7", "0", "9" * 5000])
def test_a_choice_of_none_is_the_first(answer: str, tokenizer: Any) -> None:
    engine = ["go", "left", answer]
    agent = BestOfNAgent(n=2, judge="model")
    assert play(agent, tokenizer, engine)[0] == ["go"]


def likes_left(messages: Sequence[Message]) -> str:
    said = messages[-1]["content"].partition("The reply to judge:\n")[2]
    return "Score: 9/10" if said.startswith("left") else "Score: 2/10"


def test_a_judge_chooses(tokenizer: Any) -> None:
    judge = Judge(model=likes_left, form=Grade())
    actions, (turn,) = play(BestOfNAgent(n=3, judge=judge), tokenizer, ["go", "left", "stop"])
    assert actions == ["left"]
    assert [call.chosen for call in turn.calls] == [False, True, False]


def test_a_judge_is_made_from_its_table_and_asked_over_http(tokenizer: Any) -> None:
    pytest.importorskip("httpx")

    def grade(number: int, asked: dict[str, Any]) -> Any:
        return tells({"choices": [{"message": {"content": likes_left(asked["messages"])}}]})

    with served(grade) as (url, seen):
        model = {"name": "endpoint", "url": url, "model": "judge"}
        agent = BestOfNAgent(n=2, judge={"model": model, "form": {"name": "grade"}})
        assert play(agent, tokenizer, ["go", "left"])[0] == ["left"]
    assert len(seen) == 2


def test_a_judge_that_scores_nothing_is_no_choice(tokenizer: Any) -> None:
    judge = Judge(model=lambda messages: "dunno", form=Grade(), attempts=1)
    with pytest.raises(
        EngineFailure, match=r"the judge scored none of 2 candidates, the first because .*dunno"
    ):
        play(BestOfNAgent(n=2, judge=judge), tokenizer, ["go", "left"])


def test_nonsense_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="n is 0"):
        BestOfNAgent(n=0)
    with pytest.raises(ValueError, match="judge is 'oracle'; choose vote, model or"):
        BestOfNAgent(judge="oracle")


def test_a_rejected_call_stays_rejected_on_disk() -> None:
    from turngym.core.episodes import from_record, to_record

    call = Call(prompt_ids=[1], action_ids=[2], logprobs=[-1.0], chosen=False)
    turn = Turn(obs="", action="", reward=0.0, calls=[call])
    episode = Trajectory(task=Task(env="e", seed=0), member=0, turns=[turn])
    assert from_record(to_record(episode, tokens=True)) == episode
    assert pack([episode]) == []
