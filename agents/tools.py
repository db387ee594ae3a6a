"""An agent that calls tools: their schemas in the first message, calls as `<tool_call>` blocks."""

from __future__ import annotations

import json

from turngym.agents.llm import LLM, Message
from turngym.core.errors import ConfigError
from turngym.core.types import Info

INSTRUCTIONS = """# Tools

You may call tools. What each is for and which arguments it takes stands here, one JSON schema a line:
<tools>
{schemas}
</tools>

To call a tool, write its name and its arguments as a JSON object, and nothing else:
<tool_call>
{{"name": "...", "arguments": {{...}}}}
</tool_call>
The answer comes as <tool_response>. Whatever else you write is said to the user."""


class ToolAgent:
    """One growing conversation in the Hermes form (Nous Research 2024), which Qwen and others are trained on.

    The first message holds the policy and the schemas that the environment tells at its reset
    (`info["policy"]`, `info["tools"]`), so make the environment with `brief="request"`. Answers of tools come
    back as `<tool_response>` blocks, one for each call. The reply goes to the environment as it is.

    `role` is the first message's: `system`, or `user` under templates that know no system. Raises
    `ConfigError` where the environment tells no tools.
    """

    def __init__(self, *, role: str = "system") -> None:
        self._role = role
        self._messages: list[Message] = []

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        if not self._messages:
            self._messages = [{"role": self._role, "content": _brief(info)}]
        self._messages.append({"role": "user", "content": _heard(obs, info)})
        reply = await llm(self._messages)
        self._messages.append(reply.message)
        return reply.text


def _brief(info: Info) -> str:
    if "tools" not in info:
        raise ConfigError("the agent 'tool' needs an environment with tools; give another agent, as 'chat'")
    schemas = "\n".join(json.dumps(schema) for schema in info["tools"])
    return f"{info.get('policy', '')}\n\n{INSTRUCTIONS.format(schemas=schemas)}".strip()


def _heard(obs: str, info: Info) -> str:
    """What tools answered, or what the user said."""
    results = [result["content"] for result in info.get("tool_results", ())]
    blocks = "\n".join(f"<tool_response>\n{result}\n</tool_response>" for result in results)
    return blocks or obs
