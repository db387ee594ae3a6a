"""What a tool domain has to offer an environment, and when a request counts as done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from turngym.envs.tools.database import Database
from turngym.envs.tools.tool import Toolbox

Changes = Mapping[tuple[str, str], str]
"""Canonical texts of changed records by table and id, as `Database.changes` gives them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A tool call: the tool's name and its arguments."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""
    """The name that a native message gives the call; empty in other forms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """Something a scripted user knows, told when one of its words is asked for."""

    words: frozenset[str]
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What a scripted user says."""

    wishes: tuple[str, ...]
    """Told one after another: the first at once, the next when the agent is done with the one before."""
    facts: tuple[Fact, ...] = ()
    second_thought: str = ""
    """Said in place of yes to the first question for a confirmation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One step of a right answer: calls, then words to the user."""

    calls: tuple[Call, ...] = ()
    words: str = ""
    outputs: tuple[str, ...] = ()
    """What has to be said to the user; `words` say it."""
    spoken_only: bool = False
    """Whether the words make sense only to a user who answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One task: what a user wants and what a right answer does."""

    id: str
    instruction: str
    """What the user wants, written to whoever plays the user."""
    script: Script
    """The same for a scripted user."""
    parts: tuple[Part, ...]
    """The reference answer."""
    unsaid: tuple[str, ...] = ()
    """What must not be said to the user."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """The reference calls; the database that they leave is the right one."""
        return tuple(call for part in self.parts for call in part.calls)

    @property
    def outputs(self) -> tuple[str, ...]:
        """All that has to be said."""
        return tuple(output for part in self.parts for output in part.outputs)

    def plan(self, *, spoken: bool) -> list[Call | str]:
        """The reference answer move by move; without a conversation its words are one message at the end."""
        if not spoken:
            return [*self.calls, " ".join(part.words for part in self.parts if not part.spoken_only)]
        plan: list[Call | str] = []
        for part in self.parts:
            plan += [*part.calls, part.words]
        return plan


class Domain(Protocol):
    """A kind of desk: its policy, its tools over a database, and requests brought to it."""

    policy: str
    closing: frozenset[str]
    """Tools whose call ends the conversation."""

    def __hash__(self) -> int:
        """A domain is hashed as the object that it is."""
        ...

    def request(self, number: int) -> Request:
        """The request of that number, from 0 to `len(ids) - 1`."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """The ids of the requests in their order."""
        ...

    def database(self, request: Request) -> Database:
        """A database that no other episode changes, as the request finds it."""
        ...

    def toolbox(self, database: Database) -> Toolbox:
        """The tools over a database."""
        ...


@lru_cache(maxsize=4096)
def request(domain: Domain, number: int) -> Request:
    """The request of that number, kept because a group's episodes share it."""
    return domain.request(number)


@lru_cache(maxsize=4096)
def reference(domain: Domain, number: int) -> Changes:
    """What the reference calls of a request change."""
    task = request(domain, number)
    database = domain.database(task)
    toolbox = domain.toolbox(database)
    for call in task.calls:
        toolbox.call(call.name, call.arguments)
    return database.changes()


def told(output: str, message: str) -> bool:
    """Whether a message contains `output`, in lower case and with the message's commas dropped."""
    return output.lower() in message.lower().replace(",", "")
