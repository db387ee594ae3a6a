"""Passages and the questions that they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from turngym.envs.searchqa.library import Library


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence that a question needs."""

    title: str
    sentence: int
    """Its index in the passage of that title."""
    query: str
    """A search that somebody may make who knows the question and the facts before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One task."""

    id: str
    text: str
    answers: tuple[str, ...]
    """The answer, and other ways to write it."""
    kind: str
    """How it is reasoned, such as `bridge` or `comparison`."""
    facts: tuple[Fact, ...]
    """In the order in which they lead to the answer."""

    @property
    def content(self) -> str:
        """What decides the task, for digests."""
        return json.dumps([self.text, self.answers, [(fact.title, fact.sentence) for fact in self.facts]])


@dataclass(frozen=True, kw_only=True, eq=False)
class Corpus:
    """A collection and its questions, shared by all environments of a process."""

    name: str
    passages: Mapping[str, tuple[str, ...]]
    """Sentences by title."""
    splits: Mapping[str, tuple[Question, ...]]

    @cached_property
    def library(self) -> Library:
        """The index over the passages, built on first use."""
        return Library(self.passages)
