"""Whether an engine's server cuts text into the very tokens that the trainer's tokenizer does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from turngym.agents.endpoint import EndpointFailure, Refused, Server
from turngym.core.errors import ConfigError

PIECES = 256
"""So many of the tokenizer's own tokens are spelt out, evenly spaced by id."""

SAMPLE = (
    "You open drawer 12: a lettuce, 3 mugs & a bar of soap (dirty).\n\tGo to  fridge 1 -> 'heat' it!\n"
    'Привет, мир. 你好，世界。 naïve café 1_000.5e-3 {"a": [true, null]} <|im_end|></s> 🙂'
)


class VocabularyMismatch(ConfigError):
    """The engine reads other token ids than the trainer writes."""


def sample(tokenizer: Any) -> str:
    """A text that differently trained tokenizers cut differently: several scripts, then tokens of this one's own."""
    size = len(tokenizer)
    ids = sorted({place * size // PIECES for place in range(PIECES)})
    return " ".join([SAMPLE, *(tokenizer.decode([one]) for one in ids)])


def digest(token_ids: Sequence[int]) -> str:
    """A short name of a token sequence: the first 16 letters of its SHA-256."""
    return hashlib.sha256(json.dumps(list(token_ids)).encode()).hexdigest()[:16]


def compare(tokenizer: Any, encode: Callable[[str], Sequence[int]], place: str) -> None:
    """Refuse an engine at `place` whose `encode` cuts the sample into other ids than the tokenizer.

    Raises `VocabularyMismatch` with both digests.
    """
    text = sample(tokenizer)
    ours, theirs = tokenizer.encode(text, add_special_tokens=False), list(encode(text))
    if ours != theirs:
        raise VocabularyMismatch(
            f"the trainer's tokenizer ({len(tokenizer)} tokens, digest {digest(ours)}) is not that of {place} "
            f"(digest {digest(theirs)}): a sample text becomes {len(ours)} and {len(theirs)} ids; serve the model with "
            "the trainer's own tokenizer"
        )


def compare_server(tokenizer: Any, server: Server) -> None:
    """Compare with vLLM's route `/tokenize` of a server, whose address may end in `/v1`.

    A server without that route, or without a tokenizer, has nothing to compare; one that does not answer at all is
    found out by the first request. Raises `VocabularyMismatch`.
    """
    above = replace(server, url=root(server.url))

    def encode(text: str) -> Any:
        asked = {"model": server.model, "prompt": text, "add_special_tokens": False}
        return above.ask("tokenize", asked, _tokens, answer_tokens=0)

    try:
        compare(tokenizer, encode, f"the server at {above.url}")
    except EndpointFailure:
        return


def root(url: str) -> str:
    """The address above `/v1`, where vLLM has routes of its own."""
    return url.rstrip("/").removesuffix("/v1")


def _tokens(reply: Any) -> list[int]:
    """Raises `Refused` where the reply is no answer of `/tokenize`."""
    tokens = reply.get("tokens") if isinstance(reply, dict) else None
    if not isinstance(tokens, list):
        raise Refused("the server's answer holds no tokens")
    return tokens
