"""The decode loop: many conversations through one model, a token per row and pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from turngym.agents.engines.attention import ATTENTION, Layout
from turngym.agents.engines.kvcache import Held, KVCache
from turngym.agents.llm import Completion, Sampling


@dataclass(eq=False, slots=True)
class Request:
    """One completion in the making."""

    held: Held
    prompt_ids: list[int]
    sampling: Sampling
    future: asyncio.Future[Completion]
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stop: str | None = None
    uniforms: npt.NDArray[np.float64] = field(init=False)  # [max_tokens]

    def __post_init__(self) -> None:
        self.uniforms = np.random.default_rng(self.sampling.seed).random(self.sampling.max_tokens)

    @property
    def length(self) -> int:
        """Positions it may need."""
        return len(self.prompt_ids) + self.sampling.max_tokens

    @property
    def uniform(self) -> float:
        """The number that decides the next token."""
        return float(self.uniforms[len(self.token_ids)])

    def add(self, token: int, logprob: float, stop_ids: frozenset[int]) -> None:
        """Take the next token, and `stop` where it is the last."""
        self.token_ids.append(token)
        self.logprobs.append(logprob)
        if token in stop_ids:
            self.stop = "stop"
        elif len(self.token_ids) == self.sampling.max_tokens:
            self.stop = "length"

    def settle(self, version: int, failure: Exception | None) -> None:
        """Answer whoever still waits."""
        if self.future.done():
            return
        if failure is not None:
            self.future.set_exception(failure)
            return
        assert self.stop is not None
        self.future.set_result(
            Completion(token_ids=self.token_ids, logprobs=self.logprobs, stop=self.stop, version=version)
        )


@dataclass(eq=False)
class Decoder:
    """Completes requests: computes what the cache lacks of the prompts, then a token per row and pass."""

    model: Any
    stop_ids: frozenset[int]
    cache: KVCache
    prefill_tokens: int = 1024
    autocast: torch.dtype | None = None
    stale: bool = False
    dropped: list[Held] = field(default_factory=list)

    def drop(self, held: Held) -> None:
        """Forget an episode before the next batch."""
        self.dropped.append(held)

    def forget(self) -> None:
        """Forget all episodes before the next batch."""
        self.stale = True

    def check(self, request: Request) -> None:
        """Refuse what can never be decoded."""
        if not request.prompt_ids:
            raise ValueError("the prompt is empty; a completion needs at least one token to follow")
        if not self.cache.fits(request.length):
            raise ValueError(
                f"a request of {request.length} tokens does not fit a cache of {self.cache.max_tokens}; "
                "raise max_cached_tokens"
            )

    def decode(self, requests: Sequence[Request]) -> None:
        """Complete the requests in place.

        Raises `FloatingPointError` where the model gives no probabilities (its weights hold NaN or infinity).
        """
        self._sweep()
        try:
            with self._sampling_mode():
                rest = list(requests)
                while rest:
                    part, rest = self._part(rest)
                    self._complete(part)
        except BaseException:
            self.cache.reset()  # half-written rows, perhaps NaN, which no mask hides
            raise

    def _sweep(self) -> None:
        if self.stale:
            self.cache.clear()
            self.stale = False
        while self.dropped:
            self.cache.release(self.dropped.pop())

    @contextmanager
    def _sampling_mode(self) -> Iterator[None]:
        """Evaluation mode, our attention, no gradients; afterwards the model is as it was."""
        config, training = self.model.config, self.model.training
        attention = config._attn_implementation
        if training:
            self.model.eval()
        config._attn_implementation = ATTENTION
        try:
            with ExitStack() as stack:
                stack.enter_context(torch.inference_mode())
                if self.autocast is not None:
                    stack.enter_context(torch.autocast(self.model.device.type, dtype=self.autocast))
                yield
        finally:
            config._attn_implementation = attention
            if training:
                self.model.train()

    def _part(self, requests: list[Request]) -> tuple[list[Request], list[Request]]:
        """As many requests as the cache holds together, and the rest."""
        rows = self.cache.fits(max(request.length for request in requests))
        return requests[:rows], requests[rows:]

    def _complete(self, requests: list[Request]) -> None:
        self.cache.place([request.held for request in requests], max(request.length for request in requests))
        rows = sorted(requests, key=lambda request: request.held.slot)
        logits = self._prefill(rows)
        while True:
            self._draw(rows, logits)
            rows = [request for request in rows if request.stop is None]
            if not rows:
                return
            logits = self._forward(rows, [request.token_ids[-1:] for request in rows])

    def _prefill(self, rows: list[Request]) -> torch.Tensor:
        """Compute what the cache lacks of the prompts; logits [B, V] of the next token."""
        for request in rows:
            held = request.held
            held.ids = held.ids[: _common(held.ids, request.prompt_ids[:-1])]
        leaders = _leaders(rows)
        logits = torch.cat([self._chunk(chunk) for chunk in _chunks(list(leaders), self.prefill_tokens)])
        for leader, followers in leaders.items():
            self.cache.copy(leader.held, [follower.held for follower in followers])
        place = {
            id(request): place
            for place, (leader, rest) in enumerate(leaders.items())
            for request in (leader, *rest)
        }
        return logits[[place[id(request)] for request in rows]]

    def _chunk(self, rows: list[Request]) -> torch.Tensor:
        return self._forward(rows, [request.prompt_ids[len(request.held.ids) :] for request in rows])

    def _forward(self, rows: list[Request], new: list[list[int]]) -> torch.Tensor:
        """Run each row's new tokens through the model; logits [B, V] after the last of them."""
        device = self.model.device
        starts = [len(request.held.ids) for request in rows]
        layout = Layout(
            self.cache, [request.held.slot for request in rows], starts, [len(ids) for ids in new], device
        )
        output = self.model(
            input_ids=torch.tensor([[token for ids in new for token in ids]], device=device),
            position_ids=layout.position[None],
            use_cache=False,
            logits_to_keep=layout.last,
            layout=layout,
        )
        for request, ids in zip(rows, new, strict=True):
            request.held.ids += ids
        logits: torch.Tensor = output.logits[0]
        return logits.float()

    def _draw(self, rows: list[Request], logits: torch.Tensor) -> None:
        temperatures = [request.sampling.temperature for request in rows]
        tokens, logprobs = draw(logits, temperatures, [request.uniform for request in rows])
        chosen = logprobs.tolist()
        if not all(np.isfinite(chosen)):
            raise FloatingPointError("the model's logits are not finite; its weights hold NaN or infinity")
        for request, token, logprob in zip(rows, tokens.tolist(), chosen, strict=True):
            request.add(token, logprob, self.stop_ids)


