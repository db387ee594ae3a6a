from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("transformers")

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, Completion, EngineFailure, Message, Sampling, TokenLimit
from turngym.agents.renderer import Renderer
from turngym.core.samples import pack
from turngym.core.types import Call, Task, Trajectory, Turn


def user(content: str) -> Message:
    return {"role": "user", "content": content}


async def converse(llm: LLM, observations: list[str]) -> list[Call]:
    messages: list[Message] = []
    for observation in observations:
        messages.append(user(observation))
        messages.append((await llm(messages)).message)
    return llm.take()


def packed(calls: list[Call]) -> list[list[int]]:
    turns = [Turn(obs="", action="", reward=0.0, calls=[call]) for call in calls]
    return [
        sample.token_ids for sample in pack([Trajectory(task=Task(env="e", seed=0), member=0, turns=turns)])
    ]


def test_a_word_spelt_in_an_odd_way_stays_spelt_so(tokenizer: Any) -> None:
    end = tokenizer.eos_token_id
    usual = tokenizer.encode("left")
    odd = [token for letter in "left" for token in tokenizer.encode(letter)]
    assert usual != odd
    engine = ScriptedEngine([[*odd, end], [*odd, end]])
    llm = LLM(engine, Renderer(tokenizer), Sampling())
    first, second = asyncio.run(converse(llm, ["go", "ft"]))
    between = tokenizer.encode("\n<|im_start|>user\nft<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.decode(odd) == "left"
    assert first.prompt_ids == tokenizer.encode("<|im_start|>user\ngo<|im_end|>\n<|im_start|>assistant\n")
    assert second.prompt_ids == [*first.prompt_ids, *odd, end, *between]
    assert packed([first, second]) == [second.prompt_ids + second.action_ids]


def test_a_reply_that_was_cut_off_is_closed_by_the_template(tokenizer: Any) -> None:
    odd = [token for letter in "left" for token in tokenizer.encode(letter)]
    llm = LLM(ScriptedEngine([odd, odd]), Renderer(tokenizer), Sampling(max_tokens=2))
    first, second = asyncio.run(converse(llm, ["go", "ft"]))
    after = tokenizer.encode("<|im_end|>\n<|im_start|>user\nft<|im_end|>\n<|im_start|>assistant\n")
    assert (first.stop, first.action_ids) == ("length", odd[:2])
    assert second.prompt_ids == first.prompt_ids + odd[:2] + after


def test_a_conversation_that_was_rewritten_is_rendered_afresh(tokenizer: Any) -> None:
    renderer = Renderer(tokenizer)
    llm = LLM(ScriptedEngine(["a", "b", "c"], encode=tokenizer.encode), renderer, Sampling())

    async def play() -> list[Call]:
        reply = await llm([user("go")])
        await llm([user("go"), {"role": "assistant", "content": "something else"}, user("ft")])
        await llm([user("go"), reply.message])
        return llm.take()

    calls = asyncio.run(play())
    rewritten = [user("go"), {"role": "assistant", "content": "something else"}, user("ft")]
    assert calls[1].prompt_ids == renderer.render(rewritten)
    assert len(packed(calls)) == 3


def test_under_an_unsafe_template_every_call_is_a_sequence_of_its_own(
    make_tokenizer: Callable[..., Any],
) -> None:
    tokenizer = make_tokenizer(
        "{% for m in messages %}{{ loop.length }}{{ m.content }}<|im_end|>{% endfor %}"
    )
    with pytest.warns(UserWarning, match="append-safe"):
        renderer = Renderer(tokenizer)
    llm = LLM(ScriptedEngine(["a", "b", "c"], encode=tokenizer.encode), renderer, Sampling())
    calls = asyncio.run(converse(llm, ["go", "le", "ft"]))
    assert tokenizer.decode(calls[1].prompt_ids) == "3go<|im_end|>3a<|im_end|>3le<|im_end|>"
    assert len(packed(calls)) == 3


def test_each_call_has_a_seed_of_its_own_and_the_episode_another(tokenizer: Any) -> None:
    seeds: list[int] = []

    def note(prompt_ids: list[int], sampling: Sampling) -> str:
        seeds.append(sampling.seed)
        return "go"

    engine = ScriptedEngine(note, encode=tokenizer.encode)
    llm = LLM(engine, Renderer(tokenizer), Sampling(), seed=lambda call: 100 + call)
    asyncio.run(converse(llm, ["a", "b"]))
    assert (llm.seed, seeds) == (100, [101, 102])


def test_a_prompt_without_room_for_the_reply_hits_the_token_limit(tokenizer: Any) -> None:
    prompt = len(Renderer(tokenizer).render([user("go")]))
    llm = LLM(
        ScriptedEngine(["a"], encode=tokenizer.encode),
        Renderer(tokenizer),
        Sampling(max_tokens=8),
        max_context=prompt + 7,
    )
    with pytest.raises(
        TokenLimit, match=f"a prompt of {prompt} tokens leaves 7 of {prompt + 7} for a reply of 8"
    ):
        asyncio.run(llm([user("go")]))
    assert llm.take() == []


def test_an_engine_that_raises_is_named_with_its_traceback(tokenizer: Any) -> None:
    class Broken:
        async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
            raise ConnectionError("the server is gone")

    with pytest.raises(EngineFailure, match="ConnectionError: the server is gone") as caught:
        asyncio.run(LLM(Broken(), Renderer(tokenizer), Sampling())([user("go")]))
    assert "in generate" in caught.value.trace


def test_an_agent_that_asks_a_model_needs_one() -> None:
    with pytest.raises(ValueError, match="give it an engine and a renderer"):
        asyncio.run(LLM(None, None, Sampling())([user("go")]))


def test_a_script_that_runs_out_says_so() -> None:
    engine = ScriptedEngine([[1]])
    asyncio.run(engine.generate([0], Sampling()))
    with pytest.raises(IndexError, match="the script has 1 replies"):
        asyncio.run(engine.generate([0], Sampling()))


def test_a_script_begins_anew_in_every_episode() -> None:
    engine = ScriptedEngine([[1], [2]], version=3)

    async def first_of(episodes: int) -> list[Completion]:
        answers = []
        for _ in range(episodes):
            with engine.session() as bound:
                answers.append(await bound.generate([0], Sampling()))
        return answers

    assert [(a.token_ids, a.logprobs, a.stop, a.version) for a in asyncio.run(first_of(2))] == [
        ([1], [0.0], "stop", 3)
    ] * 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"temperature": -1.0}, "temperature is -1"), ({"max_tokens": 0}, "max_tokens is 0")],
)
def test_sampling_refuses_what_cannot_be_sampled(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**wrong)
