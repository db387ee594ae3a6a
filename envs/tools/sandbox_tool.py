"""The sandbox as a tool that a model may call: `python`, with the code as its one argument."""

from __future__ import annotations

from turngym.envs.sandbox import Sandbox
from turngym.envs.tools.tool import Tool

SILENT = "(no output)"
"""Answered where the code printed nothing, so that an answer is never empty."""


def python_tool(sandbox: Sandbox, *, name: str = "python") -> Tool:
    """A tool that runs code in `sandbox` and answers what it printed and how it failed.

    Whoever made the sandbox closes it. A call raises what `Sandbox.run` raises.
    """

    def run(code: str) -> str:
        return sandbox.run(code).text or SILENT

    lasting = "Names last from call to call." if sandbox.persistent else "Every call starts anew."
    code = {"type": "string", "description": "The program. The value of a last expression is printed."}
    return Tool(
        name=name,
        description=f"Run Python {lasting[0].lower()}{lasting[1:-1]}; it has the standard library and the files of the"
        " working folder, but no network.",
        function=run,
        parameters={"type": "object", "properties": {"code": code}, "required": ["code"]},
    )
