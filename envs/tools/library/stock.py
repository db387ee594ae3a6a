"""A branch of the library made from a seed: members, titles, loans and holds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import product

from turngym.core.seeding import derive_seed
from turngym.envs.tools.database import Record, Tables
from turngym.envs.tools.library.vocabulary import FIRST, LAST, QUALITIES, SUBJECTS, THINGS

TODAY = date(2026, 3, 9)
LOAN_DAYS = {"book": 21, "film": 7, "game": 7}
"""How long each kind is lent; reference works are not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """How hard requests are: the branch's size and how many wishes a visitor has."""

    titles: int
    members: int
    wishes: tuple[int, int]
    """The fewest and the most."""
    described: bool
    """Whether a title may be asked for by author and subject instead of by name."""


LEVELS = {
    "easy": Level(titles=12, members=8, wishes=(1, 1), described=False),
    "medium": Level(titles=40, members=24, wishes=(2, 2), described=True),
    "hard": Level(titles=120, members=60, wishes=(3, 4), described=True),
}

KINDS = ("book", "book", "book", "book", "film", "game", "reference")
AGES = (0, 0, 0, 0, 12, 16)


@lru_cache(maxsize=256)
def branch(level: Level, seed: int) -> Tables:
    """The tables of a branch; equal for equal seeds, and shared by the episodes that visit it."""
    chance = random.Random(derive_seed("library", seed))
    titles = _titles(level, chance)
    members = _members(level, chance)
    loans = _loans(titles, members, chance)
    return {
        "members": members,
        "titles": titles,
        "loans": loans,
        "holds": _holds(titles, members, chance),
        "librarian": {},
    }


def _titles(level: Level, chance: random.Random) -> dict[str, Record]:
    names = chance.sample([*product(QUALITIES, THINGS)], level.titles)
    authors = [" ".join(pair) for pair in chance.sample([*product(FIRST, LAST)], max(4, level.titles // 3))]
    titles = {}
    for number, (quality, thing) in enumerate(names, start=101):
        kind = chance.choice(KINDS)
        titles[f"T{number}"] = {
            "title_id": f"T{number}",
            "title": f"The {quality} {thing}",
            "author": chance.choice(authors),
            "subject": chance.choice(SUBJECTS),
            "kind": kind,
            "age": 0 if kind == "reference" else chance.choice(AGES),
            "copies": {f"C{number}-{copy}": "on the shelf" for copy in range(1, chance.randint(1, 3) + 1)},
        }
    return titles


def _members(level: Level, chance: random.Random) -> dict[str, Record]:
    names = chance.sample([*product(FIRST, LAST)], level.members)
    return {
        f"M{number}": _member(f"M{number}", *name, chance) for number, name in enumerate(names, start=1001)
    }


def _member(id: str, first: str, last: str, chance: random.Random) -> Record:
    age = chance.choice((9, 11, 14, 15, 19, 23, 34, 41, 58, 70))
    expired = chance.random() < 0.2
    return {
        "member_id": id,
        "name": f"{first} {last}",
        "born": str(TODAY - timedelta(days=365 * age + age // 4 + chance.randint(1, 300))),
        "kind": "child" if age < 18 else "student" if age < 25 else "adult",
        "email": f"{first}.{last}{chance.randint(10, 99)}@example.com".lower(),
        "phone": f"555-{chance.randint(1000, 9999)}",
        "card_expires": str(
            TODAY + timedelta(days=chance.randint(-200, -1) if expired else chance.randint(5, 360))
        ),
        "owes": chance.choice(("0.00", "0.00", "0.00", "1.50", "2.00", "3.20", "5.00", "6.40", "9.10")),
    }


def _loans(titles: dict[str, Record], members: dict[str, Record], chance: random.Random) -> dict[str, Record]:
    """Loans by copy: about four in ten copies are out, some of them too long."""
    loans = {}
    for title in titles.values():
        for copy in title["copies"] if title["kind"] != "reference" else ():
            if chance.random() < 0.4:
                days = chance.choice((-9, -2, 1, 3, 5, 8, 12, 17))
                title["copies"][copy] = "on loan"
                loans[copy] = {
                    "copy_id": copy,
                    "title_id": title["title_id"],
                    "member_id": chance.choice([*members]),
                    "due": str(TODAY + timedelta(days=days)),
                    "renewals": chance.choice((0, 0, 1, 2)),
                }
    return loans


def _holds(titles: dict[str, Record], members: dict[str, Record], chance: random.Random) -> dict[str, Record]:
    """Holds by title and member, on titles of which no copy is on the shelf."""
    holds = {}
    for id, title in titles.items():
        wanted = "on the shelf" not in title["copies"].values() and chance.random() < 0.6
        for member in chance.sample([*members], chance.randint(1, 3)) if wanted else ():
            holds[f"{id}-{member}"] = {"hold_id": f"{id}-{member}", "title_id": id, "member_id": member}
    return holds
