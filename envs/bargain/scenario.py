"""What two parties negotiate: issues with options, what each option is worth to each party, and what they tell of it.

A deal names one option of every issue. Its utility to a party is the sum of the party's values of these options, the
additive model of multi-issue negotiation (Raiffa 1982, "The Art and Science of Negotiation").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product

Deal = tuple[int, ...]
"""An index of an option for each issue."""


@dataclass(frozen=True)
class Issue:
    """Something to agree on."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Argument:
    """Something a party can say for itself; it is made when its keyword is said."""

    keyword: str
    text: str


@dataclass(frozen=True)
class Persona:
    """How a party bargains when a script plays it."""

    haste: float
    """Exponent of the concession over time: below 1 it gives way early, above 1 late."""
    patience: int
    """So many turns in a row it waits for an offer that is better for it than all before; then it leaves."""
    moved_by: tuple[str, ...]
    """Keywords of the other party's arguments that count with it."""


@dataclass(frozen=True)
class Side:
    """A party and its private card."""

    name: str
    role: str
    goal: str
    values: tuple[tuple[int, ...], ...]
    """Points of every option of every issue."""
    reserve: int
    """Points of no deal."""
    notes: tuple[str, ...]
    """The values in words, a line an issue."""
    arguments: tuple[Argument, ...]
    persona: Persona

    def utility(self, deal: Deal) -> int:
        """The points of a deal."""
        return sum(values[option] for values, option in zip(self.values, deal, strict=True))


@dataclass(frozen=True, eq=False)
class Scenario:
    """One negotiation; either side may be played. Equal only to itself."""

    kind: str
    background: str
    issues: tuple[Issue, ...]
    sides: tuple[Side, Side]

    @cached_property
    def deals(self) -> tuple[Deal, ...]:
        """Every possible deal, in the order of the options."""
        return tuple(product(*(range(len(issue.options)) for issue in self.issues)))

    @cached_property
    def worth(self) -> tuple[dict[Deal, int], dict[Deal, int]]:
        """The points of every deal for each side."""
        one, other = ({deal: side.utility(deal) for deal in self.deals} for side in self.sides)
        return one, other

    @cached_property
    def content(self) -> str:
        """All that decides the task, as text, for digests."""
        return json.dumps(asdict(self), sort_keys=True)

    @cached_property
    def best(self) -> tuple[int, int]:
        """For each side the points of its best deal that is worth no less than no deal to the other."""
        return self._best(0), self._best(1)

    def _best(self, mine: int) -> int:
        enough = self.sides[1 - mine].reserve
        fair = (points for deal, points in self.worth[mine].items() if self.worth[1 - mine][deal] >= enough)
        return max(fair, default=self.sides[mine].reserve)

    def goal_score(self, mine: int, deal: Deal | None) -> float:
        """From 0, for no deal or one no better than that, to 10, for the best that the other side can agree to."""
        me = self.sides[mine]
        gain = 0 if deal is None else me.utility(deal) - me.reserve
        most = self.best[mine] - me.reserve
        return 10 * min(max(gain / most, 0.0), 1.0) if most > 0 else 0.0

    def written(self, deal: Deal) -> str:
        """A deal as it is offered: `price=120, delivery=monday`."""
        pairs = zip(self.issues, deal, strict=True)
        return ", ".join(f"{issue.name}={issue.options[option]}" for issue, option in pairs)

    def read(self, terms: Mapping[str, str]) -> Deal:
        """The deal of these terms, capitals aside. Raises `ValueError` that says which term is missing or wrong."""
        unknown = [name for name in terms if name not in {issue.name.lower() for issue in self.issues}]
        if unknown:
            raise ValueError(f"{unknown[0][:40]!r} is nothing to agree on; name {self._names()}")
        return tuple(_option(issue, terms) for issue in self.issues)

    def _names(self) -> str:
        return ", ".join(issue.name for issue in self.issues)


def _option(issue: Issue, terms: Mapping[str, str]) -> int:
    said = terms.get(issue.name.lower())
    known = [option.lower() for option in issue.options]
    if said in known:
        return known.index(said)
    problem = f"{issue.name} is missing" if said is None else f"{issue.name}={said[:40]} is not possible"
    raise ValueError(f"{problem}; it can be {listed(issue)}")


def listed(issue: Issue) -> str:
    """The options of an issue in words; a long row by its beginning and end."""
    options = issue.options
    if len(options) > 6:
        return f"{options[0]}, {options[1]}, ... {options[-1]}"
    return f"{', '.join(options[:-1])} or {options[-1]}"
