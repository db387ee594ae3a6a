"""Who answers every question of a corpus: search for the next fact, read it, answer."""

from __future__ import annotations

from functools import lru_cache

from turngym.envs.searchqa.corpus import Corpus, Fact, Question


@lru_cache(maxsize=65536)
def next_search(corpus: Corpus, fact: Fact, results: int) -> str | None:
    """The fact's own query, or its title, whichever lists its passage among the first results; else `None`."""
    for query in (fact.query, fact.title):
        if fact.title in corpus.library.search(query, results):
            return query
    return None


def missing_fact(question: Question, seen: dict[str, int]) -> Fact | None:
    """The first fact that has not been shown yet; `seen` counts the sentences shown of each title."""
    return next((fact for fact in question.facts if fact.sentence >= seen.get(fact.title, 0)), None)
