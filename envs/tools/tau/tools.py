"""What tau-bench's tools have in common: arguments go in unchecked, and any error comes out as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from turngym.envs.tools.database import Database
from turngym.envs.tools.tau import arithmetic
from turngym.envs.tools.tool import Arguments, Tool, Toolbox, ToolError

Function = Callable[..., str]
"""A tool's rule: the database, then the arguments by name; the answer as text."""


class TauTool(Tool):
    """A tool of the benchmark. Whatever goes wrong inside is answered as `Error: ...`, as the original does."""

    def fault(self, arguments: Any) -> str | None:
        """Only that arguments have names: the original checks no schema."""
        return None if isinstance(arguments, Mapping) else "arguments must be an object"

    def call(self, arguments: Arguments) -> str:
        """The answer; a missing or unknown argument is reported in Python's words, as in the original."""
        try:
            return self.function(**arguments)
        except TypeError as error:
            return f"Error: {self._in_the_originals_words(error)}"
        except Exception as error:
            return f"Error: {error}"

    def _in_the_originals_words(self, error: TypeError) -> str:
        owner = "".join(part.capitalize() for part in self.name.split("_"))
        return str(error).replace(f"{self.name}()", f"{owner}.invoke()")


class TauToolbox(Toolbox):
    """The tools of one domain over one database."""

    def unknown(self, name: str) -> str:
        """The original's answer to the name of no tool."""
        return f"Unknown action {name}"


def toolbox(
    schemas: Sequence[Mapping[str, Any]], functions: Mapping[str, Function], database: Database
) -> TauToolbox:
    """The tools that `schemas` list in OpenAI's format, each with its rule over `database`."""
    return TauToolbox(_tool(schema["function"], functions, database) for schema in schemas)


def _tool(schema: Mapping[str, Any], functions: Mapping[str, Function], database: Database) -> TauTool:
    name, described = schema["name"], schema["description"]
    function = partial(functions[name], database)
    return TauTool(name=name, description=described, function=function, parameters=schema["parameters"])


def found(database: Database, table: str, id: str, what: str) -> None:
    """Raise `Error: ... not found` where the table has no such record."""
    if not database.has(table, id):
        raise ToolError(f"{what} not found")


def answer(record: Any) -> str:
    """A record as the original writes it."""
    return json.dumps(record)


def think(database: Database, thought: str) -> str:
    """Nothing: a place to write thoughts."""
    return ""


def transfer_to_human_agents(database: Database, summary: str) -> str:
    """Hand the user over; the environment ends the conversation."""
    return "Transfer successful"


def calculate(database: Database, expression: str) -> str:
    """The value of an expression, see `arithmetic.calculate`."""
    return arithmetic.calculate(expression)


def named(*functions: Function) -> dict[str, Function]:
    """Rules by the names of their tools, which they carry."""
    return {function.__name__: function for function in functions}


COMMON = named(calculate, think, transfer_to_human_agents)
