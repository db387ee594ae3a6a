"""ReAct: reason in words before every action, and keep both in sight."""

from __future__ import annotations

from turngym.agents.chat import ChatAgent, listing
from turngym.core.types import Info

INSTRUCTION = (
    "Solve the task step by step. Each step is a thought, an action and an observation.\n"
    "Thought: what you make of what you have seen, what is still missing, and what to do next\n"
    "Action: one action, as the environment takes it\n"
    "Observation: what the action leads to, which you are told\n"
    "Write one thought and one action, each on a line that begins with its word, then wait for the observation."
)


class ReActAgent(ChatAgent):
    """Thought, action, observation, in turns, over one growing conversation.

    The prompt of ReAct (Yao et al. 2023, arXiv 2210.03629). The conversation is the paper's scratchpad: the
    first message explains the steps and holds `examples`, solved episodes in the same form (the paper shows
    one to six), the others are observations; every reply is a thought and an action. One training sequence an
    episode. `admissible=True` lists the admissible actions.
    """

    def __init__(
        self, *, instruction: str = INSTRUCTION, examples: str = "", admissible: bool = True
    ) -> None:
        super().__init__(reply="react")
        self._listed = admissible
        self._opening = [instruction, f"Solved before:\n\n{examples}" if examples else ""]

    def content(self, obs: str, info: Info) -> str:
        opening = [] if self.messages else self._opening
        parts = [*opening, f"Observation: {obs}", listing(info) if self._listed else ""]
        return "\n\n".join(part for part in parts if part)
