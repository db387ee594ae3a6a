from __future__ import annotations

from tests.envs.sandbox.jails import sandbox

from turngym.envs.tools.sandbox_tool import SILENT, python_tool
from turngym.envs.tools.tool import Toolbox


def test_the_tool_answers_output_and_errors() -> None:
    with sandbox() as jail:
        box = Toolbox([python_tool(jail)])
        assert box.call("python", {"code": "print(1)\n2"}) == "1\n2"
        assert box.call("python", {"code": "x = 1"}) == SILENT
        assert box.call("python", {"code": "x"}) == "line 1: x\nNameError: name 'x' is not defined"
        assert box.call("python", {}).startswith("Error: ")


def test_a_persistent_sandbox_is_told_to_the_model() -> None:
    with sandbox(persistent=True) as jail:
        tool = python_tool(jail, name="notebook")
        assert "names last from call to call" in tool.schema["function"]["description"]
        tool.call({"code": "x = 41"})
        assert tool.call({"code": "x + 1"}) == "42"
    assert "every call starts anew" in python_tool(sandbox()).description
