"""The text and tokens of SPA's released code: its chat format, which tokens it keeps, its files between the stages.

turngym keeps a conversation in the tokens that were sampled and needs none of this; the record was made with it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from turngym.credit.steps import Bools

BEGIN, HEADER, END_HEADER, END = "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
PAD = "<|reserved_special_token_0|>"
ROLES = {"human": "user", "gpt": "assistant", "user": "human", "assistant": "gpt"}

Message = Mapping[str, str]
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ToyTokenizer:
    """The record's tokenizer: special tokens, a few words, else one token per UTF-8 byte."""

    pieces: Mapping[str, int]
    byte_offset: int

    @classmethod
    def of(cls, record: Record) -> ToyTokenizer:
        return cls(pieces=record["specials"] | record["words"], byte_offset=record["byte_offset"])

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without the beginning token that the original puts before every text."""
        longest_first = sorted(self.pieces, key=len, reverse=True)
        parts = re.split(f"({'|'.join(map(re.escape, longest_first))})", text)
        return [id for part in parts for id in self._ids(part)]

    def _ids(self, part: str) -> list[int]:
        known = self.pieces.get(part)
        return [byte + self.byte_offset for byte in part.encode()] if known is None else [known]


def header(role: str) -> str:
    """What stands before a message."""
    return f"{HEADER}{role}{END_HEADER}\n\n"


def conversation_text(messages: Sequence[Message]) -> str:
    """A whole conversation; an empty message loses its end token, as in the original's template."""
    blocks = [
        header(ROLES[message["from"]]) + (f"{message['value'].strip()}{END}" if message["value"] else "")
        for message in messages
    ]
    return BEGIN + "".join(blocks)


def padded_ids(tokenizer: ToyTokenizer, text: str, length: int) -> list[int]:
    """The ids of a text, cut or padded to `length` of which the first, a second beginning token, is dropped."""
    ids = tokenizer.encode(text)[: length - 1]
    return ids + [tokenizer.pieces[PAD]] * (length - 1 - len(ids))


def kept(tokenizer: ToyTokenizer, text: str, ids: Sequence[int], length: int) -> Bools:
    """Which positions the original keeps: assistants' blocks but for their first two tokens. [L]

    It walks the blocks by their own token counts. Where the walk does not end where the text does, and not beyond
    `length` either, it keeps nothing.
    """
    keep = np.zeros(len(ids), dtype=np.bool_)
    cursor = 1
    for number, block in enumerate(text.split(END)):
        tokens = len(tokenizer.encode(block))
        if not block or (number % 2 and block.count(END_HEADER) != 1):
            break
        if number % 2:
            keep[cursor + 2 : cursor + tokens + 1] = True
        cursor += tokens + (number > 0)
    present = sum(id != tokenizer.pieces[PAD] for id in ids)
    return keep if cursor >= length or cursor == present else np.zeros_like(keep)


def organised(explored: Record, *, demonstration: int = 8) -> Record:
    """An explored episode as its estimator is given it: without demonstration, last observation and outer spaces."""
    messages = explored["agent_conversations"]
    chosen = [*messages[:2], *messages[2 + demonstration :]]
    chosen = chosen[: len(chosen) - (chosen[-1]["role"] == "user")]
    conversation = [{"from": ROLES[one["role"]], "value": one["content"].strip()} for one in chosen]
    carried = {key: explored[key] for key in ("agent_final_reward", "id", "iteration", "success")}
    return {"conversations": conversation} | carried


def pairs(messages: Sequence[Message]) -> tuple[list[str], list[str]]:
    """Prompt and response of each turn, as text."""
    prompts = [f"{header('user')}{one['value']}{END}{header('assistant')}" for one in messages[::2]]
    return prompts, [f"{one['value']}{END}" for one in messages[1::2]]


def following(messages: Sequence[Message]) -> list[str | None]:
    """What the environment answered to each turn; `None` for the last, whose answer was stripped."""
    return [*(one["value"] for one in messages[2::2]), None]


def for_training(turns: Sequence[int], scored: Sequence[bool]) -> list[int]:
    """Which episodes the released script trains on, by their numbers of turns.

    Those scored turn for turn; of more than 8000 a draw of 4200; of them those below 35 turns; the first 1596.
    """
    usable = [i for i, fits in enumerate(scored) if fits]
    if len(usable) > 8000:
        drawn = random.Random(42).sample(range(len(usable)), 4200)
        usable = [usable[i] for i in drawn]
    return [i for i in usable if turns[i] < 35][:1596]


def query_and_response(
    tokenizer: ToyTokenizer, prompts: Sequence[str], responses: Sequence[str], *, context: int, response: int
) -> tuple[list[int], list[int], list[int]]:
    """What the released trainer sees of an episode: all but the last response, that one, and the mask of both.

    Every piece begins with a beginning token. The former keeps its last `context` ids, the latter its first
    `response`.
    """
    begin = tokenizer.pieces[BEGIN]
    pieces = [
        (int(sampled), [begin, *tokenizer.encode(text)])
        for pair in zip(prompts, responses, strict=True)
        for sampled, text in enumerate(pair)
    ]
    query = [id for _, ids in pieces[:-1] for id in ids][-context:]
    mask = [sampled for sampled, ids in pieces[:-1] for _ in ids][-context:]
    answer = pieces[-1][1][:response]
    return query, answer, mask + [1] * len(answer)
