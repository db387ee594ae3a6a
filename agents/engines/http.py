"""Engines behind HTTP: chat completions of any OpenAI-compatible server, and vLLM's completions in token ids."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from turngym.agents.endpoint import Passing, Refused, Server, first_choice, usage_of
from turngym.agents.llm import Completion, Message, Sampling, Schema, TokenLimit
from turngym.core.types import Call, Spoken

SEEDS = 2**31
"""Seeds are sent modulo this: some servers take 32 bits."""

PLAIN = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
"""Sampling from the model's own distribution; what is not sent a server takes from the model's generation config."""

_TOO_LONG = re.compile(r"context_length_exceeded|(?:maximum|max) (?:context|model) len", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class HTTPChat(Server):
    """Chat completions of any OpenAI-compatible server: text in, text out, tools as the server speaks them.

    The server tells no token ids, so its episodes are scored and never trained on: `Call.spoken` keeps what was
    said, and the server's count of tokens.
    """

    limit_key: str = "max_tokens"
    """How the server calls the longest answer; OpenAI's reasoning models say `max_completion_tokens`."""
    leave_out: list[str] = field(default_factory=list)
    """Keys that are not sent, as `["seed"]` for a server that refuses them."""
    extra: dict[str, Any] = field(default_factory=dict)
    """More keys for the request, as `{top_p = 0.9}`; they come before what the sampler says."""

    async def speak(
        self, messages: Sequence[Message], sampling: Sampling, tools: Sequence[Schema] = ()
    ) -> Call:
        """The answer to the messages.

        Raises `TokenLimit` where the server finds them too long, `EndpointFailure` where it does not answer.
        """
        request = {
            "model": self.model,
            "messages": list(messages),
            "temperature": sampling.temperature,
            self.limit_key: sampling.max_tokens,
            "seed": sampling.seed % SEEDS,
            **({"tools": list(tools)} if tools else {}),
            **self.extra,
        }
        sent = {key: value for key, value in request.items() if key not in self.leave_out}
        try:
            return await self.post(
                "chat/completions", sent, partial(_heard, messages), answer_tokens=sampling.max_tokens
            )
        except Refused as refusal:
            if refusal.status in (400, 413) and _TOO_LONG.search(str(refusal)):
                raise TokenLimit(str(refusal)) from refusal
            raise


@dataclass(frozen=True, kw_only=True)
class HTTPTokens(Server):
    """vLLM's completions in token ids: exact tokens and log-probabilities, so that episodes can be trained on.

    The server's log-probabilities are those of the sampling temperature only where it was started with
    `--logprobs-mode processed_logprobs`, or the temperature is 1. `stop_ids` end a reply.
    """

    stop_ids: Sequence[int] = ()
    tokenizer: str | None = None
    """Folder or hub name of the model's tokenizer, where that is not the model's name; `turngym run` reads it."""
    version: int = 0
    """Which policy the server holds; completions carry it."""

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """The completion of a prompt. Raises `EndpointFailure`, or `Refused` where the server tells no ids."""
        request = {
            "model": self.model,
            "prompt": prompt_ids,
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed % SEEDS,
            "stop_token_ids": list(self.stop_ids),
            "logprobs": 0,
            "return_token_ids": True,
            **PLAIN,
        }
        read = partial(self._completion, prompt_ids)
        return await self.post("completions", request, read, answer_tokens=sampling.max_tokens)

    def _completion(self, prompt_ids: list[int], reply: Any) -> Completion:
        choice = first_choice(reply)
        token_ids: Any = choice.get("token_ids") if isinstance(choice, dict) else None
        if not _are(token_ids, int):
            raise Refused(
                f"{self.place} tells no token ids; serve it with vLLM 0.11 or later, or use the engine 'http'"
            )
        if choice.get("prompt_token_ids") not in (None, prompt_ids):
            raise Refused(f"{self.place} did not read the prompt as it was sent: its token ids differ")
        logprobs = first_choice(reply, "logprobs", "token_logprobs")
        finite = _are(logprobs, int, float) and all(map(math.isfinite, logprobs))
        ending = choice.get("finish_reason")
        if ending not in ("stop", "length"):
            raise Passing(f"{self.place} broke off with finish_reason {ending!r}")
        if not finite or len(logprobs) != len(token_ids):
            raise Passing(f"{self.place} gave {len(token_ids)} token ids and not a log-probability for each")
        return Completion(
            token_ids=token_ids,
            logprobs=[float(value) for value in logprobs],
            stop=ending,
            version=self.version,
        )


def _heard(messages: Sequence[Message], reply: Any) -> Call:
    """The call that a chat completion tells of. Raises `Passing` where it tells of none."""
    said, ending = first_choice(reply, "message"), first_choice(reply).get("finish_reason")
    content = said.get("content") if isinstance(said, dict) else None
    calls = said.get("tool_calls") if isinstance(said, dict) else None
    if not isinstance(content, str) and not calls and ending not in ("length", "content_filter"):
        raise Passing(f"the server's answer holds no text but {content!r}")
    message: Message = {"role": "assistant", "content": content if isinstance(content, str) else None}
    if calls:
        message["tool_calls"] = calls
    else:
        message["content"] = message["content"] or ""
    prompt_tokens, tokens = usage_of(reply)
    return Call(
        prompt_ids=[],
        action_ids=[],
        logprobs=[],
        stop="length" if ending == "length" else "stop",
        spoken=Spoken(messages=list(messages), reply=message, prompt_tokens=prompt_tokens, tokens=tokens),
    )


def _are(value: Any, *kinds: type) -> bool:
    """Whether it is a list of numbers of these kinds."""
    return isinstance(value, list) and all(type(one) in kinds for one in value)
