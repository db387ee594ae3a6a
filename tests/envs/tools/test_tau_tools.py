"""The retail and airline tools: the recorded replays, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.envs.tools import shop
from tests.shared import shared

from turngym.benchmarks.agreement import rows
from turngym.benchmarks.conformance_tau import compare
from turngym.envs.tools.database import Database
from turngym.envs.tools.tau import airline, retail
from turngym.envs.tools.tau.files import load
from turngym.envs.tools.tau.tools import TauToolbox, toolbox

ITEMS = {"order_id": "#W2", "item_ids": ["i1"], "new_item_ids": ["i2"], "payment_method_id": shop.CARD}


@pytest.fixture
def database() -> Database:
    return Database(shop.tables())


@pytest.fixture
def box(database: Database) -> TauToolbox:
    return toolbox([shop.schema(name) for name in shop.PARAMETERS], retail.FUNCTIONS, database)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["retail", "airline"])
def test_every_recorded_replay_is_reproduced(name: str) -> None:
    record = json.loads(shared(f"data/tau_bench/{name}/oracle_replay.json").read_text())
    found = rows(compare(record, shared("data/tau_bench")))
    assert [row.kind for row in found] == ["observation", "database changed", "final state", "reward"]
    assert found[-1].cases == {"retail": 635, "airline": 50}[name]
    assert [row for row in found if row.mismatches] == []


def test_some_recorded_replays_are_reproduced() -> None:
    record = json.loads(shared("data/tau_bench/airline/oracle_replay.json").read_text())
    found = rows(compare({"test": record["test"][:12]}, shared("data/tau_bench")))
    assert [row for row in found if row.mismatches] == []


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("find_user_id_by_email", {"email": "ANN@example.com"}, "ann_1"),
        ("find_user_id_by_email", {"email": "x"}, "Error: user not found"),
        ("find_user_id_by_name_zip", {"first_name": "ann", "last_name": "LEE", "zip": "10001"}, "ann_1"),
        (
            "find_user_id_by_name_zip",
            {"first_name": "ann", "last_name": "lee", "zip": "1"},
            "Error: user not found",
        ),
        ("get_order_details", {"order_id": "W1"}, "Error: order not found"),
        ("get_product_details", {"product_id": "i1"}, "Error: product not found"),
        ("get_user_details", {"user_id": "ann"}, "Error: user not found"),
        ("list_all_product_types", {}, '{"Mug": "p1"}'),
        ("think", {"thought": "hm"}, ""),
        ("transfer_to_human_agents", {"summary": "hm"}, "Transfer successful"),
        ("calculate", {"expression": "1/3"}, "0.33"),
        (
            "cancel_pending_order",
            {"order_id": "#W2", "reason": "no longer needed"},
            "Error: non-pending order cannot be cancelled",
        ),
        ("cancel_pending_order", {"order_id": "#W1", "reason": "bored"}, "Error: invalid reason"),
        (
            "modify_pending_order_payment",
            {"order_id": "#W2", "payment_method_id": "x"},
            "Error: non-pending order cannot be modified",
        ),
        (
            "modify_pending_order_payment",
            {"order_id": "#W1", "payment_method_id": "x"},
            "Error: payment method not found",
        ),
        (
            "modify_pending_order_payment",
            {"order_id": "#W1", "payment_method_id": shop.CARD},
            "Error: the new payment method should be different from the current one",
        ),
        (
            "modify_pending_order_payment",
            {"order_id": "#W1", "payment_method_id": shop.GIFT},
            "Error: insufficient gift card balance to pay for the order",
        ),
        (
            "exchange_delivered_order_items",
            ITEMS | {"order_id": "#W1"},
            "Error: non-delivered order cannot be exchanged",
        ),
        ("exchange_delivered_order_items", ITEMS | {"item_ids": ["i9"]}, "Error: i9 not found"),
        ("exchange_delivered_order_items", ITEMS | {"item_ids": ["i1", "i1"]}, "Error: i1 not found"),
        (
            "exchange_delivered_order_items",
            ITEMS | {"new_item_ids": []},
            "Error: the number of items to be exchanged should match",
        ),
        (
            "exchange_delivered_order_items",
            ITEMS | {"new_item_ids": ["i3"]},
            "Error: new item i3 not found or available",
        ),
        (
            "exchange_delivered_order_items",
            ITEMS | {"payment_method_id": "x"},
            "Error: payment method not found",
        ),
        (
            "exchange_delivered_order_items",
            ITEMS | {"payment_method_id": shop.GIFT},
            "Error: insufficient gift card balance to pay for the price difference",
        ),
        (
            "modify_pending_order_items",
            ITEMS | {"order_id": "#W1", "payment_method_id": shop.GIFT},
            "Error: insufficient gift card balance to pay for the new item",
        ),
        (
            "return_delivered_order_items",
            {"order_id": "#W2", "item_ids": ["i2"], "payment_method_id": shop.CARD},
            "Error: some item not found",
        ),
        (
            "return_delivered_order_items",
            {"order_id": "#W2", "item_ids": ["i1"], "payment_method_id": "paypal_1"},
            "Error: payment method should be either the original payment method or a gift card",
        ),
        (
            "calculate",
            {},
            "Error: Calculate.invoke() missing 1 required positional argument: 'expression'",
        ),
        (
            "get_user_details",
            {},
            "Error: GetUserDetails.invoke() missing 1 required positional argument: 'user_id'",
        ),
        (
            "get_user_details",
            {"id": "ann_1"},
            "Error: GetUserDetails.invoke() got an unexpected keyword argument 'id'",
        ),
        ("get_user_details", {"user_id": ["ann_1"]}, "Error: unhashable type: 'list'"),
        ("find_user_id_by_email", {"email": 3}, "Error: 'int' object has no attribute 'lower'"),
        ("refund", {}, "Unknown action refund"),
    ],
)
def test_what_is_looked_up_or_refused_changes_nothing(
    box: TauToolbox, database: Database, name: str, arguments: dict[str, Any], answer: str
) -> None:
    assert box.call(name, arguments) == answer
    assert database.changes() == {}


def test_a_cancelled_order_is_refunded_to_the_gift_card_at_once(box: TauToolbox, database: Database) -> None:
    box.call("cancel_pending_order", {"order_id": "#W3", "reason": "ordered by mistake"})
    order = database.get("orders", "#W3")
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "ordered by mistake")
    assert order["payment_history"][1] == {
        "transaction_type": "refund",
        "amount": 12.4,
        "payment_method_id": shop.GIFT,
    }
    assert database.get("users", "ann_1")["payment_methods"][shop.GIFT]["balance"] == 14.4
    assert database.tables["users"]["ann_1"]["payment_methods"][shop.GIFT]["balance"] == 2.0


def test_modified_items_keep_the_unrounded_difference_and_exchanged_ones_the_rounded(
    box: TauToolbox, database: Database
) -> None:
    box.call("modify_pending_order_items", ITEMS | {"order_id": "#W1"})
    box.call("exchange_delivered_order_items", ITEMS)
    modified, exchanged = database.get("orders", "#W1"), database.get("orders", "#W2")
    assert modified["payment_history"][-1]["amount"] == 12.4 - 10.1 != 2.3
    assert modified["items"][0] | {"name": "Mug", "product_id": "p1"} == {
        "name": "Mug",
        "product_id": "p1",
        "item_id": "i2",
        "price": 12.4,
        "options": {"color": "red"},
    }
    assert modified["status"] == "pending (item modified)"
    assert exchanged["exchange_price_difference"] == 2.3


FLIGHTS = [
    {"flight_number": "HAT136", "date": "2024-05-20"},
    {"flight_number": "HAT039", "date": "2024-05-20"},
]
BOOKING = {
    "user_id": "mia_li_3668",
    "origin": "JFK",
    "destination": "SEA",
    "flight_type": "one_way",
    "cabin": "economy",
    "flights": FLIGHTS,
    "passengers": [{"first_name": "Mia", "last_name": "Li", "dob": "1990-04-05"}],
    "payment_methods": [{"payment_id": "credit_card_4421486", "amount": 255}],
    "total_baggages": 0,
    "nonfree_baggages": 0,
    "insurance": "no",
}
CHANGE = {
    "reservation_id": "4WQ150",
    "cabin": "economy",
    "flights": FLIGHTS,
    "payment_id": "gift_card_3576581",
}


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("get_reservation_details", {"reservation_id": "x"}, "Error: user not found"),
        ("cancel_reservation", {"reservation_id": "x"}, "Error: reservation not found"),
        ("search_direct_flight", {"origin": "JFK", "destination": "JFK", "date": "2024-05-20"}, "[]"),
        ("search_onestop_flight", {"origin": "JFK", "destination": "SEA", "date": "2030-05-20"}, "[]"),
        ("book_reservation", BOOKING | {"user_id": "x"}, "Error: user not found"),
        (
            "book_reservation",
            BOOKING | {"flights": [{"flight_number": "HAT999"}]},
            "Error: flight HAT999 not found",
        ),
        ("book_reservation", BOOKING | {"flights": [{"flight_number": "HAT136"}]}, "Error: 'date'"),
        (
            "book_reservation",
            BOOKING | {"flights": [{"flight_number": "HAT136", "date": "2030-01-01"}]},
            "Error: flight HAT136 not found on date 2030-01-01",
        ),
        (
            "book_reservation",
            BOOKING | {"flights": [{"flight_number": "HAT136", "date": "2024-05-01"}]},
            "Error: flight HAT136 not available on date 2024-05-01",
        ),
        (
            "book_reservation",
            BOOKING | {"passengers": BOOKING["passengers"] * 99},
            "Error: not enough seats on flight HAT136",
        ),
        ("book_reservation", BOOKING | {"cabin": "first"}, "Error: 'first'"),
        (
            "book_reservation",
            BOOKING | {"payment_methods": [{"payment_id": "x", "amount": 1}]},
            "Error: payment method x not found",
        ),
        (
            "book_reservation",
            BOOKING | {"payment_methods": [{"payment_id": "certificate_7504069", "amount": 255}]},
            "Error: not enough balance in payment method certificate_7504069",
        ),
        (
            "book_reservation",
            BOOKING | {"insurance": "yes"},
            "Error: payment amount does not add up, total price is 285, but paid 255",
        ),
        ("update_reservation_flights", CHANGE | {"reservation_id": "x"}, "Error: reservation not found"),
        ("update_reservation_flights", CHANGE | {"payment_id": "x"}, "Error: payment method not found"),
        (
            "update_reservation_flights",
            CHANGE | {"cabin": "business"},
            "Error: not enough seats on flight HAT136",
        ),
        (
            "update_reservation_baggages",
            {"reservation_id": "4WQ150", "total_baggages": 9, "nonfree_baggages": 99, "payment_id": "x"},
            "Error: payment method not found",
        ),
        (
            "update_reservation_passengers",
            {"reservation_id": "4WQ150", "passengers": []},
            "Error: number of passengers does not match",
        ),
        ("send_certificate", {"user_id": "x", "amount": 50}, "Error: user not found"),
    ],
)
def test_what_the_airline_refuses_changes_nothing(name: str, arguments: dict[str, Any], answer: str) -> None:
    data = load("airline", shared("data/tau_bench"))
    database = Database(data.tables)
    assert toolbox(data.schemas, airline.FUNCTIONS, database).call(name, arguments) == answer
    assert database.changes() == {}


def test_a_booking_takes_the_next_free_id_and_a_fourth_certificate_is_not_given() -> None:
    data = load("airline", shared("data/tau_bench"))
    database = Database(data.tables)
    box = toolbox(data.schemas, airline.FUNCTIONS, database)
    ids = [json.loads(box.call("book_reservation", BOOKING))["reservation_id"] for _ in range(2)]
    assert ids == ["HATHAT", "HATHAU"]
    assert database.get("users", "mia_li_3668")["reservations"][-2:] == ids
    answers = [box.call("send_certificate", {"user_id": "mia_li_3668", "amount": 50}) for _ in range(4)]
    assert answers[0] == "Certificate certificate_3221322 added to user mia_li_3668 with amount 50."
    assert answers[3] == "None"
