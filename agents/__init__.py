"""Players: an agent turns observations into messages and replies into actions; engines run the model."""

from __future__ import annotations

from typing import Protocol

from turngym.agents.llm import LLM
from turngym.core.registry import Registry
from turngym.core.types import Info

__all__ = ["LLM", "Agent", "registry"]


class Agent(Protocol):
    """Plays one episode; made afresh for each by a factory without arguments."""

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        """The action for an observation.

        An `Invalid` (a string too) says that the reply was malformed. What this raises stops the run.
        """
        ...


registry = Registry("agents")
registry.register("chat", "turngym.agents.chat:ChatAgent")
registry.register("window", "turngym.agents.window:WindowAgent")
registry.register("react", "turngym.agents.react:ReActAgent")
registry.register("tool", "turngym.agents.tools:ToolAgent")
registry.register("native_tools", "turngym.agents.native_tools:NativeToolsAgent")
registry.register("reflexion", "turngym.agents.reflexion:ReflexionAgent")
registry.register("self_correct", "turngym.agents.self_correct:SelfCorrectAgent")
registry.register("best_of_n", "turngym.agents.best_of_n:BestOfNAgent")
registry.register("expert", "turngym.agents.scripted:ExpertAgent")
registry.register("random", "turngym.agents.scripted:RandomAgent")
registry.register("human", "turngym.agents.human:HumanAgent")
