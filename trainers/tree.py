"""Sequences that begin alike as one prefix tree: every distinct prefix has one token, which is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]
"""First place and the one after the last."""

BLOCK = 256
"""Queries that look at their keys together; what a causal mask hides of a long sequence is skipped by the block."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A run of neighbouring queries of one sequence, and all that the last of them may look at."""

    queries: Span
    keys: tuple[Span, ...]
    """In the order of the sequence; the queries are the last of them."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A forest over sequences of tokens, laid out in one row of N places, children after their parents.

    A sequence is a path from a root: a few spans of places. Places in a span are neighbours in the sequence too.
    """

    token_ids: list[int]  # [N]
    depth: list[int]  # [N] position of the token in its sequences
    paths: list[tuple[Span, ...]]
    """Of each sequence, in the order they were given."""
    looks: list[Look]
    """Every place is a query of exactly one."""

    def places(self, sequence: int) -> list[int]:
        """Where the tokens of a sequence stand."""
        return [place for span in self.paths[sequence] for place in range(*span)]


def plant(sequences: Sequence[list[int]], block: int = BLOCK) -> Tree:
    """The tree of sequences of token ids.

    In sorted order a sequence shares its longest prefix with the one before it, so what is new of it is one span.
    """
    ids: list[int] = []
    depth: list[int] = []
    looks: list[Look] = []
    paths: list[tuple[Span, ...]] = [()] * len(sequences)
    before: list[int] = []
    path: tuple[Span, ...] = ()
    for number in sorted(range(len(sequences)), key=lambda number: sequences[number]):
        sequence = sequences[number]
        shared = common(before, sequence)
        trunk, first = head(path, shared), len(ids)
        ids += sequence[shared:]
        depth += range(shared, len(sequence))
        looks += [
            Look(queries=(start, stop), keys=joined(trunk, (first, stop)))
            for start, stop in _pieces(first, len(ids), block)
        ]
        before, path = sequence, joined(trunk, (first, len(ids)))
        paths[number] = path
    return Tree(token_ids=ids, depth=depth, paths=paths, looks=looks)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    length = min(len(one), len(other))
    return next((place for place in range(length) if one[place] != other[place]), length)


def head(path: Sequence[Span], length: int) -> tuple[Span, ...]:
    """The first `length` places of a path."""
    kept: list[Span] = []
    for start, stop in path:
        if length <= 0:
            break
        kept.append((start, min(stop, start + length)))
        length -= stop - start
    return tuple(kept)


def joined(path: tuple[Span, ...], more: Span) -> tuple[Span, ...]:
    """A path that goes on with another span, which becomes part of the last one where it follows it."""
    if more[0] == more[1]:
        return path
    if path and path[-1][1] == more[0]:
        return (*path[:-1], (path[-1][0], more[1]))
    return (*path, more)


def _pieces(start: int, stop: int, size: int) -> list[Span]:
    return list(pairwise([*range(start, stop, size), stop]))


def groves(sequences: Sequence[list[int]], max_tokens: int) -> list[list[int]]:
    """Which sequences go through the model together: their tree has at most `max_tokens` places, or is one sequence.

    Neighbours in sorted order stay together, so that little is computed twice.
    """
    packs: list[list[int]] = []
    before: list[int] = []
    size = 0
    for number in sorted(range(len(sequences)), key=lambda number: sequences[number]):
        sequence = sequences[number]
        new = len(sequence) - common(before, sequence)
        if not packs or size + new > max_tokens:
            packs.append([])
            size, new = 0, len(sequence)
        packs[-1].append(number)
        before, size = sequence, size + new
    return packs
