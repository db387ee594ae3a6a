"""The environment of every tool domain: a policy, tools, a database, a user and a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.tasks import chosen, one_of
from turngym.envs.tools.calls import GRAMMAR, RESPOND, Malformed, read, written
from turngym.envs.tools.domain import Call, Domain, Request, reference, request, told
from turngym.envs.tools.users import END, Model, User, seat

STATES = ("world", "observation")
BRIEFS = ("full", "request")


class _Answer(NamedTuple):
    """What an action brought about."""

    obs: str
    valid: bool
    results: list[dict[str, str]] | None = None
    """The tools' answers as native messages."""


class ToolEnv(TextEnv):
    """A desk where an agent serves a user with tools. Subclasses say which domain.

    Args:
        domain: the desk; shared by all environments of a process, so it must not change.
        user: `solo` (the agent gets the user's instruction, and its one message ends the episode), `scripted`
            (a user who follows rules), a function of messages that plays the user, or its place as
            `"module:attribute"`.
        expert: put the next reference action into `info["expert"]`.
        brief: what the first observation holds: `full` (policy, tools, how to write actions, then the user) or
            `request` (the user alone, for agents that put `info["policy"]` and `info["tools"]` into a prompt).
        state: what `info["state"]` tells: `world`, the database and how far the user is, or `observation`.

    The episode ends when the user leaves or is handed over. Then the reward is 1 where the database is the one that
    the reference calls leave and what had to be said to the user was said, else 0.
    """

    def __init__(
        self, domain: Domain, *, user: str | Model, expert: bool, brief: str = "full", state: str = "world"
    ) -> None:
        self.domain = domain
        self.expert = expert
        self.brief = one_of("brief", brief, BRIEFS)
        self.state = one_of("state", state, STATES)
        self.solo = user == "solo"
        self._seat: Callable[[Request], User] = seat(user)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Bring the next user to the desk."""
        super().reset(seed=seed)
        self._number = chosen(options, self.domain.ids, self.np_random)
        self.request = request(self.domain, self._number)
        self.database = self.domain.database(self.request)
        self.toolbox = self.domain.toolbox(self.database)
        self._user = self._seat(self.request)
        self._told: set[str] = set()
        self._plan = self.request.plan(spoken=not self.solo)
        self._over = self._success = False
        schemas = [json.dumps(schema) for schema in self.toolbox.schemas()]
        obs = _clean(self._opening(self._user.opens(), schemas))
        return obs, self._info(obs, valid=True) | self._desk(schemas)

    def step(self, action: str) -> Step:
        """Call tools or talk to the user."""
        if self._over:
            return "The conversation is over.", 0.0, True, False, self._info("", valid=False)
        try:
            move = read(action)
        except Malformed as error:
            answer = _Answer(f"Error: {error}", valid=False)
        else:
            answer = self._talk(move) if isinstance(move, str) else self._work(move)
        obs = _clean(answer.obs)
        self._success = self._over and self._done()
        reward = float(self._success)
        info = self._info(obs, answer.valid)
        if answer.results:
            info["tool_results"] = answer.results
        return obs, reward, self._over, False, info

    def _talk(self, message: str) -> _Answer:
        counted = (*self.request.outputs, *self.request.unsaid)
        self._told |= {output for output in counted if told(output, message)}
        self._advance(message)
        reply = self._user.answers(message)
        self._over = END in reply
        return _Answer(reply, valid=True)

    def _work(self, calls: tuple[Call, ...]) -> _Answer:
        """Call the tools in order, up to one that ends the conversation."""
        results: list[dict[str, str]] = []
        valid = True
        for call in calls:
            answer = _clean(self.toolbox.call(call.name, call.arguments))
            valid = valid and self.toolbox.fault(call.name, call.arguments) is None
            results.append({"role": "tool", "tool_call_id": call.id, "name": call.name, "content": answer})
            self._advance(call)
            if call.name in self.domain.closing:
                self._over = True
                break
        return _Answer("\n".join(result["content"] for result in results), valid, results)

    def _done(self) -> bool:
        """Whether the database is right, everything was said and nothing that must not be."""
        if self.database.changes() != reference(self.domain, self._number):
            return False
        return self._told == set(self.request.outputs)

    def _opening(self, first: str, schemas: list[str]) -> str:
        words = f"The user's instruction: {first}\n\n{SOLO}" if self.solo else f"The user says: {first}"
        if self.brief == "request":
            return words
        tools = "\n".join(schemas)
        return f"{self.domain.policy.strip()}\n\n# Tools\n\n{tools}\n\n# Actions\n\n{GRAMMAR}\n\n# User\n\n{words}"

    def _desk(self, schemas: list[str]) -> Info:
        """What is told at the reset alone; the schemas are the caller's own copy."""
        tools = [json.loads(schema) for schema in schemas]
        return {"tools": tools, "policy": self.domain.policy, "task": self.request.id}

    def _info(self, obs: str, valid: bool) -> Info:
        info: Info = {
            "state": obs if self.state == "observation" else self._world(),
            "grammar": GRAMMAR,
            "valid": valid,
            "success": self._success,
            "score": float(self._success),
        }
        if self.expert and not self._over:
            info["expert"] = self._next_action()
        return info

    def _world(self) -> tuple[Any, ...]:
        """The request, the database, which of the words that count were said, and how far the user is."""
        said = tuple(sorted(self._told))
        return self.request.id, self.database.digest(), said, self._user.stage, self._over

    def _next_action(self) -> str:
        """The reference's next move; after the last a question that lets the user leave."""
        move = self._plan[0] if self._plan else "Is there anything else I can do for you?"
        return written(Call(name=RESPOND, arguments={"content": move}) if isinstance(move, str) else move)

    def _advance(self, move: Call | str) -> None:
        if self._plan and _same(move, self._plan[0]):
            self._plan.pop(0)


SOLO = (
    "Nobody answers questions: what the policy asks the user to confirm counts as confirmed. When you have done what "
    "the policy allows, write the user one message with all they should know; it ends the conversation."
)


def _same(move: Call | str, other: Call | str) -> bool:
    if isinstance(move, str) or isinstance(other, str):
        return move == other
    return move.name == other.name and dict(move.arguments) == dict(other.arguments)


def _clean(text: str) -> str:
    """The text without lone surrogates, which JSON may bring in and no file takes."""
    return text.encode("utf-8", "replace").decode()