def draw(
    logits: torch.Tensor, temperatures: Sequence[float], uniforms: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens [B] by inverting the distribution function at the uniforms, and their log-probabilities [B].

    At temperature 0 the likeliest token is taken and its log-probability at temperature 1 is given.
    """
    temperature = torch.tensor(temperatures, device=logits.device)[:, None]
    greedy = temperature == 0
    logprobs = torch.log_softmax(logits / temperature.masked_fill(greedy, 1.0), -1)
    total = logprobs.exp().cumsum(-1, dtype=torch.float64)
    level = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)[:, None] * total[:, -1:]
    tokens = torch.searchsorted(total, level, right=True).clamp_(max=logits.shape[-1] - 1)
    if 0.0 in temperatures:
        tokens = torch.where(greedy, logits.argmax(-1, keepdim=True), tokens)
    return tokens[:, 0], logprobs.gather(-1, tokens)[:, 0]


def _common(first: list[int], second: list[int]) -> int:
    """The length of the longest common beginning."""
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return length
    return next(place for place in range(length) if first[place] != second[place])


def _leaders(rows: Sequence[Request]) -> dict[Request, list[Request]]:
    """Of new episodes with one prompt only the first has to be computed; the others follow it."""
    leaders: dict[Request, list[Request]] = {}
    first: dict[tuple[int, ...], Request] = {}
    for request in rows:
        leader = request if request.held.ids else first.setdefault(tuple(request.prompt_ids), request)
        leaders.setdefault(leader, [])
        if leader is not request:
            leaders[leader].append(request)
    return leaders


def _chunks(rows: Sequence[Request], limit: int) -> list[list[Request]]:
    """Runs of rows that lack at most `limit` tokens together, or single rows that lack more."""
    chunks: list[list[Request]] = []
    total = limit + 1
    for request in rows:
        missing = len(request.prompt_ids) - len(request.held.ids)
        total += missing
        if total > limit:
            chunks.append([])
            total = missing
        chunks[-1].append(request)
    return chunks
