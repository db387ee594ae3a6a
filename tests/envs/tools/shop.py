"""A shop of two customers in the layouts of tau-bench, written by hand, so that tests need no data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CARD, GIFT = "credit_card_1", "gift_card_1"


def order(id: str, user: str, status: str, item: str, price: float, method: str) -> dict[str, Any]:
    return {
        "order_id": id,
        "user_id": user,
        "address": {"address1": "1 Hill", "zip": "10001"},
        "items": [{"name": "Mug", "product_id": "p1", "item_id": item, "price": price, "options": {}}],
        "status": status,
        "payment_history": [{"transaction_type": "payment", "amount": price, "payment_method_id": method}],
    }


def tables() -> dict[str, Any]:
    variants = {
        "i1": {"item_id": "i1", "options": {}, "available": True, "price": 10.1},
        "i2": {"item_id": "i2", "options": {"color": "red"}, "available": True, "price": 12.4},
        "i3": {"item_id": "i3", "options": {"color": "blue"}, "available": False, "price": 9.0},
    }
    methods = {
        CARD: {"source": "credit_card", "id": CARD},
        GIFT: {"source": "gift_card", "balance": 2.0, "id": GIFT},
        "paypal_1": {"source": "paypal", "id": "paypal_1"},
    }
    name = {"first_name": "Ann", "last_name": "Lee"}
    ann = {
        "name": name,
        "address": {"zip": "10001"},
        "email": "Ann@example.com",
        "payment_methods": methods,
        "orders": ["#W1", "#W2", "#W3"],
    }
    ben = ann | {"name": {"first_name": "Ben", "last_name": "Lee"}, "email": "ben@example.com", "orders": []}
    return {
        "users": {"ann_1": ann, "ben_2": ben},
        "products": {"p1": {"name": "Mug", "product_id": "p1", "variants": variants}},
        "orders": {
            "#W1": order("#W1", "ann_1", "pending", "i1", 10.1, CARD),
            "#W2": order("#W2", "ann_1", "delivered", "i1", 10.1, CARD),
            "#W3": order("#W3", "ann_1", "pending", "i2", 12.4, GIFT),
        },
    }


CANCEL = {"name": "cancel_pending_order", "kwargs": {"order_id": "#W1", "reason": "no longer needed"}}
TASKS: list[dict[str, Any]] = [
    {
        "user_id": "ann_1",
        "instruction": "Your name is Ann Lee and your zip code is 10001. You are calm. You want to cancel order #W1 "
        "because you no longer need it. You also want to know the price of the red mug.",
        "actions": [{"name": "get_product_details", "kwargs": {"product_id": "p1"}}, CANCEL],
        "outputs": ["12.4"],
    },
    {
        "user_id": "ann_1",
        "instruction": "You are Ann Lee, in 10001. You want a human agent.",
        "actions": [{"name": "transfer_to_human_agents", "kwargs": {"summary": "asks for one"}}],
        "outputs": [],
    },
]
PARAMETERS: dict[str, list[str]] = {
    "calculate": ["expression"],
    "cancel_pending_order": ["order_id", "reason"],
    "exchange_delivered_order_items": ["order_id", "item_ids", "new_item_ids", "payment_method_id"],
    "find_user_id_by_email": ["email"],
    "find_user_id_by_name_zip": ["first_name", "last_name", "zip"],
    "get_order_details": ["order_id"],
    "get_product_details": ["product_id"],
    "get_user_details": ["user_id"],
    "list_all_product_types": [],
    "modify_pending_order_items": ["order_id", "item_ids", "new_item_ids", "payment_method_id"],
    "modify_pending_order_payment": ["order_id", "payment_method_id"],
    "return_delivered_order_items": ["order_id", "item_ids", "payment_method_id"],
    "think": ["thought"],
    "transfer_to_human_agents": ["summary"],
}


def schema(name: str) -> dict[str, Any]:
    needed = PARAMETERS[name]
    parameters = {"type": "object", "properties": {key: {} for key in needed}, "required": needed}
    return {
        "type": "function",
        "function": {"name": name, "description": f"Do {name}.", "parameters": parameters},
    }


def write_json(root: Path) -> Path:
    """The plain layout, under `root`."""
    place = root / "retail"
    place.mkdir()
    for table, records in tables().items():
        (place / f"{table}.json").write_text(json.dumps(records))
    (place / "tasks_test.json").write_text(json.dumps(TASKS))
    (place / "tools.json").write_text(json.dumps([schema(name) for name in PARAMETERS]))
    (place / "policy.md").write_text("# Policy\n\nBe fair.\n")
    return root


def write_clone(root: Path) -> Path:
    """The layout of the original repository, under `root`."""
    place = root / "tau_bench" / "envs" / "retail"
    (place / "data").mkdir(parents=True)
    (place / "tools").mkdir()
    for table, records in tables().items():
        (place / "data" / f"{table}.json").write_text(json.dumps(records, indent=2))
    (place / "tasks_test.py").write_text(task_source(TASKS))
    (place / "wiki.md").write_text("# Policy\n\nBe fair.\n")
    for name in PARAMETERS:
        returned = f"        return {schema(name)!r}\n"
        source = f"class Tool:\n    @staticmethod\n    def get_info():\n{returned}"
        (place / "tools" / f"{name}.py").write_text(source)
    (place / "tools" / "__init__.py").write_text("raise RuntimeError('this file was run')\n")
    return root


def task_source(tasks: list[dict[str, Any]]) -> str:
    lines = ["raise RuntimeError('this file was run')", "TASKS_TEST = ["]
    for task in tasks:
        actions = ", ".join(f"Action(name={a['name']!r}, kwargs={a['kwargs']!r})" for a in task["actions"])
        fields = f"user_id={task['user_id']!r}, instruction={task['instruction']!r}"
        lines.append(f"    Task(annotator='', {fields}, actions=[{actions}], outputs={task['outputs']!r}),")
    return "\n".join([*lines, "]\n"])
