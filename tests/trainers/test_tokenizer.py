"""Tokenizers that need no download, against the definition of their vocabulary."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.agents.renderer import Renderer
from turngym.envs.household.env import Household
from turngym.envs.household.vocabulary import split_words, vocabulary
from turngym.trainers.tokenizer import SPECIAL, byte_tokenizer, phrase_tokenizer, piece_tokenizer

WORDS = vocabulary("compact")
TOKENIZER = phrase_tokenizer(WORDS)
HEARD = ["You arrive at cabinet 1.", "You arrive at drawer 2."] * 20
PIECES = piece_tokenizer(HEARD, 300)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_every_text_of_a_household_is_cut_as_its_vocabulary_says(number, choice):
    env = Household("compact")
    obs, info = env.reset(seed=number)
    for turn in range(6):
        assert TOKENIZER.tokenize(obs) == split_words(obs, WORDS)
        action = info["admissible"][(choice * 7 + turn) % len(info["admissible"])]
        ids = TOKENIZER.encode(action, add_special_tokens=False)
        assert TOKENIZER.decode(ids, skip_special_tokens=True) == action
        obs, _, _, _, info = env.step(action)


def test_an_entity_is_one_token_and_an_unknown_word_is_marked():
    assert TOKENIZER.tokenize("go to cabinet 2") == ["go to", "cabinet 2"]
    assert set(TOKENIZER.encode("xyzzy", add_special_tokens=False)) == {TOKENIZER.unk_token_id}


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_bytes_come_back_exactly(text):
    tokenizer = byte_tokenizer()
    text = text.replace("<", "(")  # what reads as a special token is one
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_pieces_come_back_exactly(text):
    text = text.replace("<", "(")
    assert PIECES.decode(PIECES.encode(text, add_special_tokens=False)) == text


def test_what_was_heard_takes_fewer_pieces_than_bytes_and_equal_texts_give_equal_tokenizers():
    assert len(PIECES.encode(HEARD[0], add_special_tokens=False)) <= len(HEARD[0]) / 3
    assert piece_tokenizer(HEARD, 300).get_vocab() == PIECES.get_vocab()
    assert 256 + len(SPECIAL) < len(PIECES) <= 300 + len(SPECIAL)


def test_all_chat_templates_keep_replies_verbatim():
    assert Renderer(TOKENIZER).append_safe
    assert Renderer(byte_tokenizer()).append_safe
    assert Renderer(PIECES).append_safe
