"""Pairs of a better and a worse answer to the same prompt, found in a step's samples by their advantages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, permutations
from typing import Literal

from turngym.core.samples import Sample

Level = Literal["turn", "episode"]
Choose = Literal["all", "extremes"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Tokens that were sampled after one context: a turn's reply, or all replies of an episode."""

    sample: int
    places: tuple[int, ...]
    """Of its tokens in the sample."""
    advantage: float
    """The mean over all that gave this answer to this context."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two answers to one context, the first with the higher advantage."""

    chosen: Answer
    rejected: Answer

    @property
    def gap(self) -> float:
        """How far apart their advantages are."""
        return self.chosen.advantage - self.rejected.advantage


def pairs(
    samples: Sequence[Sample], level: Level = "turn", choose: Choose = "all", margin: float = 0.0
) -> list[Pair]:
    """Pairs of answers whose advantages are more than `margin` apart, in the order of the samples.

    Answers compare where all tokens before them are equal: the same state, reached the same way, put in the same words,
    so that what a reference says of the prompt cancels in the loss. Equal answers count as one with the mean of their
    advantages. `turn` compares replies; `episode` compares samples from their first reply on, what the environment said
    in between being context. `extremes` takes of each context the best and the worst alone. Raises `ValueError` for a
    level or choice that there is not.
    """
    if level not in ("turn", "episode") or choose not in ("all", "extremes"):
        raise ValueError(
            f"level {level!r} and choose {choose!r}: level is 'turn' or 'episode', choose 'all' or 'extremes'"
        )
    found: dict[tuple[int, ...], dict[tuple[int, ...], list[Answer]]] = {}
    for number, sample in enumerate(samples):
        for answer in (_turns if level == "turn" else _whole)(number, sample):
            first, last = answer.places[0], answer.places[-1]
            replies = found.setdefault(tuple(sample.token_ids[:first]), {})
            replies.setdefault(tuple(sample.token_ids[first : last + 1]), []).append(answer)
    answers = ([_merged(equal) for equal in replies.values()] for replies in found.values())
    return [pair for rivals in answers for pair in _ranked(rivals, choose) if pair.gap > margin]


def _turns(number: int, sample: Sample) -> Iterator[Answer]:
    """A sample's replies, one for each turn."""
    for row, places in groupby(range(len(sample.row)), key=lambda place: sample.row[place]):
        if row >= 0:
            yield _answer(number, sample, places)


def _whole(number: int, sample: Sample) -> Iterator[Answer]:
    if sample.sampled:
        yield _answer(number, sample, (place for place, row in enumerate(sample.row) if row >= 0))


def _answer(number: int, sample: Sample, places: Iterable[int]) -> Answer:
    where = tuple(places)
    mean = sum(sample.advantages[place] for place in where) / len(where)
    return Answer(sample=number, places=where, advantage=mean)


def _merged(equal: Sequence[Answer]) -> Answer:
    """One for all of the same tokens."""
    mean = sum(answer.advantage for answer in equal) / len(equal)
    return Answer(sample=equal[0].sample, places=equal[0].places, advantage=mean)


def _ranked(rivals: Sequence[Answer], choose: Choose) -> Iterator[Pair]:
    if choose == "extremes" and rivals:
        best = max(rivals, key=lambda answer: answer.advantage)
        worst = min(rivals, key=lambda answer: answer.advantage)
        yield Pair(chosen=best, rejected=worst)
        return
    for one, other in permutations(rivals, 2):
        if one.advantage > other.advantage:
            yield Pair(chosen=one, rejected=other)
