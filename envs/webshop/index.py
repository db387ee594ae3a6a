"""The shop's search engine: BM25 over product documents, as Lucene scores them, in arrays that can be mapped.

An index is a folder of `.npy` files. Documents are numbered in the order they were added. Postings stand in
one array sorted by word, those of word w at `starts[w]:starts[w + 1]`, the words themselves in sorted order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from turngym.envs.webshop.products import CatalogueError
from turngym.envs.webshop.words import words

K1 = 0.9
B = 0.4
"""Anserini's settings of BM25, which WebShop's search has."""

MOST_WORDS = 1024
"""Different words of a query that are looked up, the first ones; Lucene refuses more."""

BLOCK = 1 << 22
"""Postings that are sorted at a time."""

COMMON = (4096, 16)
"""A word in more documents than that, and in more than this part of all, is added to all only if it has to be."""

MARGIN = 1e-5
"""Relative, wider than the rounding of a score."""

Floats32 = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]


class Term(NamedTuple):
    """A word of a query."""

    weight: np.float32
    """Its rarity, as often as it is asked for; no document gets more from it."""
    span: slice
    """Its postings."""

    @property
    def length(self) -> int:
        """In how many documents it stands."""
        return int(self.span.stop - self.span.start)


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """Search over N documents and W words with P postings."""

    letters: npt.NDArray[np.uint8]  # [bytes] the words in UTF-8, one after the other
    ends: npt.NDArray[np.int64]  # [W + 1] where they begin and end
    starts: npt.NDArray[np.int64]  # [W + 1] where a word's postings begin and end
    documents: npt.NDArray[np.int32]  # [P]
    counts: npt.NDArray[np.uint16]  # [P] how often the word stands in the document
    lengths: npt.NDArray[np.uint8]  # [N] words in the document, in Lucene's one byte
    ranks: npt.NDArray[np.int32]  # [N] the document's place among the sorted ids: ties go to the lowest
    total: npt.NDArray[np.int64]  # [] words in all documents

    @classmethod
    def open(cls, folder: Path) -> Index:
        """Map the files of a folder, so that processes share them. Raises `CatalogueError`."""
        try:
            return cls(**{name: mapped(folder / f"{name}.npy") for name in cls.__slots__})
        except (EOFError, OSError, ValueError) as error:
            raise CatalogueError(
                f"{folder} holds no complete search index ({error}); make it again with `turngym data webshop`"
            ) from error

    def save(self, folder: Path) -> None:
        """Write the files, making the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.__slots__:
            np.save(folder / f"{name}.npy", getattr(self, name))

    def search(self, query: str, most: int = 50) -> list[tuple[int, float]]:
        """The best documents with their scores, best first; those without any word of the query are left out."""
        terms = sorted(self._terms(query), key=lambda term: -term.weight)
        scores, norms = np.zeros(len(self.lengths)), self._norms()  # [N], [256]
        common = max(COMMON[0], len(scores) // COMMON[1])
        for place, term in enumerate(terms):
            if term.length > common:
                ahead = sum(float(term.weight) for term in terms[place:])
                contenders = _contenders(scores, ahead, most)
                if contenders is not None:
                    self._add_to(scores, contenders, terms[place:], norms)
                    return self._best(scores, contenders, most)
            self._add(scores, term.span, term.weight, norms)
        return self._best(scores, _touched(scores), most)

    def _terms(self, query: str) -> Iterator[Term]:
        for word, times in [*Counter(words(query)).items()][:MOST_WORDS]:
            if (place := self._place(word)) is not None:
                span = slice(int(self.starts[place]), int(self.starts[place + 1]))
                holding = span.stop - span.start
                rarity = np.log(1 + (len(self.lengths) - holding + 0.5) / (holding + 0.5))
                yield Term(np.float32(times) * np.float32(rarity), span)

    def _norms(self) -> Floats32:
        """By document length what a count is multiplied with.  # [256]"""
        average = np.float32(int(self.total) / max(1, len(self.lengths)) or 1)
        k1, b, one = np.float32(K1), np.float32(B), np.float32(1)
        return one / (k1 * ((one - b) + b * LENGTHS / average))

    def _add(
        self, scores: Floats64, postings: slice | npt.NDArray[np.int64], weight: np.float32, norms: Floats32
    ) -> None:
        """Put a word's share on documents that it stands in: less than its weight.

        In single precision and in Lucene's order of operations, so that equal scores are equal there too.
        """
        found = self.documents[postings]
        counts = self.counts[postings].astype(np.float32)
        scores[found] += weight - weight / (np.float32(1) + counts * norms[self.lengths[found]])

    def _add_to(self, scores: Floats64, chosen: Places, terms: Sequence[Term], norms: Floats32) -> None:
        """Put the shares of words on the chosen documents alone, which are found in the sorted postings."""
        for term in terms:
            documents = self.documents[term.span]
            places = np.minimum(np.searchsorted(documents, chosen), term.length - 1)
            holding = places[documents[places] == chosen] + term.span.start
            self._add(scores, holding, term.weight, norms)

    def _best(self, scores: Floats64, found: Places, most: int) -> list[tuple[int, float]]:
        """Of the found documents the best by single-precision score, then by id."""
        values = scores[found].astype(np.float32)
        if len(found) > most:
            good = values >= np.partition(values, -most)[-most]
            found, values = found[good], values[good]
        order = np.lexsort((self.ranks[found], -values))[:most]
        return [*zip(found[order].tolist(), values[order].tolist(), strict=True)]

    def _place(self, word: str) -> int | None:
        letters = word.encode()
        place = bisect_left(range(len(self.starts) - 1), letters, key=self._word)
        return place if place < len(self.starts) - 1 and self._word(place) == letters else None

    def _word(self, place: int) -> bytes:
        return self.letters[self.ends[place] : self.ends[place + 1]].tobytes()


def _touched(scores: Floats64) -> Places:
    """The documents that have a score. (NumPy finds flags far faster than numbers.)"""
    return np.flatnonzero(scores > 0).astype(np.int32)


def _contenders(scores: Floats64, ahead: float, most: int) -> Places | None:
    """The documents that can still be among the best, if those are among the ones that have scores.

    So it is where the words that are not yet added, which give `ahead` at most, cannot lift a document that has
    nothing above the last of the best (Turtle and Flood, 1995).
    """
    found = _touched(scores)
    if len(found) < most:
        return None
    values = scores[found]
    last = np.partition(values, -most)[-most]
    return found[values + ahead >= last * (1 - MARGIN)] if last > ahead * (1 + MARGIN) else None


class Builder:
    """Makes an index of documents that come one by one.

    While it grows, memory holds six bytes a posting and the different words; `finish` needs as much again for the
    index itself.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._words, self._counts, self._sizes = array("I"), array("H"), array("I")
        self._lengths, self._total = bytearray(), 0
        self._ids: list[str] = []

    def add(self, id: str, text: str) -> None:
        """The next document."""
        counted = Counter(words(text))
        self._words.extend(self._numbers.setdefault(word, len(self._numbers)) for word in counted)
        self._counts.extend(min(count, 65_535) for count in counted.values())
        self._sizes.append(len(counted))
        self._lengths.append(encoded(counted.total()))
        self._total += counted.total()
        self._ids.append(id)

    def finish(self) -> Index:
        """The index of all documents added."""
        vocabulary = sorted(self._numbers, key=str.encode)
        letters = [word.encode() for word in vocabulary]
        place = np.empty(len(vocabulary), np.int32)  # a word's place by its number
        place[[self._numbers[word] for word in vocabulary]] = np.arange(len(vocabulary))
        starts, documents, counts = self._sorted(place)
        return Index(
            letters=np.frombuffer(b"".join(letters), np.uint8),
            ends=_bounds(np.fromiter(map(len, letters), np.int64)),
            starts=starts,
            documents=documents,
            counts=counts,
            lengths=np.frombuffer(bytes(self._lengths), np.uint8),
            ranks=ranked(self._ids),
            total=np.array(self._total),
        )

    def _sorted(
        self, place: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.uint16]]:
        """The postings by word, a block at a time: counting sort, in which documents keep their order."""
        counts = np.frombuffer(self._counts, np.uint16)
        numbers = np.frombuffer(self._words, np.uint32)
        ends = np.cumsum(np.frombuffer(self._sizes, np.uint32), dtype=np.int64)  # [N] in the order of adding
        sizes = np.zeros(len(place), np.int64)  # [W]
        for block in _blocks(len(numbers)):
            sizes += _counted(place[numbers[block]], len(place))
        starts = _bounds(sizes)
        sorted_documents, sorted_counts = np.empty(len(numbers), np.int32), np.empty(len(numbers), np.uint16)
        following = starts[:-1].copy()  # [W] where the next posting of a word goes
        for block in _blocks(len(numbers)):
            word = place[numbers[block]]
            order = np.argsort(word, kind="stable")
            target = following[word[order]] + _runs(word[order])
            documents = np.searchsorted(ends, np.arange(block.start, block.start + len(word)), side="right")
            sorted_documents[target], sorted_counts[target] = documents[order], counts[block][order]
            following += _counted(word, len(place))
        return starts, sorted_documents, sorted_counts


def encoded(length: int) -> int:
    """A document's length in one byte: exact up to 39; beyond, of the excess over 24 the four leading bits."""
    if length < 40:
        return length
    shift = (length - 24).bit_length() - 4
    return 24 + (shift + 1 << 3 | (length - 24 >> shift) & 7)


def _decoded(byte: int) -> int:
    if byte < 40:
        return byte
    shift, bits = divmod(byte - 24, 8)
    return 24 + ((bits | 8) << shift - 1)


LENGTHS: Floats32 = np.array([_decoded(byte) for byte in range(256)], np.float32)
"""The length that each byte stands for.  # [256]"""


def ranked(ids: list[str]) -> npt.NDArray[np.int32]:
    """Each id's place among all of them sorted.  # [N]"""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    ranks = np.empty(len(ids), np.int32)
    ranks[order] = np.arange(len(ids))
    return ranks


def mapped(path: Path) -> npt.NDArray[Any]:
    """A file's array, read as it is used; a plain array, of which slices are made faster than of a memmap."""
    return np.asarray(np.load(path, mmap_mode="r"))


def _blocks(length: int) -> list[slice]:
    return [slice(at, at + BLOCK) for at in range(0, length, BLOCK)]


def _counted(words: npt.NDArray[np.int32], most: int) -> npt.NDArray[np.int64]:
    return np.bincount(words, minlength=most)


def _bounds(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each of consecutive spans begins, and the last one ends.  # [n + 1]"""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _runs(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """How many equal values stand before each, in a sorted array."""
    at = np.arange(len(values))
    first = np.r_[True, values[1:] != values[:-1]] if len(values) else np.zeros(0, np.bool_)
    return at - np.maximum.accumulate(np.where(first, at, 0))
