"""Tokenizers that need no download: a token per phrase of an environment, per byte, or per piece of what it said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

UNKNOWN, SYSTEM, USER, ASSISTANT, END = "<unk>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL = [UNKNOWN, SYSTEM, USER, ASSISTANT, END]

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def phrase_tokenizer(vocabulary: Sequence[str]) -> PreTrainedTokenizerFast:
    """One token per entry of `vocabulary`; text is cut by the longest entry that fits, blanks between are dropped.

    Decoding joins with single blanks, so an action comes back exactly when its words are single-spaced entries.
    Text outside the vocabulary becomes `<unk>`.
    """
    words = list(dict.fromkeys(vocabulary))
    numbers = {word: i for i, word in enumerate([*SPECIAL, *words])}
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    pattern = "|".join([*map(_whole, longest_first), r"\S"])
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return _wrap(tokenizer)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte: 256 of them and the special ones; encodes any text exactly."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE({c: i for i, c in enumerate([*SPECIAL, *alphabet])}, [], unk_token=UNKNOWN)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _wrap(tokenizer)


def piece_tokenizer(texts: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """Byte-pair encoding learned from `texts`, of at most `size` tokens beside the special ones.

    It encodes any text exactly, since every byte is a token too, and what is like `texts` in far fewer tokens than
    bytes. Equal texts give equal tokenizers.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=len(SPECIAL) + max(size, len(alphabet)),
        special_tokens=SPECIAL,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _wrap(tokenizer)


def _whole(word: str) -> str:
    """A pattern for the entry that does not match inside a longer word or number."""
    left = r"(?<![A-Za-z0-9])" if word[0].isalnum() else ""
    right = r"(?![A-Za-z0-9])" if word[-1].isalnum() else ""
    return left + re.escape(word) + right


def _wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        eos_token=END,
        pad_token=END,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
