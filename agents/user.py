"""A model behind an engine as the user of a tool environment."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from turngym.agents.llm import Chat, Engine, Message, Sampling
from turngym.core.seeding import derive_seed


class EngineUser:
    """Plays the user: gets the conversation, in which it is the assistant, and returns its next message.

    Give it to an environment as `user=EngineUser(...)`. The engine should be its own, since it runs in a
    thread of its own while the environment's step waits; so the environment has to live in this process
    (`Pool(..., workers=0)`). Equal conversations get equal replies.
    """

    def __init__(self, engine: Engine, chat: Chat, sampling: Sampling | None = None) -> None:
        self._engine, self._chat = engine, chat
        self._sampling = sampling or Sampling(max_tokens=128)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine-user")

    def __call__(self, messages: list[Message]) -> str:
        """The next message. Raises what the engine raises."""
        return self._thread.submit(asyncio.run, self._reply(messages)).result()

    async def _reply(self, messages: list[Message]) -> str:
        sampling = replace(self._sampling, seed=derive_seed("user", json.dumps(messages)))
        completion = await self._engine.generate(self._chat.render(messages), sampling)
        return self._chat.text(completion.token_ids).strip()
