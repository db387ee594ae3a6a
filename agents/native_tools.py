"""An agent that calls tools the way its engine does: schemas go with the request, calls come back apart from text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from turngym.agents.chat import listing
from turngym.agents.llm import LLM, Message, Reply, Schema
from turngym.agents.parse import Invalid
from turngym.core.types import Info
from turngym.envs.tools.calls import Malformed, read

ACT: Schema = {
    "type": "function",
    "function": {
        "name": "act",
        "description": "Take one action in the environment.",
        "parameters": {
            "type": "object",
            "properties": {"action": {"type": "string", "description": "The action, word for word."}},
            "required": ["action"],
        },
    },
}
"""The one tool of an environment that has none of its own."""


class NativeToolsAgent:
    """One growing conversation in OpenAI's tool format: `tools` and `tool_calls`, answers as `tool` messages.

    An engine that speaks (`http`) gets the schemas of `info["tools"]`; any other engine gets what its chat
    template makes of them, and its replies hold calls as `<tool_call>` blocks. The action is the assistant's
    message. An environment without tools gets one, `act`, whose argument is the action; a reply that does not call
    it is invalid. `info["policy"]` and `system` open the conversation; make tool environments with
    `brief="request"`.
    """

    def __init__(self, *, system: str = "", admissible: bool = True) -> None:
        self._system, self._admissible = system, admissible
        self._messages: list[Message] = []
        self._tools: Sequence[Schema] = ()
        self._acts = False

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        if not self._tools:
            self._open(info)
        self._messages += self._heard(obs, info)
        reply = await llm(self._messages, tools=self._tools)
        self._messages.append(reply.message)
        return _inner(reply) if self._acts else _action(reply)

    def _open(self, info: Info) -> None:
        self._acts = "tools" not in info
        self._tools = [ACT] if self._acts else info["tools"]
        opening = "\n\n".join(part for part in (info.get("policy", ""), self._system) if part)
        self._messages = [{"role": "system", "content": opening}] if opening else []

    def _heard(self, obs: str, info: Info) -> list[Message]:
        """An answer for each call of the last message, or what the user says."""
        results: Sequence[Message] = info.get("tool_results", ())
        if self._acts:
            told = listing(info) if self._admissible else ""
            obs = "\n\n".join(part for part in (obs, told) if part)
        calls = self._messages[-1].get("tool_calls", ()) if self._messages else ()
        if not calls:
            return [*results] or [{"role": "user", "content": obs}]
        contents = {result.get("tool_call_id"): result["content"] for result in results}
        ids = [call.get("id", "") for call in calls]
        return [{"role": "tool", "tool_call_id": id, "content": contents.get(id, obs)} for id in ids]


def _action(reply: Reply) -> str:
    """The assistant's message as an action of a tool environment."""
    if reply.message.get("tool_calls"):
        return json.dumps(reply.message)
    return reply.text.strip() or Invalid("", "the reply is empty")


def _inner(reply: Reply) -> str:
    """The argument of `act`."""
    written = _action(reply)
    try:
        calls: Any = read(written)
    except Malformed as error:
        return Invalid(reply.text.strip(), str(error))
    if isinstance(calls, str) or calls[0].name != "act" or not calls[0].arguments.get("action"):
        return Invalid(reply.text.strip(), "no call of the tool 'act' with an action")
    return str(calls[0].arguments["action"]).strip()
