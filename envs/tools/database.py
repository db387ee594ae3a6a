"""A database whose records are shared by all episodes until an episode changes one."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

Record = dict[str, Any]
Tables = Mapping[str, Mapping[str, Record]]
"""Records by table and id; never changed, since every episode reads them."""


GONE = "gone"


class Database:
    """Tables as one episode sees them: the shared records, and its own copies of those it edits.

    A record that `get` or `rows` gives is for reading; one that `edit` gives may be changed, and only until
    the next call. So a reset costs nothing and two databases are compared by what changed alone.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._own: dict[str, dict[str, Record | None]] = {name: {} for name in tables}
        self._changes: dict[tuple[str, str], str] | None = {}

    def has(self, table: str, id: Any) -> bool:
        """Whether the table has a record of that id."""
        own = self._own[table]
        return own[id] is not None if id in own else id in self.tables[table]

    def get(self, table: str, id: str) -> Record:
        """A record to read; raises `KeyError` where there is none."""
        record = self._own[table].get(id, self.tables[table].get(id))
        if record is None:
            raise KeyError(id)
        return record

    def edit(self, table: str, id: str) -> Record:
        """A record to change; raises `KeyError` where there is none."""
        self._changes = None
        record = self.get(table, id)
        if id not in self._own[table]:
            self._own[table][id] = record = copy.deepcopy(record)
        return record

    def put(self, table: str, id: str, record: Record) -> None:
        """Add a record, or replace the one of that id."""
        self._changes = None
        self._own[table][id] = record

    def drop(self, table: str, id: str) -> None:
        """Remove a record; raises `KeyError` where there is none."""
        self.get(table, id)
        self._changes = None
        self._own[table][id] = None

    def rows(self, table: str) -> Iterator[tuple[str, Record]]:
        """Ids and records: the shared ones in their order, then those added."""
        own, base = self._own[table], self.tables[table]
        for id, shared in base.items():
            if (record := own.get(id, shared)) is not None:
                yield id, record
        for id, added in own.items():
            if added is not None and id not in base:
                yield id, added

    def changes(self) -> dict[tuple[str, str], str]:
        """The canonical text of every record, by (table, id), that differs; `GONE` where it was removed."""
        if self._changes is None:
            self._changes = {
                (table, id): text
                for table, own in self._own.items()
                for id, record in own.items()
                if (text := _text(record)) != _text(self.tables[table].get(id))
            }
        return self._changes

    def digest(self) -> str:
        """Sixteen hexadecimal digits that are equal for equal changes, in every process."""
        text = "\n".join(f"{table} {id} {text}" for (table, id), text in sorted(self.changes().items()))
        return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]


def _text(record: Record | None) -> str:
    return GONE if record is None else canonical(record)


def canonical(value: Any) -> str:
    """Text of a JSON value that does not depend on the order of keys: the `str` of nested sorted tuples.

    5 and 5.0 differ in it, as do 1 and true.
    """
    return str(_frozen(value))


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((key, _frozen(item)) for key, item in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return value
