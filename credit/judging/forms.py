"""Forms: how a judge is told to answer, and how its answer is read.

A form never guesses. What is not in the form that was asked for is `Unscored`, with the reason.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from turngym.core.registry import Registry
from turngym.credit.judging.verdict import Scored, Unscored, Verdict

NUMBER = r"[-+]?\d+(?:\.\d+)?"


class Form(Protocol):
    """A way to answer: a frozen dataclass that says it and reads it."""

    @property
    def instruction(self) -> str:
        """What the judge is told about its answer."""
        ...

    def read(self, text: str) -> Verdict:
        """The verdict in an answer; never raises."""
        ...


@dataclass(frozen=True, kw_only=True)
class Grade:
    """Generative: the judge reasons, then ends with a line `Score: 7/10`; the last such line counts.

    PPR's judge (Xu et al. 2025, arXiv 2509.25598) answers so: the reward is score over maximum.
    """

    criteria: str = "How good is it?"
    """What the grade is for; PPR's principles go here."""
    best: float = 10.0
    """The highest grade; 0 is the lowest."""

    def __post_init__(self) -> None:
        if not 0 < self.best < math.inf:
            raise ValueError(f"best is {self.best}; choose a positive number of points")

    @property
    def instruction(self) -> str:
        return f"{self.criteria}\nReason briefly, then end with one line: Score: x/{self.best:g}"

    def read(self, text: str) -> Verdict:
        found = _last_line(rf"\W*score\W*?({NUMBER})\s*/\s*({NUMBER})\W*", text)
        if found is None:
            return malformed(text, f"has no line 'Score: x/{self.best:g}'")
        score, best = map(float, found.groups())
        if best != self.best or not 0 <= score <= best:
            return malformed(text, f"grades {score:g}/{best:g} where 0 to {self.best:g} was asked for")
        return Scored(score / best)


@dataclass(frozen=True, kw_only=True)
class YesNo:
    """Discriminative: one word, which scores 1 or 0, or its probability."""

    question: str = "Is it good?"
    weighed: bool = False
    """Score P(yes) / (P(yes) + P(no)), from a model that tells the probabilities of its words."""

    @property
    def instruction(self) -> str:
        return f"{self.question}\nAnswer with one word: yes or no."

    @property
    def choices(self) -> tuple[str, str]:
        """The words whose probabilities are compared, the good one first."""
        return "yes", "no"

    def read(self, text: str) -> Verdict:
        word = text.strip().strip(".!*\"'`").lower()
        if word not in self.choices:
            return malformed(text, "is neither yes nor no")
        return Scored(float(word == "yes"))

    def weigh(self, probabilities: Mapping[str, float]) -> Verdict:
        """P(yes) over P(yes) + P(no)."""
        yes, no = (probabilities.get(word, 0.0) for word in self.choices)
        total = yes + no
        if not 0 < total < math.inf or min(yes, no) < 0:
            return malformed(str(dict(probabilities)), "gives neither yes nor no a probability")
        return Scored(yes / total)


@dataclass(frozen=True, kw_only=True)
class Preference:
    """Which of two episodes is better: a last line `Better: A`, `Better: B` or `Better: tie`. Scores P(A over B)."""

    question: str = "Which episode does the task better, A or B?"

    @property
    def instruction(self) -> str:
        return f"{self.question}\nReason briefly, then end with one line: Better: A, Better: B or Better: tie"

    def read(self, text: str) -> Verdict:
        found = _last_line(r"\W*better\W*?\b(a|b|tie)\W*", text)
        if found is None:
            return malformed(text, "has no line 'Better: A', 'Better: B' or 'Better: tie'")
        return Scored({"a": 1.0, "b": 0.0, "tie": 0.5}[found[1].lower()])


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """Items that hold or do not; the score is the share that holds. Every item must be answered."""

    items: Sequence[str]

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("a checklist has no items; give at least one")

    @property
    def instruction(self) -> str:
        return f'{_numbered(self.items)}\nAnswer with JSON alone, true or false for every item: {{"1": true, ...}}'

    def read(self, text: str) -> Verdict:
        answer = _object(text)
        if answer is None:
            return malformed(text, "holds no JSON object")
        held = [answer.get(str(number)) for number in range(1, len(self.items) + 1)]
        for number, one in enumerate(held, start=1):
            if not isinstance(one, bool):
                return malformed(text, f"says neither true nor false to item {number}")
        return Scored(sum(map(bool, held)) / len(held))


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """Criteria with points each; the score is the points given over the points there are."""

    criteria: dict[str, float]
    """A criterion and its most points; 0 is its least."""

    def __post_init__(self) -> None:
        if not self.criteria or not all(0 < points < math.inf for points in self.criteria.values()):
            raise ValueError(f"a rubric needs criteria with positive points, but these are {self.criteria}")

    @property
    def instruction(self) -> str:
        lines = [f"{criterion} (0 to {points:g})" for criterion, points in self.criteria.items()]
        return f'{_numbered(lines)}\nAnswer with JSON alone, the points of every criterion: {{"1": 2, ...}}'

    def read(self, text: str) -> Verdict:
        answer = _object(text)
        if answer is None:
            return malformed(text, "holds no JSON object")
        given = [answer.get(str(number)) for number in range(1, len(self.criteria) + 1)]
        for (criterion, most), points in zip(self.criteria.items(), given, strict=True):
            if isinstance(points, bool) or not isinstance(points, int | float) or not 0 <= points <= most:
                return malformed(
                    text, f"gives {points!r} for {criterion!r} where 0 to {most:g} was asked for"
                )
        return Scored(min(1.0, sum(map(float, given)) / sum(self.criteria.values())))  # type: ignore[arg-type]


registry = Registry("judge_forms")
registry.register("grade", Grade)
registry.register("yes_no", YesNo)
registry.register("preference", Preference)
registry.register("checklist", Checklist)
registry.register("rubric", Rubric)


def malformed(text: str, fault: str) -> Unscored:
    """An answer that is not in the form, with its beginning."""
    shown = text if len(text) <= 80 else text[:80] + "…"
    return Unscored("malformed", f"the answer {shown!r} {fault}")


def _last_line(pattern: str, text: str) -> re.Match[str] | None:
    """The last line that is all the pattern, whatever its case; line by line, so that no answer takes long."""
    matches = (re.fullmatch(pattern, line, re.IGNORECASE) for line in reversed(text.splitlines()))
    return next((match for match in matches if match), None)


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object from the first brace of the text to its last."""
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
