"""Tools and toolboxes."""

from __future__ import annotations

from typing import Any

import pytest

from turngym.envs.tools.tool import Tool, Toolbox, ToolError, bounded

NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


def divide(a: float, b: float) -> str:
    if b == 0:
        raise ToolError("nothing is divided by 0")
    return str(a / b)


@pytest.fixture
def box() -> Toolbox:
    return Toolbox(
        [
            Tool(name="divide", description="Divide a by b.", function=divide, parameters=NUMBERS),
            Tool(name="bell", description="Ring.", function=lambda: "ding " * 100),
        ],
        limit=20,
    )


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("divide", {"a": 1, "b": 2}, "0.5"),
        ("divide", {"a": 1, "b": 0}, "Error: nothing is divided by 0"),
        ("divide", {"a": 1}, "Error: arguments: 'b\n[cut: 20 of 44 characters are shown]"),
        ("bell", {}, "ding ding ding ding \n[cut: 20 of 500 characters are shown]"),
    ],
)
def test_a_call_is_answered_with_text(
    box: Toolbox, name: str, arguments: dict[str, Any], answer: str
) -> None:
    told = box.call(name, arguments)
    assert told == answer or told == bounded(answer, 20)


def test_a_call_that_cannot_be_tried_has_a_fault(box: Toolbox) -> None:
    assert box.fault("divide", {"a": 1, "b": 2}) is None
    assert box.fault("divide", {"a": 1, "b": "2"}) == "arguments.b: '2' is not of type 'number'"
    assert box.fault("divide", []) == "arguments: [] is not of type 'object'"
    assert "did you mean 'divide'?" in (box.fault("devide", {}) or "")


def test_schemas_are_in_the_function_format_and_in_order(box: Toolbox) -> None:
    first, second = box.schemas()
    function = {"name": "divide", "description": "Divide a by b.", "parameters": NUMBERS}
    assert first == {"type": "function", "function": function}
    assert second["function"]["parameters"] == {"type": "object", "properties": {}, "required": []}
    assert (box.names, len(box), "bell" in box, "belle" in box) == (["divide", "bell"], 2, True, False)


def test_two_tools_of_one_name_are_refused(box: Toolbox) -> None:
    with pytest.raises(ValueError, match="two tools are called 'bell'"):
        Toolbox([*box, box["bell"]])


def test_a_fault_of_the_tool_itself_is_not_hidden() -> None:
    def broken() -> str:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        Tool(name="broken", description="", function=broken).call({})
