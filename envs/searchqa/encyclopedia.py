"""An encyclopedia of a land that does not exist, from a seed: 482 pages and 640 questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from turngym.envs import tasks
from turngym.envs.draw import Draw
from turngym.envs.searchqa.answers import normalised
from turngym.envs.searchqa.asking import KINDS, Asker
from turngym.envs.searchqa.corpus import Corpus, Question
from turngym.envs.searchqa.prose import write_page
from turngym.envs.searchqa.world import entities, make_world

SIZES = {"train": 480, "test": 160}
"""Questions of a split, as many of each kind."""


@lru_cache(maxsize=16)
def make_corpus(seed: int = 0) -> Corpus:
    """The encyclopedia of this seed: equal seeds give equal bytes, in every process and on every machine.

    No answer of one split is an answer of the other, but for yes and no. Raises `ValueError` for a seed below 0.
    """
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"corpus_seed={str(seed)[:100]}: choose a whole number of 0 or more")
    draw = Draw(seed, 0x5EA)
    world = make_world(draw)
    pages = {entity.name: write_page(entity, draw) for entity in entities(world)}
    titles = draw.some(pages, len(pages))
    splits = _splits(Asker(world, pages, draw))
    return Corpus(
        name=f"encyclopedia {seed}",
        passages={title: pages[title].sentences for title in titles},
        splits=splits,
    )


def _splits(asker: Asker) -> dict[str, tuple[Question, ...]]:
    wanted = {(split, kind): size // len(KINDS) for split, size in SIZES.items() for kind in KINDS}
    found: dict[tuple[str, str], list[Question]] = {place: [] for place in wanted}
    texts = set[str]()
    for question in _asked(asker):
        place = (split_of(question), question.kind)
        if question.text not in texts and len(found[place]) < wanted[place]:
            texts.add(question.text)
            found[place].append(question)
            if sum(map(len, found.values())) == sum(wanted.values()):
                break
    return {split: _numbered(split, (found[split, kind] for kind in KINDS)) for split in SIZES}


def _asked(asker: Asker) -> Iterable[Question]:
    while True:
        yield from (question for kind in KINDS if (question := asker.ask(kind)))


def _numbered(split: str, by_kind: Iterable[list[Question]]) -> tuple[Question, ...]:
    """The kinds in turn, so that a part of the split has all of them."""
    mixed = [question for row in zip(*by_kind, strict=True) for question in row]
    return tuple(replace(question, id=f"{split}-{number:03}") for number, question in enumerate(mixed))


def split_of(question: Question) -> str:
    """Told by the answer; by the text where the answer is yes or no."""
    key = question.text if question.kind == "yes or no" else normalised(question.answers[0])
    return tasks.split_of(key)
