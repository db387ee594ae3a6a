"""The decode loop: many conversations through one model, a token per row and pass."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from turngym.agents.engines.attention import ATTENTION, Layout
from turngym.agents.engines.kvcache import Held, KVCache
from turngym.agents.engines.lean import Lean, suits
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
    versions: list[int] = field(default_factory=list)
    stop: str | None = None
    uniforms: npt.NDArray[np.float64] = field(init=False)  # [max_tokens]

    def __post_init__(self) -> None:
        self.uniforms = np.random.default_rng(self.sampling.seed).random(self.sampling.max_tokens)

    @property
    def length(self) -> int:
        """Positions it may need."""
        return len(self.prompt_ids) + self.sampling.max_tokens

    @property
    def ids(self) -> list[int]:
        """Prompt and reply so far."""
        return self.prompt_ids + self.token_ids

    @property
    def uniform(self) -> float:
        """The number that decides the next token."""
        return float(self.uniforms[len(self.token_ids)])

    def add(self, token: int, logprob: float, version: int, stop_ids: frozenset[int]) -> None:
        """Take the next token, and `stop` where it is the last."""
        self.token_ids.append(token)
        self.logprobs.append(logprob)
        self.versions.append(version)
        if token in stop_ids:
            self.stop = "stop"
        elif len(self.token_ids) == self.sampling.max_tokens:
            self.stop = "length"

    def settle(self, failure: Exception | None) -> None:
        """Answer whoever still waits."""
        if self.future.done():
            return
        if failure is not None:
            self.future.set_exception(failure)
            return
        assert self.stop is not None
        oldest = min(self.versions)
        self.future.set_result(
            Completion(
                token_ids=self.token_ids,
                logprobs=self.logprobs,
                stop=self.stop,
                version=oldest,
                versions=self.versions if max(self.versions) > oldest else None,
            )
        )


@dataclass(eq=False)
class Decoder:
    """Completes requests: computes what the cache lacks of the prompts, then a token per row and pass."""

    model: Any
    stop_ids: frozenset[int]
    cache: KVCache
    prefill_tokens: int = 1024
    autocast: torch.dtype | None = None
    version: int = 0
    stale: bool = False
    pushed: deque[tuple[Any, int]] = field(default_factory=lambda: deque(maxlen=1))
    """A model and its version that take over before the next pass."""
    dropped: list[Held] = field(default_factory=list)
    lean: Lean | None = None
    """The model's forward pass in fewer calls, where `suited`."""
    suited: bool = False

    def drop(self, held: Held) -> None:
        """Forget an episode before the next batch."""
        self.dropped.append(held)

    def forget(self, version: int) -> None:
        """The model has changed in place: forget all episodes before the next batch."""
        self.version, self.stale = version, True

    def push(self, model: Any, version: int) -> None:
        """Go on with another model, of the same shape, from the next pass on; replies under way go on with it too.

        May be called from any thread. The model is the decoder's own from here on.
        """
        model.eval().requires_grad_(False)
        model.config._attn_implementation = ATTENTION
        self.pushed.append((model, version))

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
        self.suited = suits(self.model)
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
        self._take_over()
        if self.stale:
            self.cache.clear()
            self.lean, self.stale = None, False
        while self.dropped:
            self.cache.release(self.dropped.pop())

    def _take_over(self) -> bool:
        """Go over to the model that was pushed, if one was; what is stored of the episodes is void then."""
        if not self.pushed:
            return False
        self.model, self.version = self.pushed.pop()
        self.cache.clear()
        self.lean = None
        return True

    @contextmanager
    def _sampling_mode(self) -> Iterator[None]:
        """Evaluation mode, our attention, no gradients; afterwards the model is as it was."""
        config, training = self.model.config, self.model.training
        attention = config._attn_implementation
        if training:
            self.model.eval()
        config._attn_implementation = ATTENTION
        try:
            with torch.inference_mode():
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
        rows = self._placed(requests)
        logits = self._prefill(rows)
        while True:
            self._draw(rows, logits)
            rows = [request for request in rows if request.stop is None]
            if not rows:
                return
            if self._take_over():
                rows = self._placed(rows)
                logits = self._prefill(rows)
            else:
                logits = self._forward(rows, [request.token_ids[-1:] for request in rows])

    def _placed(self, requests: Sequence[Request]) -> list[Request]:
        """The requests in the order of their slots."""
        self.cache.place([request.held for request in requests], max(request.length for request in requests))
        return sorted(requests, key=lambda request: request.held.slot)

    def _prefill(self, rows: list[Request]) -> torch.Tensor:
        """Compute what the cache lacks of prompts and replies so far; logits [B, V] of the next token."""
        for request in rows:
            held = request.held
            held.ids = held.ids[: _common(held.ids, request.ids[:-1])]
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
        return self._forward(rows, [request.ids[len(request.held.ids) :] for request in rows])

    def _forward(self, rows: list[Request], new: list[list[int]]) -> torch.Tensor:
        """Run each row's new tokens through the model; logits [B, V] after the last of them."""
        device = self.model.device
        starts = [len(request.held.ids) for request in rows]
        layout = Layout(
            self.cache, [request.held.slot for request in rows], starts, [len(ids) for ids in new], device
        )
        logits = self._logits(torch.tensor([token for ids in new for token in ids], device=device), layout)
        for request, ids in zip(rows, new, strict=True):
            request.held.ids += ids
        return logits.float()

    def _logits(self, token_ids: torch.Tensor, layout: Layout) -> torch.Tensor:
        """Logits [B, V] after the last of each row's new tokens, which are [T] together."""
        if self.suited:
            self.lean = self.lean or Lean(self.model, self.autocast)
            return self.lean(token_ids, layout)
        with torch.autocast(layout.position.device.type, self.autocast, enabled=self.autocast is not None):
            output = self.model(
                input_ids=token_ids[None],
                position_ids=layout.position[None],
                use_cache=False,
                logits_to_keep=layout.last,
                layout=layout,
            )
        logits: torch.Tensor = output.logits[0]
        return logits

    def _draw(self, rows: list[Request], logits: torch.Tensor) -> None:
        temperatures = [request.sampling.temperature for request in rows]
        tokens, logprobs = draw(logits, temperatures, [request.uniform for request in rows])
        chosen = logprobs.tolist()
        if not all(np.isfinite(chosen)):
            raise FloatingPointError("the model's logits are not finite; its weights hold NaN or infinity")
        for request, token, logprob in zip(rows, tokens.tolist(), chosen, strict=True):
            request.add(token, logprob, self.version, self.stop_ids)


