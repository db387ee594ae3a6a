"""An engine that cuts text differently from the trainer is refused with a digest of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("httpx")

from tests.agents.vllm_servers import vllm_server

from turngym.agents.engines import vocabulary
from turngym.agents.engines.http import HTTPTokens
from turngym.agents.engines.vocabulary import VocabularyMismatch
from turngym.core.commands.model import brain_of
from turngym.trainers.tokenizer import byte_tokenizer, phrase_tokenizer


def encoder(tokenizer: Any) -> Callable[[str], list[int]]:
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False))


def test_a_tokenizer_agrees_with_itself_and_not_with_one_whose_tokens_are_numbered_otherwise() -> None:
    words = [f"word{number}" for number in range(400)]
    ours, swapped = phrase_tokenizer(words), phrase_tokenizer([words[1], words[0], *words[2:]])
    vocabulary.compare(ours, encoder(ours), "here")
    for other in (swapped, phrase_tokenizer([*words[:200], "more", *words[200:]]), byte_tokenizer()):
        with pytest.raises(
            VocabularyMismatch, match=r"\(405 tokens, digest [0-9a-f]{16}\) is not that of there"
        ):
            vocabulary.compare(ours, encoder(other), "there")


def test_a_digest_depends_on_every_id_and_on_nothing_else() -> None:
    assert vocabulary.digest([1, 2, 3]) == vocabulary.digest((1, 2, 3)) == "a36b1f2c3f84522d"
    assert len({vocabulary.digest(ids) for ids in ([1, 2, 3], [1, 23], [1, 2], [])}) == 4


@pytest.mark.parametrize("url", ["{}/v1", "{}/v1/", "{}"])
def test_a_served_model_is_asked_above_v1(url: str) -> None:
    tokenizer = byte_tokenizer()

    def wrong(text: str) -> Sequence[int]:
        return [*encoder(tokenizer)(text), 0]

    with vllm_server(encode=wrong) as (served, held):
        engine = HTTPTokens(url=url.format(served.removesuffix("/v1")), model="m")
        with pytest.raises(VocabularyMismatch, match="is not that of the server at http"):
            vocabulary.compare_server(tokenizer, engine)
    assert held.routes == ["tokenize"]


def test_playing_a_served_model_with_another_tokenizer_is_refused_before_the_first_episode(
    tmp_path: Path,
) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    table = {"name": "http_tokens", "tokenizer": str(tmp_path)}
    with vllm_server(encode=encoder(tokenizer)) as (url, _):
        assert brain_of("policy", table | {"url": url})["renderer"]
    with (
        vllm_server(encode=lambda text: encoder(tokenizer)(text)[1:]) as (url, _),
        pytest.raises(VocabularyMismatch),
    ):
        brain_of("policy", table | {"url": url})


def test_a_server_that_cannot_be_asked_is_left_to_the_first_request() -> None:
    with vllm_server() as (url, _):
        vocabulary.compare_server(byte_tokenizer(), HTTPTokens(url=url, model="m"))
    vocabulary.compare_server(byte_tokenizer(), HTTPTokens(url=url, model="m", retries=0))
