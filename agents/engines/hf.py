"""A transformers model in this process, sampling for many episodes at once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any

import torch

from turngym.agents.engines.decoder import Decoder, Request
from turngym.agents.engines.kvcache import Held, KVCache
from turngym.agents.llm import Completion, Engine, Sampling


class HFEngine:
    """Samples from a causal language model of transformers; the very module that a trainer may be updating.

    A batch starts when every live session has asked, or `gather_s` seconds after the last request (`inf`: not
    before, however slow one is, so that batches, and with them every rounding, repeat). Keys and values of an
    episode are kept between its turns; only new tokens are computed. A completion depends on the weights, the
    prompt and the request's seed; the batch around it can change only the last bits of a log-probability.

    With `own_weights` it samples from a copy, which every `updated` makes afresh and which takes over between two
    passes; so it may sample while the trainer changes the weights. A reply that is under way goes on under the new
    ones: what was stored of it is computed again, and `Completion.versions` tells which weights sampled which token.

    `stop_ids` end a reply. `max_cached_tokens` bounds the stored keys and values, `prefill_tokens` the new
    tokens of one forward pass. `autocast` names a type to compute in (`"bfloat16"`).
    """

    def __init__(
        self,
        model: Any,
        *,
        stop_ids: Iterable[int],
        gather_s: float = 0.02,
        max_cached_tokens: int = 262_144,
        prefill_tokens: int = 1024,
        autocast: str | None = None,
        own_weights: bool = False,
    ) -> None:
        self.version = 0
        self._model, self.own_weights = model, own_weights
        self._gather_s = gather_s
        self._decoder = Decoder(
            model,
            stop_ids=frozenset(stop_ids),
            cache=KVCache(max_cached_tokens),
            prefill_tokens=prefill_tokens,
            autocast=None if autocast is None else getattr(torch, autocast),
        )
        self._live: set[int] = set()
        self._waiting: list[Request] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hf-engine")
        self.updated(self.version)

    @contextmanager
    def session(self) -> Iterator[Engine]:
        """An engine for one episode, whose keys and values are kept until the context closes."""
        self._attach()
        session = _Session(self)
        self._live.add(id(session))
        try:
            yield session
        finally:
            self._live.discard(id(session))
            self._decoder.drop(session.held)
            self._start_if_full()

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """One completion outside any episode."""
        with self.session() as session:
            return await session.generate(prompt_ids, sampling)

    def updated(self, version: int) -> None:
        """The weights have changed: stored keys and values are forgotten, completions carry `version`."""
        self.version = version
        if self.own_weights:
            self._decoder.push(deepcopy(self._model), version)
        else:
            self._decoder.forget(version)

    async def submit(self, held: Held, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """Queue a request of a session and wait for its batch.

        Raises `ValueError` for an empty prompt and for a request longer than the whole cache.
        """
        self._attach()
        assert self._loop is not None
        request = Request(held, prompt_ids, sampling, self._loop.create_future())
        self._decoder.check(request)
        self._waiting.append(request)
        self._start_if_full()
        self._restart_timer()
        try:
            return await request.future
        finally:
            with suppress(ValueError):  # a request that is cancelled must not be counted among the waiting
                self._waiting.remove(request)

    def _attach(self) -> None:
        """Requests belong to the running loop; what an ended loop left behind has nobody waiting for it."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer, self._busy = loop, None, None
            self._waiting.clear()
            self._live.clear()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._loop is not None and self._waiting and self._busy is None and self._gather_s < math.inf:
            self._timer = self._loop.call_later(self._gather_s, self._start)

    def _start_if_full(self) -> None:
        if self._waiting and len(self._waiting) >= len(self._live):
            self._start()

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy is None and self._waiting:
            assert self._loop is not None
            self._busy = self._loop.create_task(self._run())

    async def _run(self) -> None:
        """One batch, in a thread, so that environments are heard meanwhile."""
        batch = [request for request in self._waiting if not request.future.done()]
        self._waiting.clear()
        batch.sort(key=lambda request: (request.sampling.seed, request.prompt_ids))
        loop = asyncio.get_running_loop()
        failure = None
        try:
            await loop.run_in_executor(self._thread, self._decoder.decode, batch)
        except Exception as error:
            failure = error
        for request in batch:
            request.settle(failure)
        self._busy = None
        self._start_if_full()
        self._restart_timer()


class _Session:
    """One episode's requests, one after another."""

    def __init__(self, engine: HFEngine) -> None:
        self._engine, self.held = engine, Held()
        self._turn = asyncio.Lock()

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        async with self._turn:
            return await self._engine.submit(self.held, prompt_ids, sampling)
