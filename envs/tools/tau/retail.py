"""The rules of tau-bench's sixteen retail tools: what each changes, refuses and answers.

A refusal that the data shows is worded as there; the order of the checks decides which of several is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from turngym.envs.tools.database import Database, Record
from turngym.envs.tools.tau.tools import COMMON, answer, found, named
from turngym.envs.tools.tool import ToolError

REASONS = ("no longer needed", "ordered by mistake")


def find_user_id_by_email(database: Database, email: str) -> str:
    """The id of the first user with this email, in small or capital letters."""
    wanted = email.lower()
    for id, user in database.rows("users"):
        if user["email"].lower() == wanted:
            return id
    raise ToolError("user not found")


def find_user_id_by_name_zip(database: Database, first_name: str, last_name: str, zip: str) -> str:
    """The id of the first user with this name, in small or capital letters, and zip code."""
    for id, user in database.rows("users"):
        first, last = user["name"]["first_name"].lower(), user["name"]["last_name"].lower()
        if first == first_name.lower() and last == last_name.lower() and user["address"]["zip"] == zip:
            return id
    raise ToolError("user not found")


def get_user_details(database: Database, user_id: str) -> str:
    """The record of a user."""
    found(database, "users", user_id, "user")
    return answer(database.get("users", user_id))


def get_order_details(database: Database, order_id: str) -> str:
    """The record of an order."""
    found(database, "orders", order_id, "order")
    return answer(database.get("orders", order_id))


def get_product_details(database: Database, product_id: str) -> str:
    """The record of a product with all its variants."""
    found(database, "products", product_id, "product")
    return answer(database.get("products", product_id))


def list_all_product_types(database: Database) -> str:
    """Product ids by name, in order of the names."""
    named = {product["name"]: product["product_id"] for _, product in database.rows("products")}
    return answer(dict(sorted(named.items())))


def modify_user_address(
    database: Database,
    user_id: str,
    address1: str,
    address2: str,
    city: str,
    state: str,
    country: str,
    zip: str,
) -> str:
    """Replace a user's address."""
    found(database, "users", user_id, "user")
    user = database.edit("users", user_id)
    user["address"] = _address(address1, address2, city, state, country, zip)
    return answer(user)


def modify_pending_order_address(
    database: Database,
    order_id: str,
    address1: str,
    address2: str,
    city: str,
    state: str,
    country: str,
    zip: str,
) -> str:
    """Replace a pending order's address."""
    _need_status(database, order_id, "pending", "modified")
    order = database.edit("orders", order_id)
    order["address"] = _address(address1, address2, city, state, country, zip)
    return answer(order)


def cancel_pending_order(database: Database, order_id: str, reason: str) -> str:
    """Cancel a pending order and note the refunds; a gift card gets its money back at once."""
    _need_status(database, order_id, "pending", "cancelled")
    if reason not in REASONS:
        raise ToolError("invalid reason")
    order = database.edit("orders", order_id)
    refunds = []
    for payment in order["payment_history"]:
        paid, method = payment["amount"], payment["payment_method_id"]
        refunds.append(_transaction("refund", paid, method))
        if "gift_card" in method:
            _charge(database, order, method, -paid)
    order["payment_history"] += refunds
    order["status"] = "cancelled"
    order["cancel_reason"] = reason
    return answer(order)


def modify_pending_order_payment(database: Database, order_id: str, payment_method_id: str) -> str:
    """Note a payment by another method and the refund of the first; gift cards are charged and refunded."""
    _need_status(database, order_id, "pending", "modified")
    method = _payment_method(database, database.get("orders", order_id), payment_method_id)
    payments = database.get("orders", order_id)["payment_history"]
    if len(payments) > 1 or payments[0]["transaction_type"] != "payment":
        raise ToolError("there should be exactly one payment for a pending order")
    former, amount = payments[0]["payment_method_id"], payments[0]["amount"]
    if former == payment_method_id:
        raise ToolError("the new payment method should be different from the current one")
    if method["source"] == "gift_card" and method["balance"] < amount:
        raise ToolError("insufficient gift card balance to pay for the order")
    order = database.edit("orders", order_id)
    order["payment_history"] += [
        _transaction("payment", amount, payment_method_id),
        _transaction("refund", amount, former),
    ]
    if method["source"] == "gift_card":
        _charge(database, order, payment_method_id, amount)
    if "gift_card" in former:
        _charge(database, order, former, -amount)
    return answer(order)


def modify_pending_order_items(
    database: Database,
    order_id: str,
    item_ids: Sequence[str],
    new_item_ids: Sequence[str],
    payment_method_id: str,
) -> str:
    """Put other variants in place of items; the difference in price is noted unrounded."""
    _need_status(database, order_id, "pending", "modified")
    _need_items(database.get("orders", order_id), item_ids)
    difference = _price_difference(database, order_id, item_ids, new_item_ids)
    method = _payment_method(database, database.get("orders", order_id), payment_method_id)
    if method["source"] == "gift_card" and method["balance"] < difference:
        raise ToolError("insufficient gift card balance to pay for the new item")
    order = database.edit("orders", order_id)
    kind = "payment" if difference > 0 else "refund"
    order["payment_history"].append(_transaction(kind, abs(difference), payment_method_id))
    if method["source"] == "gift_card":
        _charge(database, order, payment_method_id, difference)
    for item_id, new_item_id in zip(item_ids, new_item_ids, strict=True):
        item = _item(order, item_id)
        variant = database.get("products", item["product_id"])["variants"][new_item_id]
        item |= {"item_id": new_item_id, "price": variant["price"], "options": variant["options"]}
    order["status"] = "pending (item modified)"
    return answer(order)


