"""The copy-on-write database against plain deep copies."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.tools.database import GONE, Database, canonical

TABLES = {
    "users": {id: {"name": id, "age": 30, "cards": [{"balance": 1.5}]} for id in "abc"},
    "orders": {id: {"items": [1, 2], "status": "pending"} for id in "xyz"},
}
IDS = st.sampled_from([("users", id) for id in "abcd"] + [("orders", id) for id in "xyzw"])
DEEDS = st.lists(st.tuples(st.sampled_from(["edit", "put", "drop", "get"]), IDS, st.integers(0, 3)))


def slow(tables: dict[str, Any], deed: str, table: str, id: str, value: int) -> None:
    """What a deed does to plain dictionaries."""
    records = tables[table]
    if deed == "put":
        records[id] = {"new": value}
    elif deed == "edit":
        records[id]["value"] = value
    elif deed == "drop":
        del records[id]


def fast(database: Database, deed: str, table: str, id: str, value: int) -> None:
    if deed == "put":
        database.put(table, id, {"new": value})
    elif deed == "edit":
        database.edit(table, id)["value"] = value
    elif deed == "drop":
        database.drop(table, id)
    else:
        database.get(table, id)


@given(DEEDS)
def test_it_does_what_a_deep_copy_does(deeds: list[tuple[str, tuple[str, str], int]]) -> None:
    shared = copy.deepcopy(TABLES)
    tables, database = copy.deepcopy(TABLES), Database(shared)
    for deed, (table, id), value in deeds:
        if deed != "put" and id not in tables[table]:
            with pytest.raises(KeyError):
                fast(database, deed, table, id, value)
            continue
        slow(tables, deed, table, id, value)
        fast(database, deed, table, id, value)
        assert database.has(table, id) == (id in tables[table])
    assert {table: dict(database.rows(table)) for table in tables} == tables
    assert shared == TABLES
    assert (database.changes() == {}) == (canonical(tables) == canonical(TABLES))
    assert database.changes() == {
        (table, id): canonical(tables[table][id]) if id in tables[table] else GONE
        for table in TABLES
        for id in {*tables[table], *TABLES[table]}
        if tables[table].get(id) != TABLES[table].get(id)
    }


@given(DEEDS, DEEDS)
def test_digests_are_equal_where_the_changes_are(one: Any, other: Any) -> None:
    databases = Database(TABLES), Database(TABLES)
    for database, deeds in zip(databases, (one, other), strict=True):
        for deed, (table, id), value in deeds:
            if deed == "put" or database.has(table, id):
                fast(database, deed, table, id, value)
    left, right = databases
    assert (left.digest() == right.digest()) == (left.changes() == right.changes())


def test_a_change_taken_back_is_no_change() -> None:
    database = Database(TABLES)
    database.edit("users", "a")["age"] = 31
    assert [*database.changes()] == [("users", "a")]
    database.edit("users", "a")["age"] = 30
    assert database.changes() == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, "(('a', (True, None)), ('b', 1))"),
        ({"a": 5.0}, "(('a', 5.0),)"),
        ([], "()"),
        ({"a": "it's"}, "(('a', \"it's\"),)"),
    ],
)
def test_canonical_text_is_that_of_nested_sorted_tuples(value: Any, text: str) -> None:
    assert canonical(value) == text
