"""Models that answer a judge's questions: an OpenAI-compatible server, or an engine of ours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from turngym.agents import background
from turngym.agents.endpoint import EndpointFailure, Passing, Server, first_choice
from turngym.agents.llm import Chat, Engine, EngineFailure, Message, Sampling

__all__ = ["Endpoint", "EndpointFailure", "EngineModel"]

TOP = 20
"""Words whose probabilities a server is asked for, the most that OpenAI's interface allows."""


@dataclass(frozen=True, kw_only=True)
class Endpoint(Server):
    """A model behind `POST {url}/chat/completions`, OpenAI's interface; any thread may call it.

    Raises `EndpointFailure` where no attempt was answered.
    """

    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    timeout: float = 60.0
    retries: int = 3
    longest_pause: float = 30.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; an answer needs room for at least 1 token")

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides an answer; where the server stands is no part of it."""
        return {
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }

    def __call__(self, messages: Sequence[Message]) -> str:
        """The text of the answer."""
        request = {**self.settings, "messages": list(messages)}
        return self.ask("chat/completions", request, _text, answer_tokens=self.max_tokens)

    def weigh(self, messages: Sequence[Message], choices: Sequence[str]) -> dict[str, float]:
        """How probable each choice is as the first word of the answer, by the server's `top_logprobs`.

        Spellings that differ in case or in space around them count together. A choice that is not among the likeliest
        words has probability 0.
        """
        asked = {"messages": list(messages), "max_tokens": 1, "logprobs": True, "top_logprobs": TOP}
        return self.ask(
            "chat/completions",
            self.settings | asked,
            lambda reply: _weights(reply, choices),
            answer_tokens=1,
        )


@dataclass(frozen=True, kw_only=True)
class EngineModel:
    """An engine and its renderer as a judge's model, such as the local model that plays or another one.

    Questions from several threads meet in one event loop, so that the engine may answer them as one batch. Raises
    `EngineFailure`.
    """

    engine: Engine
    chat: Chat
    name: str
    """Which weights these are; part of the cache's key."""
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    timeout: float = 600.0
    """Seconds for one answer."""

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides an answer."""
        return {
            "model": self.name,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }

    def __call__(self, messages: Sequence[Message]) -> str:
        """The text of the answer."""
        asked = background.submit(self._answer(messages))
        try:
            return asked.result(self.timeout)
        except Exception as error:
            asked.cancel()
            reason = f"{type(error).__name__}: {error}"
            raise EngineFailure(f"the judge {self.name!r} failed: {reason}") from error

    async def _answer(self, messages: Sequence[Message]) -> str:
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens, seed=self.seed)
        completion = await self.engine.generate(self.chat.render(messages), sampling)
        return self.chat.text(completion.token_ids)


def _text(reply: Any) -> str:
    content = first_choice(reply, "message", "content")
    if not isinstance(content, str):
        raise Passing(f"the server's answer holds no text but {content!r}")
    return content


def _weights(reply: Any, choices: Sequence[str]) -> dict[str, float]:
    content = first_choice(reply, "logprobs", "content")
    try:
        likely = [
            (one["token"].strip().lower(), math.exp(one["logprob"])) for one in content[0]["top_logprobs"]
        ]
    except (TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise EndpointFailure("the server gives no top_logprobs; use a form that reads text") from error
    return {choice: sum(share for word, share in likely if word == choice.lower()) for choice in choices}
