"""Who is in the shop: episodes by an id that nobody can guess, so many at most, each until it is forgotten."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from turngym.core.errors import UserError
from turngym.envs.webshop.session import Session


class ShopFull(UserError, RuntimeError):
    """No room for another visit."""


@dataclass(kw_only=True, slots=True)
class Visit:
    """One episode that is played in a browser."""

    session: Session
    turn: int = 0
    """How many actions were taken."""
    seen: float = 0.0
    """When it was last looked at."""


class Visits:
    """At most `most` visits at a time. One that is not looked at for `idle` seconds ends.

    Where all places are taken the finished visit that was looked at least recently makes room; visits that are
    under way are left alone.
    """

    def __init__(self, most: int, idle: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._idle, self._clock = most, idle, clock
        self._visits: OrderedDict[str, Visit] = OrderedDict()  # the one looked at least recently first

    def __len__(self) -> int:
        return len(self._visits)

    def begin(self, session: Session) -> str:
        """The id of a new visit. Raises `ShopFull`."""
        self._forget()
        if len(self._visits) >= self._most and not self._make_room():
            raise ShopFull(f"all {self._most} places in the shop are taken: come again in a few minutes")
        id = secrets.token_urlsafe(16)
        self._visits[id] = Visit(session=session, seen=self._clock())
        return id

    def find(self, id: str) -> Visit | None:
        """The visit, which is thereby looked at; `None` where it ended or never was."""
        self._forget()
        if visit := self._visits.get(id):
            visit.seen = self._clock()
            self._visits.move_to_end(id)
        return visit

    def _forget(self) -> None:
        """Ends the visits that nobody looks at; they come first."""
        oldest = self._clock() - self._idle
        while self._visits and next(iter(self._visits.values())).seen < oldest:
            self._visits.popitem(last=False)

    def _make_room(self) -> bool:
        over = next((id for id, visit in self._visits.items() if visit.session.done), None)
        return over is not None and bool(self._visits.pop(over))