def exchange_delivered_order_items(
    database: Database,
    order_id: str,
    item_ids: Sequence[str],
    new_item_ids: Sequence[str],
    payment_method_id: str,
) -> str:
    """Note which items are to be exchanged for which; nothing is charged yet."""
    _need_status(database, order_id, "delivered", "exchanged")
    _need_items(database.get("orders", order_id), item_ids)
    difference = round(_price_difference(database, order_id, item_ids, new_item_ids), 2)
    method = _payment_method(database, database.get("orders", order_id), payment_method_id)
    if method["source"] == "gift_card" and method["balance"] < difference:
        raise ToolError("insufficient gift card balance to pay for the price difference")
    order = database.edit("orders", order_id)
    order["status"] = "exchange requested"
    order["exchange_items"] = sorted(item_ids)
    order["exchange_new_items"] = sorted(new_item_ids)
    order["exchange_payment_method_id"] = payment_method_id
    order["exchange_price_difference"] = difference
    return answer(order)


def return_delivered_order_items(
    database: Database, order_id: str, item_ids: Sequence[str], payment_method_id: str
) -> str:
    """Note which items are to be returned; nothing is refunded yet."""
    _need_status(database, order_id, "delivered", "returned")
    order = database.get("orders", order_id)
    _payment_method(database, order, payment_method_id)
    original = order["payment_history"][0]["payment_method_id"]
    if "gift_card" not in payment_method_id and payment_method_id != original:
        raise ToolError("payment method should be either the original payment method or a gift card")
    _need_items(order, item_ids, "some item")
    order = database.edit("orders", order_id)
    order["status"] = "return requested"
    order["return_items"] = sorted(item_ids)
    order["return_payment_method_id"] = payment_method_id
    return answer(order)


def _need_status(database: Database, order_id: str, status: str, deed: str) -> None:
    found(database, "orders", order_id, "order")
    if database.get("orders", order_id)["status"] != status:
        raise ToolError(f"non-{status} order cannot be {deed}")


def _need_items(order: Record, item_ids: Sequence[str], what: str = "") -> None:
    """Raise where an item, called `what` if not by its id, is asked for more often than the order has it."""
    ordered = [item["item_id"] for item in order["items"]]
    for id in item_ids:
        if item_ids.count(id) > ordered.count(id):
            raise ToolError(f"{what or id} not found")


def _item(order: Record, item_id: str) -> Record:
    return next(item for item in order["items"] if item["item_id"] == item_id)


def _price_difference(
    database: Database, order_id: str, item_ids: Sequence[str], new_item_ids: Sequence[str]
) -> float:
    """What the new items cost more than the old ones."""
    if len(item_ids) != len(new_item_ids):
        raise ToolError("the number of items to be exchanged should match")
    order, difference = database.get("orders", order_id), 0
    for item_id, new_item_id in zip(item_ids, new_item_ids, strict=True):
        item = _item(order, item_id)
        variants = database.get("products", item["product_id"])["variants"]
        if not (new_item_id in variants and variants[new_item_id]["available"]):
            raise ToolError(f"new item {new_item_id} not found or available")
        difference += variants[new_item_id]["price"] - item["price"]
    return difference


def _payment_method(database: Database, order: Record, payment_method_id: str) -> Record:
    methods: dict[str, Record] = database.get("users", order["user_id"])["payment_methods"]
    if payment_method_id not in methods:
        raise ToolError("payment method not found")
    return methods[payment_method_id]


def _charge(database: Database, order: Record, gift_card: str, amount: float) -> None:
    """Take `amount` off the gift card of the order's user; a negative amount is a refund."""
    card = database.edit("users", order["user_id"])["payment_methods"][gift_card]
    card["balance"] = round(card["balance"] - amount, 2)


def _transaction(kind: str, amount: float, payment_method_id: str) -> dict[str, Any]:
    return {"transaction_type": kind, "amount": amount, "payment_method_id": payment_method_id}


def _address(address1: str, address2: str, city: str, state: str, country: str, zip: str) -> dict[str, str]:
    return {
        "address1": address1,
        "address2": address2,
        "city": city,
        "state": state,
        "country": country,
        "zip": zip,
    }


FUNCTIONS = COMMON | named(
    cancel_pending_order,
    exchange_delivered_order_items,
    find_user_id_by_email,
    find_user_id_by_name_zip,
    get_order_details,
    get_product_details,
    get_user_details,
    list_all_product_types,
    modify_pending_order_address,
    modify_pending_order_items,
    modify_pending_order_payment,
    modify_user_address,
    return_delivered_order_items,
)
