"""The library's twelve tools: they keep the records consistent, and leave what is allowed to the policy."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any

from turngym.envs.tools.database import Database, Record
from turngym.envs.tools.library.rules import of_member
from turngym.envs.tools.library.stock import LOAN_DAYS, TODAY
from turngym.envs.tools.tool import Tool, Toolbox, ToolError

SUBJECTS = ("purchase", "complaint", "lost card", "lost item")
"""What the librarian takes care of."""

FOUND = 10
"""So many titles a search lists."""


def find_member(database: Database, name: str, born: str) -> str:
    """Find a member by name and date of birth (YYYY-MM-DD); answers the member id."""
    for id, member in database.rows("members"):
        if (member["name"].lower(), member["born"]) == (name.strip().lower(), born.strip()):
            return id
    raise ToolError("no member has this name and date of birth")


def get_member(database: Database, member_id: str) -> str:
    """A member's data, loans and holds."""
    member = _record(database, "members", member_id)
    lists = {
        table: [*map(_named(database), of_member(database, table, member_id))] for table in ("loans", "holds")
    }
    return json.dumps({**member, **lists})


def search_titles(database: Database, words: str) -> str:
    """Titles whose name, author and subject contain all the words, ten at most, with copies and number of holds."""
    wanted = words.lower().split()
    hits = (title for _, title in database.rows("titles") if all(word in _searched(title) for word in wanted))
    held = Counter(hold["title_id"] for _, hold in database.rows("holds"))
    return json.dumps([{**title, "holds": held[title["title_id"]]} for title in islice(hits, FOUND)])


def lend(database: Database, member_id: str, title_id: str) -> str:
    """Lend the member the first copy of a title that is on the shelf."""
    _record(database, "members", member_id)
    title = _record(database, "titles", title_id)
    copy = next((copy for copy, place in title["copies"].items() if place == "on the shelf"), None)
    if copy is None:
        raise ToolError(f"no copy of {title_id} is on the shelf")
    database.edit("titles", title_id)["copies"][copy] = "on loan"
    due = str(TODAY + timedelta(days=LOAN_DAYS.get(title["kind"], 21)))
    loan = {"copy_id": copy, "title_id": title_id, "member_id": member_id, "due": due, "renewals": 0}
    database.put("loans", copy, loan)
    return json.dumps(loan)


def renew_loan(database: Database, copy_id: str) -> str:
    """Extend the loan of a copy: the full time again, from today."""
    title = _record(database, "titles", _record(database, "loans", copy_id)["title_id"])
    loan = database.edit("loans", copy_id)
    loan["due"] = str(TODAY + timedelta(days=LOAN_DAYS.get(title["kind"], 21)))
    loan["renewals"] += 1
    return json.dumps(loan)


def place_hold(database: Database, member_id: str, title_id: str) -> str:
    """Put the member on the waiting list of a title."""
    _record(database, "members", member_id)
    _record(database, "titles", title_id)
    id = f"{title_id}-{member_id}"
    if database.has("holds", id):
        raise ToolError(f"{member_id} has a hold on {title_id} already")
    hold = {"hold_id": id, "title_id": title_id, "member_id": member_id}
    database.put("holds", id, hold)
    return json.dumps(hold)


def cancel_hold(database: Database, hold_id: str) -> str:
    """Take a member off a waiting list."""
    _record(database, "holds", hold_id)
    database.drop("holds", hold_id)
    return f"The hold {hold_id} is cancelled."


def pay_fine(database: Database, member_id: str, amount: str) -> str:
    """Take a payment, as in 3.20, towards what the member owes."""
    owes, paid = Decimal(_record(database, "members", member_id)["owes"]), _money(amount)
    if not 0 < paid <= owes:
        raise ToolError(f"{member_id} owes {owes}; a payment is more than 0.00 and no more than that")
    member = database.edit("members", member_id)
    member["owes"] = str(owes - paid)
    return json.dumps(member)


def waive_fine(database: Database, member_id: str) -> str:
    """Strike out all that the member owes."""
    _record(database, "members", member_id)
    member = database.edit("members", member_id)
    member["owes"] = "0.00"
    return json.dumps(member)


def renew_card(database: Database, member_id: str) -> str:
    """Make the member's card valid for a year from today."""
    _record(database, "members", member_id)
    member = database.edit("members", member_id)
    member["card_expires"] = str(TODAY + timedelta(days=365))
    return json.dumps(member)


def change_contact(database: Database, member_id: str, field: str, value: str) -> str:
    """Change a member's email or phone."""
    _record(database, "members", member_id)
    member = database.edit("members", member_id)
    member[field] = value
    return json.dumps(member)


def hand_over(database: Database, member_id: str, subject: str) -> str:
    """Tell the librarian that the member comes next, and about what."""
    _record(database, "members", member_id)
    database.put("librarian", member_id, {"subject": subject})
    return "The librarian will see the member next."


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


MEMBER = _text("The member id, such as 'M1001'.")
TITLE = _text("The title id, such as 'T101'.")
COPY = _text("The copy id of a loan, such as 'C101-1'.")

TOOLS: tuple[tuple[Callable[..., str], Mapping[str, Any]], ...] = (
    (
        find_member,
        {"name": _text("First and last name."), "born": _text("Date of birth, as in '1990-04-05'.")},
    ),
    (get_member, {"member_id": MEMBER}),
    (search_titles, {"words": _text("Words of the title, the author or the subject.", minLength=1)}),
    (lend, {"member_id": MEMBER, "title_id": TITLE}),
    (renew_loan, {"copy_id": COPY}),
    (place_hold, {"member_id": MEMBER, "title_id": TITLE}),
    (cancel_hold, {"hold_id": _text("The hold id, such as 'T101-M1001'.")}),
    (pay_fine, {"member_id": MEMBER, "amount": _text("The amount, such as '3.20'.")}),
    (waive_fine, {"member_id": MEMBER}),
    (renew_card, {"member_id": MEMBER}),
    (
        change_contact,
        {
            "member_id": MEMBER,
            "field": _text("What to change.", enum=["email", "phone"]),
            "value": _text("The new value.", minLength=3, maxLength=100),
        },
    ),
    (hand_over, {"member_id": MEMBER, "subject": _text("What it is about.", enum=list(SUBJECTS))}),
)
"""Each tool's function and parameters; its description is the first line of its docstring."""


def toolbox(database: Database) -> Toolbox:
    """The tools over one database."""
    return Toolbox(
        Tool(
            name=function.__name__,
            description=(function.__doc__ or "").partition("\n")[0],
            function=partial(function, database),
            parameters=parameters,
        )
        for function, parameters in _SIGNED
    )


def _schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_SIGNED = tuple((function, _schema(properties)) for function, properties in TOOLS)


def _record(database: Database, table: str, id: str) -> Record:
    if not database.has(table, id):
        raise ToolError(f"there is no {table.removesuffix('s')} {id[:80]!r}")
    return database.get(table, id)


def _named(database: Database) -> Callable[[Record], Record]:
    """A loan or hold with its title's name."""
    return lambda record: {**record, "title": database.get("titles", record["title_id"])["title"]}


def _searched(title: Record) -> str:
    return f"{title['title']} {title['author']} {title['subject']}".lower()


def _money(amount: str) -> Decimal:
    found = _AMOUNT.fullmatch(amount.strip())
    if found is None:
        raise ToolError(f"{amount[:20]!r} is no amount; write it as in 3.20")
    return Decimal(found[1]).quantize(Decimal("0.01"))


_AMOUNT = re.compile(r"\$?(\d{1,6}(?:\.\d{1,2})?)", re.ASCII)
