"""An agent with one growing conversation."""

from __future__ import annotations

from turngym.agents.llm import LLM, Message, Reply
from turngym.agents.parse import parser
from turngym.core.types import Info

TAGS = "Think first, inside <think> </think>. Then write one action inside <action> </action>."
FORMS = {
    "plain": "",
    "tags": TAGS,
    "cased_tags": TAGS,
    "react": "Answer with a line 'Thought: ...' and then a line 'Action: ...'.",
}
"""What the model is told about each reply form."""


class ChatAgent:
    """Observations as user messages, replies as assistant messages; one training sequence an episode.

    `system` opens the conversation. `reply` is the form of the answer (`plain`, `tags`, `react`), explained
    in the first message. `admissible=True` lists the admissible actions under every observation.
    """

    def __init__(self, *, system: str | None = None, reply: str = "plain", admissible: bool = False) -> None:
        self.parse, self._form, self._admissible = parser(reply), FORMS[reply], admissible
        self.messages: list[Message] = [] if system is None else [{"role": "system", "content": system}]
        self._first = True

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        self.say(self.content(obs, info))
        self._first = False
        reply = await self.ask(llm)
        self.messages.append(reply.message)
        return self.parse(reply.text)

    def say(self, content: str) -> None:
        """Add a user message."""
        self.messages.append({"role": "user", "content": content})

    def content(self, obs: str, info: Info) -> str:
        """What the model is told of an observation."""
        parts = [obs, listing(info) if self._admissible else "", self._form if self._first else ""]
        return "\n\n".join(part for part in parts if part)

    async def ask(self, llm: LLM) -> Reply:
        """The reply that the turn's action stands in."""
        return await llm(self.messages)


def listing(info: Info, *, leave_out: tuple[str, ...] = ()) -> str:
    """The admissible actions, one a line, and how others are written; empty where the environment tells neither."""
    actions = [action for action in info.get("admissible", ()) if action not in leave_out]
    listed = "You can do:\n" + "\n".join(f"- {action}" for action in actions) if actions else ""
    form = f"Form of an action: {info['grammar']}" if "grammar" in info else ""
    return "\n".join(part for part in (listed, form) if part)
