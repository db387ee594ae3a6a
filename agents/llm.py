"""The model as an agent sees it: messages in, text out, every call kept in exact tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from traceback import format_exc
from typing import Any, Protocol, overload, runtime_checkable

from turngym.core.errors import ConfigError, Failure, UserError
from turngym.core.types import Call

Message = dict[str, Any]
"""One chat message, `{"role": ..., "content": ...}`, as chat templates read it."""
Schema = dict[str, Any]
"""What a tool is for and which arguments it takes, in OpenAI's form."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How to sample one completion."""

    temperature: float = 1.0
    """0 takes the likeliest token each time; its log-probability is then reported at temperature 1."""
    max_tokens: int = 64
    seed: int = 0
    """Decides the completion together with the prompt and the weights, whatever else runs in the batch."""

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature is {self.temperature}; give 0 (greedy) or a positive number")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; a reply needs room for at least 1 token")


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What an engine sampled after a prompt."""

    token_ids: list[int]
    """With the end token, if the model sampled one."""
    logprobs: list[float]
    """Of each id, at the sampling temperature."""
    stop: str
    """`stop`: the model ended its turn itself; `length`: it was cut off."""
    version: int = 0
    """The policy version that sampled the ids; the oldest, where there are several."""
    versions: list[int] | None = None
    """Of each id, where the weights changed on the way."""


class Engine(Protocol):
    """Anything that continues a token sequence."""

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """Sample a completion of `prompt_ids`."""
        ...


@runtime_checkable
class Speaks(Protocol):
    """An engine that takes messages, answers in text and tells no token ids, as a server of chat completions."""

    async def speak(
        self, messages: Sequence[Message], sampling: Sampling, tools: Sequence[Schema] = ()
    ) -> Call:
        """A call that holds the answer in `Call.spoken`."""
        ...


@runtime_checkable
class Sessions(Protocol):
    """An engine that likes to know which requests belong to one episode.

    It may then keep the episode's key/value cache between the turns, and wait until every live episode has
    asked before it starts a batch.
    """

    def session(self) -> AbstractContextManager[Engine]:
        """An engine for one episode, until the context closes."""
        ...


@overload
def session(engine: Engine) -> AbstractContextManager[Engine]: ...


@overload
def session(engine: Speaks) -> AbstractContextManager[Speaks]: ...


def session(engine: Engine | Speaks) -> AbstractContextManager[Engine | Speaks]:
    """The engine bound to one episode, or the engine itself where it does not tell episodes apart."""
    return engine.session() if isinstance(engine, Sessions) else nullcontext(engine)


class Chat(Protocol):
    """Messages to tokens and tokens to text; `turngym.agents.renderer.Renderer` is the usual one."""

    append_safe: bool

    def render(self, messages: Sequence[Message], tools: Sequence[Schema] = ()) -> list[int]: ...

    def extend(self, new: Sequence[Message], stop: str) -> list[int]: ...

    def text(self, token_ids: Sequence[int]) -> str: ...


class TokenLimit(Exception):
    """The conversation does not fit the context any more; the rollout ends the episode with `TOKEN_LIMIT`."""


class Unanswered(Exception):
    """A question that was asked only to hear it (`LLM.mute`)."""

    def __init__(self, prompt_ids: list[int]) -> None:
        super().__init__(f"a prompt of {len(prompt_ids)} tokens is not answered: the episode is over")
        self.prompt_ids = prompt_ids


class EngineFailure(Failure):
    """The engine could not answer; the rollout records the episode as `ENGINE_ERROR` with what this holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer of the model."""

    text: str
    """Decoded from the sampled ids, special tokens dropped."""
    message: Message
    """The answer as a message; append it unchanged to continue the conversation token by token."""
    call: Call
    asked: list[Message] = field(default_factory=list)
    """The messages that it answers."""


class LLM:
    """The model of one episode: `reply = await llm(messages)`.

    Where the messages are those of the last call, then its reply, then new ones, the prompt is the old
    prompt, the sampled ids and the template's tokens for what is new; ids are never made from sampled text.
    Any other messages are rendered afresh.
    """

    def __init__(
        self,
        engine: Engine | Speaks | None,
        chat: Chat | None,
        sampling: Sampling,
        *,
        max_context: int = 4096,
        seed: Callable[[int], int] = lambda call: call,
    ) -> None:
        """`max_context` bounds prompt and reply together, in tokens; `seed` gives the n-th call's seed."""
        self.seed = seed(0)
        """The episode's own seed, for agents that draw."""
        self.engine = engine
        """What answers the next call; may be replaced between calls."""
        self._chat, self._sampling = chat, sampling
        self._max_context, self._seed = max_context, seed
        self._count = 0
        self._fresh: list[Call] = []
        self._history: list[Message] = []
        self._last: Call | None = None
        self._mute = False

    async def __call__(self, messages: Sequence[Message], *, tools: Sequence[Schema] = ()) -> Reply:
        """Ask the model, which may call `tools` where its engine or its chat template knows how.

        Raises `TokenLimit` where prompt and reply may not fit the context, `EngineFailure` where the engine
        fails, `ConfigError` where the rollout was given no engine.
        """
        reply = await self._asked(messages, tools)
        self._fresh.append(reply.call)
        self._continue(reply)
        return reply

    async def candidates(
        self, messages: Sequence[Message], n: int, *, tools: Sequence[Schema] = ()
    ) -> list[Reply]:
        """`n` replies to the same messages; none counts as acted on until `choose`. Raises as a call does."""
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._asked(messages, tools)) for _ in range(n)]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        replies = [one.result() for one in asked]
        for reply in replies:
            reply.call.chosen = False
            self._fresh.append(reply.call)
        return replies

    def choose(self, reply: Reply) -> None:
        """Act on one of the candidates: it is trained on, and the conversation goes on from it in its tokens."""
        reply.call.chosen = True
        self._continue(reply)

    def mute(self) -> None:
        """Answer nothing from now on: every call raises `Unanswered` with its prompt."""
        self._mute = True

    def take(self) -> list[Call]:
        """The calls since the last `take`, in order: those of one turn."""
        calls, self._fresh = self._fresh, []
        return calls

    async def _asked(self, messages: Sequence[Message], tools: Sequence[Schema]) -> Reply:
        if isinstance(self.engine, Speaks):
            return await self._spoken(self.engine, messages, tools)
        if self.engine is None or self._chat is None:
            raise ConfigError(
                "this agent asks a model but the sampler has none; give it an engine and a renderer"
            )
        prompt_ids = self._prompt(self._chat, messages, tools)
        if self._mute:
            raise Unanswered(prompt_ids)
        completion = await self._complete(self.engine, prompt_ids)
        call = Call(
            prompt_ids=prompt_ids,
            action_ids=completion.token_ids,
            logprobs=completion.logprobs,
            stop=completion.stop,
            version=completion.version,
            versions=completion.versions,
        )
        text = self._chat.text(call.action_ids)
        message = {"role": "assistant", "content": text}
        return Reply(text=text, message=message, call=call, asked=list(messages))

    async def _spoken(self, engine: Speaks, messages: Sequence[Message], tools: Sequence[Schema]) -> Reply:
        if self._mute:
            raise Unanswered([])
        with _failures():
            call = await engine.speak(messages, self._next_sampling(), tools)
        assert call.spoken is not None, "an engine that speaks tells what it said"
        reply = call.spoken.reply
        return Reply(text=reply.get("content") or "", message=reply, call=call, asked=list(messages))

    def _continue(self, reply: Reply) -> None:
        """The next prompt may go on where this reply ended."""
        self._history = [*reply.asked, reply.message]
        self._last = None if reply.call.spoken else reply.call

    def _next_sampling(self) -> Sampling:
        self._count += 1
        return replace(self._sampling, seed=self._seed(self._count))

    def _prompt(self, chat: Chat, messages: Sequence[Message], tools: Sequence[Schema]) -> list[int]:
        known, last = len(self._history), self._last
        if (
            last is None
            or not chat.append_safe
            or len(messages) <= known
            or list(messages[:known]) != self._history
        ):
            return chat.render(messages, tools) if tools else chat.render(messages)
        return last.prompt_ids + last.action_ids + chat.extend(messages[known:], last.stop)

    async def _complete(self, engine: Engine, prompt_ids: list[int]) -> Completion:
        room = self._max_context - len(prompt_ids)
        if room < self._sampling.max_tokens:
            raise TokenLimit(
                f"a prompt of {len(prompt_ids)} tokens leaves {room} of {self._max_context} for a reply of "
                f"{self._sampling.max_tokens}; raise max_context or shorten the prompt"
            )
        with _failures():
            return await engine.generate(prompt_ids, self._next_sampling())


@contextmanager
def _failures() -> Iterator[None]:
    """What an engine raises is its failure, but for what the user can put right and for a prompt that is too long."""
    try:
        yield
    except (TokenLimit, UserError):
        raise
    except Exception as error:
        raise EngineFailure(f"{type(error).__name__}: {error}", format_exc()) from error
