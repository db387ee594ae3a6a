"""A visit to the desk made from a seed: who comes, what they wish, and what the right answer is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from turngym.core.seeding import derive_seed
from turngym.envs.tools.database import Database, Record, Tables
from turngym.envs.tools.domain import Call, Fact, Part, Request, Script
from turngym.envs.tools.library.rules import RULES, forbids, of_member
from turngym.envs.tools.library.stock import LEVELS, Level, branch
from turngym.envs.tools.library.tools import SUBJECTS, toolbox

BRANCHES = 200
"""So many branches a split has; visits are spread over them."""
REFUSED = 0.4
"""The share of wishes that are drawn until a rule forbids them."""
TRIES = 40
IDENTITY = frozenset({"name", "born", "birth", "birthday", "date", "who", "identify", "identity"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """Something a visitor wants, with the calls that look into it and the one that grants it."""

    words: str
    """As the visitor says it."""
    lookups: tuple[Call, ...] = ()
    call: Call | None = None
    answer: str = ""
    """Of a question: what has to be said."""


Maker = Callable[["_Visit"], Wish | None]
"""Draws a wish of one kind; `None` where the branch offers none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Visit:
    """What a wish is drawn from."""

    chance: random.Random
    database: Database
    member: Record
    level: Level

    def title(self) -> Record:
        return self.chance.choice([title for _, title in self.database.rows("titles")])

    def records(self, table: str) -> list[Record]:
        """Mostly the visitor's own loans or holds, at times somebody else's."""
        own = of_member(self.database, table, self.member["member_id"])
        if own and self.chance.random() < 0.8:
            return own
        return [record for _, record in self.database.rows(table)]

    def asked(self, title: Record) -> tuple[str, tuple[Call, ...]]:
        """How the visitor names a title, and the search that finds it.

        That is its name, or author and subject where no other title has the same.
        """
        described = f"{title['author']} {title['subject']}"
        alike = [
            other
            for _, other in self.database.rows("titles")
            if f"{other['author']} {other['subject']}" == described
        ]
        if self.level.described and len(alike) == 1 and self.chance.random() < 0.5:
            return f"the title on {title['subject']} by {title['author']}", _search(described)
        return f"'{title['title']}'", _search(title["title"])

    def member_now(self) -> Record:
        """The visitor's record after the wishes so far."""
        return self.database.get("members", self.member["member_id"])


def tables_of(level: str, split: str, number: int) -> Tables:
    """The branch that a visit goes to; the splits have no branch in common."""
    return branch(LEVELS[level], derive_seed(split, level, number % BRANCHES))


def visit(level: str, split: str, number: int) -> Request:
    """The visit of that number, equal for equal arguments."""
    chance = random.Random(derive_seed("visit", split, level, number))
    database = Database(tables_of(level, split, number))
    member = chance.choice([record for _, record in database.rows("members")])
    setting = _Visit(chance=chance, database=database, member=member, level=LEVELS[level])
    wishes: list[Wish] = []
    parts = [Part(words="May I have your name and date of birth?", spoken_only=True)]
    for _ in range(chance.randint(*LEVELS[level].wishes)):
        wish, rule = _drawn(setting, wishes)
        parts.append(_granted(setting, wish, rule, first=not wishes))
        wishes.append(wish)
    return _request(f"{level}-{split}-{number:06}", member, wishes, parts)


def _drawn(setting: _Visit, former: list[Wish]) -> tuple[Wish, int | None]:
    """A wish unlike the former ones, and the rule that forbids it; forbidden or not as was drawn before."""
    refused = setting.chance.random() < REFUSED
    drawn: list[tuple[Wish, int | None]] = []
    while len(drawn) < TRIES:
        wish = setting.chance.choices(_MAKERS, _WEIGHTS)[0](setting)
        if wish is None or wish.words in {other.words for other in former}:
            continue
        rule = forbids(setting.database, setting.member["member_id"], wish.call) if wish.call else None
        drawn.append((wish, rule))
        if (rule is not None) == refused:
            break
    return drawn[-1]


def _granted(setting: _Visit, wish: Wish, rule: int | None, *, first: bool) -> Part:
    """What the desk does about a wish; a granted one is carried out, so that the next sees it."""
    calls = [*(_identified(setting.member) if first else ()), *wish.lookups]
    if rule is None and wish.call:
        toolbox(setting.database).call(wish.call.name, wish.call.arguments)
        calls.append(wish.call)
    words = f"I am sorry, {RULES[rule - 1]} forbids that." if rule else f"Done. {wish.answer}".strip()
    return Part(calls=tuple(calls), words=words, outputs=(RULES[rule - 1],) if rule else _outputs(wish))


def _outputs(wish: Wish) -> tuple[str, ...]:
    return (wish.answer,) if wish.answer else ()


def _request(id: str, member: Record, wishes: list[Wish], parts: list[Part]) -> Request:
    who = f"I am {member['name']}, born on {member['born']}."
    said = {output for part in parts for output in part.outputs}
    numbered = " ".join(f"{number}. {wish.words}" for number, wish in enumerate(wishes, start=1))
    return Request(
        id=id,
        instruction=f"{who} My wishes, in this order: {numbered} What is refused I accept.",
        parts=tuple(parts),
        unsaid=tuple(rule for rule in RULES if rule not in said),
        script=Script(wishes=tuple(wish.words for wish in wishes), facts=(Fact(words=IDENTITY, text=who),)),
    )


