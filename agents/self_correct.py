"""Every answer is given twice: the second may correct the first."""

from __future__ import annotations

from turngym.agents.chat import ChatAgent
from turngym.agents.llm import LLM, Reply

AGAIN = (
    "Read your answer again before it counts. There may be a mistake in it. Correct it if so, "
    "and give your final answer in the same form."
)


class SelfCorrectAgent(ChatAgent):
    """Answers twice in every turn; the second answer, given after seeing the first, is the action.

    What SCoRe trains (Kumar et al. 2024, arXiv 2409.12917), for tasks of one turn or many. In every turn the
    model answers, is told `again`, and answers once more; the second answer is the action, whatever it is.
    Both stay in the conversation, which is one training sequence an episode, and both get the turn's credit.
    The other arguments are those of `chat`.
    """

    def __init__(
        self,
        *,
        again: str = AGAIN,
        system: str | None = None,
        reply: str = "plain",
        admissible: bool = False,
    ) -> None:
        super().__init__(system=system, reply=reply, admissible=admissible)
        self._again = again

    async def ask(self, llm: LLM) -> Reply:
        first = await super().ask(llm)
        self.messages.append(first.message)
        self.say(self._again)
        return await super().ask(llm)
