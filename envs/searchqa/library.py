"""BM25 search over titled passages, by the package bm25s (Lù 2024, arXiv 2407.03618)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import bm25s
import numpy as np
import Stemmer

LONGEST = 400
"""Characters of a query that are looked at."""


class Library:
    """An index over the titles and sentences of passages: English stop words out, words stemmed, k1 1.5, b 0.75."""

    def __init__(self, passages: Mapping[str, Sequence[str]]) -> None:
        self.passages = passages
        self._titles = list(passages)
        self._named = {_name(title): title for title in reversed(self._titles)}
        self._index = bm25s.BM25()
        self._index.index(
            _tokens([_whole(title, passages[title]) for title in passages]), show_progress=False
        )

    def search(self, query: str, most: int = 50) -> list[str]:
        """Titles by falling score, equal scores in the passages' order; only those that share a word with the query."""
        (words,) = _tokens([query[:LONGEST]])
        known = [word for word in words if word in self._index.vocab_dict]
        if not known:
            return []
        scores = self._index.get_scores(known)
        least = np.partition(scores, -most)[-most] if most < len(scores) else 0.0
        found = np.flatnonzero((scores >= least) & (scores > 0))
        best = found[np.argsort(-scores[found], kind="stable")]
        return [self._titles[i] for i in best[:most]]

    def find(self, title: str) -> str | None:
        """The title of that name, whatever its capitals, accents and spacing; `None` if there is none."""
        return self._named.get(_name(title[:LONGEST]))


def _whole(title: str, sentences: Sequence[str]) -> str:
    return " ".join([title, *(sentence.strip() for sentence in sentences)])


def _tokens(texts: list[str]) -> list[list[str]]:
    stemmer = Stemmer.Stemmer("english")  # one a call, since threads cannot share it
    words = bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False, return_ids=False)
    return [list(row) for row in words]


def _name(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())