def _identified(member: Record) -> tuple[Call, ...]:
    return (
        _call("find_member", name=member["name"], born=member["born"]),
        _call("get_member", member_id=member["member_id"]),
    )


def _search(words: str) -> tuple[Call, ...]:
    return (_call("search_titles", words=words),)


def _call(tool: str, **arguments: str) -> Call:
    return Call(name=tool, arguments=arguments)


# Kinds of wishes


def _borrow(setting: _Visit) -> Wish:
    title = setting.title()
    named, lookups = setting.asked(title)
    call = _call("lend", member_id=setting.member["member_id"], title_id=title["title_id"])
    return Wish(words=f"I would like to borrow {named}.", lookups=lookups, call=call)


def _hold(setting: _Visit) -> Wish | None:
    title, id = setting.title(), setting.member["member_id"]
    if setting.database.has("holds", f"{title['title_id']}-{id}"):
        return None
    named, lookups = setting.asked(title)
    call = _call("place_hold", member_id=id, title_id=title["title_id"])
    return Wish(words=f"Please put me on the waiting list for {named}.", lookups=lookups, call=call)


def _renew(setting: _Visit) -> Wish | None:
    if not (loans := setting.records("loans")):
        return None
    loan = setting.chance.choice(loans)
    name = setting.database.get("titles", loan["title_id"])["title"]
    words = f"Please renew the loan of '{name}', copy {loan['copy_id']}."
    return Wish(words=words, lookups=_search(name), call=_call("renew_loan", copy_id=loan["copy_id"]))


def _cancel(setting: _Visit) -> Wish | None:
    if not (holds := setting.records("holds")):
        return None
    hold = setting.chance.choice(holds)
    title = setting.database.get("titles", hold["title_id"])
    words = f"Please cancel the hold {hold['hold_id']} on '{title['title']}'."
    return Wish(words=words, call=_call("cancel_hold", hold_id=hold["hold_id"]))


def _pay(setting: _Visit) -> Wish | None:
    owes = setting.member_now()["owes"]
    if owes == "0.00":
        return None
    amount = setting.chance.choice((owes, "1.00"))
    call = _call("pay_fine", member_id=setting.member["member_id"], amount=amount)
    return Wish(words=f"I would like to pay {amount} of what I owe.", call=call)


def _waive(setting: _Visit) -> Wish | None:
    if setting.member_now()["owes"] == "0.00":
        return None
    call = _call("waive_fine", member_id=setting.member["member_id"])
    return Wish(words="Could you strike out my fine? It was only an oversight.", call=call)


def _card(setting: _Visit) -> Wish:
    call = _call("renew_card", member_id=setting.member["member_id"])
    return Wish(words="Please renew my card.", call=call)


def _contact(setting: _Visit) -> Wish:
    first, digits = setting.member["name"].split()[0].lower(), setting.chance.randint(1000, 9999)
    field, value = setting.chance.choice(
        (("email", f"{first}{digits}@example.org"), ("phone", f"555-{digits}"))
    )
    call = _call("change_contact", member_id=setting.member["member_id"], field=field, value=value)
    return Wish(words=f"My {field} is {value} from now on, please note that.", call=call)


_LIBRARIAN = {
    "purchase": "I would like to propose a book that you do not have.",
    "complaint": "I want to complain about the noise in the reading room.",
    "lost card": "I have lost my card.",
    "lost item": "I have lost one of the books that I borrowed.",
}


def _librarian(setting: _Visit) -> Wish:
    subject = setting.chance.choice(SUBJECTS)
    call = _call("hand_over", member_id=setting.member["member_id"], subject=subject)
    return Wish(words=_LIBRARIAN[subject], call=call)


def _ask_due(setting: _Visit) -> Wish | None:
    loans = of_member(setting.database, "loans", setting.member["member_id"])
    if not loans:
        return None
    loan = setting.chance.choice(loans)
    title = setting.database.get("titles", loan["title_id"])
    return Wish(words=f"When is '{title['title']}', copy {loan['copy_id']}, due?", answer=loan["due"])


def _ask_account(setting: _Visit) -> Wish:
    member = setting.member_now()
    questions = {
        "How much do I owe?": member["owes"],
        "Until when is my card valid?": member["card_expires"],
        "Which email do you have of me?": member["email"],
    }
    question = setting.chance.choice([*questions])
    return Wish(words=question, answer=questions[question])


def _ask_author(setting: _Visit) -> Wish:
    title = setting.title()
    words = f"Who wrote '{title['title']}'?"
    return Wish(words=words, lookups=_search(title["title"]), answer=title["author"])


_KINDS: tuple[tuple[Maker, int], ...] = (
    (_borrow, 5),
    (_hold, 3),
    (_renew, 4),
    (_cancel, 2),
    (_pay, 2),
    (_waive, 2),
    (_card, 2),
    (_contact, 1),
    (_librarian, 1),
    (_ask_due, 1),
    (_ask_account, 1),
    (_ask_author, 1),
)
"""Every kind of wish and how often it is drawn."""
_MAKERS = [maker for maker, _ in _KINDS]
_WEIGHTS = [weight for _, weight in _KINDS]