def draw(
    logits: torch.Tensor, temperatures: Sequence[float], uniforms: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens [B] by inverting the distribution function at the uniforms, and their log-probabilities [B].

    At temperature 0 the likeliest token is taken and its log-probability at temperature 1 is given.
    """
    temperature = torch.tensor(temperatures, device=logits.device)[:, None]
    greedy = temperature == 0
    logprobs = torch.log_softmax(logits / temperature.masked_fill(greedy, 1.0), -1)
    level = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)[:, None]
    tokens = invert(logprobs.exp(), level)
    if 0.0 in temperatures:
        tokens = torch.where(greedy, logits.argmax(-1, keepdim=True), tokens)
    return tokens[:, 0], logprobs.gather(-1, tokens)[:, 0]


def _common(first: list[int], second: list[int]) -> int:
    """The length of the longest common beginning."""
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return length
    return next(place for place in range(length) if first[place] != second[place])


def invert(chances: torch.Tensor, level: torch.Tensor, block: int = 256) -> torch.Tensor:
    """The first token of each row [B, 1] up to which the chances [B, V] exceed the share `level` [B, 1] of their sum.

    First the block is found, then the token in it: a running sum in fp64 over a whole vocabulary would take longer than
    the rest of the draw.
    """
    blocks = F.pad(chances, (0, -chances.shape[-1] % block)).unflatten(-1, (-1, block))  # type: ignore[no-untyped-call]
    until = blocks.sum(-1).double().cumsum(-1)  # [B, V / block]
    wanted = level * until[:, -1:]
    place = torch.searchsorted(until, wanted, right=True).clamp_(max=until.shape[-1] - 1)
    before = F.pad(until, (1, 0)).gather(-1, place)
    own = blocks.gather(1, place[..., None].expand(-1, -1, block)).squeeze(1).cumsum(-1, dtype=torch.float64)
    # Below the block's own sum, which may be rounded in another way than `until`: so a token with a chance is found.
    within = torch.minimum(wanted - before, own[:, -1:].nextafter(own.new_zeros(())))
    tokens = place * block + torch.searchsorted(own, within, right=True)
    return tokens.clamp_(max=chances.shape[-1] - 1)  # where chances are no numbers


def _leaders(rows: Sequence[Request]) -> dict[Request, list[Request]]:
    """Of new episodes with one prompt only the first has to be computed; the others follow it."""
    leaders: dict[Request, list[Request]] = {}
    first: dict[tuple[int, ...], Request] = {}
    for request in rows:
        leader = request if request.held.ids else first.setdefault(tuple(request.ids), request)
        leaders.setdefault(leader, [])
        if leader is not request:
            leaders[leader].append(request)
    return leaders


def _chunks(rows: Sequence[Request], limit: int) -> list[list[Request]]:
    """Runs of rows that lack at most `limit` tokens together, or single rows that lack more."""
    chunks: list[list[Request]] = []
    total = limit + 1
    for request in rows:
        missing = len(request.ids) - len(request.held.ids)
        total += missing
        if total > limit:
            chunks.append([])
            total = missing
        chunks[-1].append(request)
    return chunks
