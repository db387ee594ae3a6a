"""The library's policy: its text, and the same rules as a function of the database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from turngym.envs.tools.database import Database, Record
from turngym.envs.tools.domain import Call
from turngym.envs.tools.library.stock import TODAY

LOANS = {"child": 3, "adult": 5, "student": 8}
HOLDS, RENEWALS = 3, 2
OWED, WAIVED = Decimal("5.00"), Decimal("2.00")

POLICY = f"""# The desk of the city library

Today is {TODAY}. You serve the member at the desk: you lend, renew, place and cancel holds, settle fines, renew
cards, change contact data and answer questions about the member's own account and the catalogue.

- Find the member by name and date of birth before anything else.
- The tools do not know the rules below: check a wish against them before you call the tool that grants it.
- Grant what the rules allow, and nothing that was not wished for.
- A wish that a rule forbids you refuse, and you say which: "rule 3", say. Where several forbid it, name the one
  with the lowest number. Name a rule for no other purpose.
- Of several wishes each is judged when its turn comes: a paid fine or a renewed card counts from then on.
- Proposals of purchases, complaints, lost cards and lost items are the librarian's: hand the member over.

Rule 1. Only the member's own account: nothing is done to the loans, holds, fines or data of others.
Rule 2. With an expired card nothing is lent, renewed or held. (The card's last day is still valid.)
Rule 3. Who owes more than {OWED} gets nothing lent, renewed or held, and no new card.
Rule 4. A child has at most {LOANS["child"]} loans, an adult {LOANS["adult"]}, a student {LOANS["student"]};
        nobody has more than {HOLDS} holds.
Rule 5. Reference works are neither lent nor held.
Rule 6. A title with an age limit is neither lent to nor held for a younger member.
Rule 7. A loan is renewed {RENEWALS} times at most, not when it is overdue, and not while another member has a
        hold on the title.
Rule 8. What is on the shelf is lent and not held; what is not there is held and not lent.
Rule 9. A fine is waived only as a whole, and only where no more than {WAIVED} is owed.
"""

RULES = tuple(f"rule {number}" for number in range(1, 10))
"""How a rule is named when something is refused."""

_NEEDS_CARD = frozenset({"lend", "renew_loan", "place_hold"})


def forbids(database: Database, visitor: str, call: Call) -> int | None:
    """The lowest rule against this call for the member at the desk, or `None` where it is allowed."""
    member = database.get("members", visitor)
    rules = (
        _whose(database, call) != visitor,
        call.name in _NEEDS_CARD and date.fromisoformat(member["card_expires"]) < TODAY,
        call.name in {*_NEEDS_CARD, "renew_card"} and Decimal(member["owes"]) > OWED,
        _too_many(database, member, call),
        _wants_title(call) and _title(database, call)["kind"] == "reference",
        _wants_title(call) and _title(database, call)["age"] > _age(member),
        call.name == "renew_loan" and not _renewable(database, visitor, call),
        _wants_title(call) and (call.name == "lend") != on_shelf(_title(database, call)),
        call.name == "waive_fine" and Decimal(member["owes"]) > WAIVED,
    )
    return next((number for number, broken in enumerate(rules, start=1) if broken), None)


def on_shelf(title: Record) -> bool:
    """Whether a copy of the title can be taken."""
    return "on the shelf" in title["copies"].values()


def _whose(database: Database, call: Call) -> str:
    """The member whose account the call touches."""
    if call.name == "renew_loan":
        return str(database.get("loans", call.arguments["copy_id"])["member_id"])
    if call.name == "cancel_hold":
        return str(database.get("holds", call.arguments["hold_id"])["member_id"])
    return str(call.arguments["member_id"])


def _wants_title(call: Call) -> bool:
    return call.name in ("lend", "place_hold")


def _title(database: Database, call: Call) -> Record:
    return database.get("titles", call.arguments["title_id"])


def _too_many(database: Database, member: Record, call: Call) -> bool:
    limits = {"lend": ("loans", LOANS[member["kind"]]), "place_hold": ("holds", HOLDS)}
    if call.name not in limits:
        return False
    table, limit = limits[call.name]
    return len(of_member(database, table, member["member_id"])) >= limit


def _renewable(database: Database, visitor: str, call: Call) -> bool:
    loan = database.get("loans", call.arguments["copy_id"])
    waiting = [
        hold
        for _, hold in database.rows("holds")
        if hold["title_id"] == loan["title_id"] and hold["member_id"] != visitor
    ]
    return loan["renewals"] < RENEWALS and date.fromisoformat(loan["due"]) >= TODAY and not waiting


def _age(member: Record) -> int:
    born = date.fromisoformat(member["born"])
    return TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))


def of_member(database: Database, table: str, member_id: str) -> list[Record]:
    """The loans or holds that a member has at present."""
    return [record for _, record in database.rows(table) if record["member_id"] == member_id]
