"""What the model was asked in an episode and what it replied, exchange by exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, starmap

from turngym import agents
from turngym.agents import Agent
from turngym.agents.llm import LLM, Message, Reply, Sampling, Schema
from turngym.agents.parse import Invalid
from turngym.benchmarks.export.episodes import Episode, Prompt, Said
from turngym.core import config
from turngym.core.types import Call, Info, Trajectory, Turn

UNSEEN = "turn {turn} has no prompt and reply in text; name the agent that asks, as --agent chat"


class Mismatch(ValueError):
    """The agent would not have played this episode; the message says at which turn and what to change."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One prompt and its reply."""

    turn: int
    prompt: Prompt
    reply: str

    @property
    def message(self) -> Message:
        """The reply as a message."""
        return {"role": "assistant", "content": self.reply}


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """All exchanges of one episode."""

    trajectory: Trajectory
    exchanges: list[Exchange]

    @property
    def exact(self) -> bool:
        """Whether the prompts are texts."""
        return any(isinstance(exchange.prompt, str) for exchange in self.exchanges)

    @property
    def growing(self) -> bool:
        """Whether every prompt is the one before, its reply and more, so that the episode is one conversation."""
        return not self.exact and all(starmap(_continues, pairwise(self.exchanges)))


def _continues(before: Exchange, after: Exchange) -> bool:
    earlier = [*before.prompt, before.message]
    return after.prompt[: len(earlier)] == earlier


def player(section: config.Table) -> Callable[[], Agent]:
    """Makes the agent that a section names. Raises `UserError` for a name or an argument that does not exist."""
    factory = agents.registry.get(config.plugin_name(section, "agent"))
    arguments = {key: value for key, value in section.items() if key != "name"}
    made = partial(factory, **config.bind(factory, arguments, "agent"))
    config.construct(made, "agent")
    return made


class Recital(LLM):
    """A model that says what it is given to say, and keeps the messages it was asked with."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(None, None, Sampling(), seed=lambda call: seed)
        self.asked: list[tuple[list[Message], str]] = []
        self.lines: Iterator[str] = iter(())

    async def __call__(self, messages: Sequence[Message], *, tools: Sequence[Schema] = ()) -> Reply:
        text = next(self.lines, None)
        if text is None:
            raise Mismatch(
                "the agent asks the model more often than the episode has replies; give its own agent"
            )
        self.asked.append(([dict(message) for message in messages], text))
        call = Call(prompt_ids=[], action_ids=[], logprobs=[])
        return Reply(text=text, message={"role": "assistant", "content": text}, call=call)


def rehearsed(episode: Episode, agent: Agent, form: str = "{action}") -> Dialogue:
    """The exchanges that `agent` would have had: it is shown the stored observations and hears the stored replies.

    Where no reply is stored, `form` makes one of the action. Raises `Mismatch` where the agent reads another
    action out of a reply than the stored one, or asks more or less often than there are replies.
    """
    return asyncio.run(_rehearse(episode, agent, form))


async def _rehearse(episode: Episode, agent: Agent, form: str) -> Dialogue:
    llm, exchanges = Recital(), []
    for number, (turn, said) in enumerate(zip(episode.trajectory.turns, episode.said, strict=True)):
        said = said or [Said(prompt=None, reply=form.replace("{action}", turn.action))]
        llm.lines, llm.asked = iter([one.reply for one in said]), []
        action = await agent.act(turn.obs, _info(turn), llm)
        if str(action) != turn.action or (isinstance(action, Invalid) and turn.valid):
            raise Mismatch(
                f"turn {number + 1} did {turn.action!r}, but this agent reads {str(action)!r} out of the reply "
                f"{said[-1].reply[:200]!r}; give the agent that played, or --form"
            )
        if len(llm.asked) != len(said):
            raise Mismatch(
                f"turn {number + 1} has {len(said)} replies, the agent asked {len(llm.asked)} times"
            )
        exchanges += [
            Exchange(turn=number, prompt=messages, reply=text)
            for (messages, text), one in zip(llm.asked, said, strict=True)
            if one.chosen
        ]
    return Dialogue(trajectory=episode.trajectory, exchanges=exchanges)


def _info(turn: Turn) -> Info:
    return {} if turn.admissible is None else {"admissible": turn.admissible}


def as_seen(episode: Episode) -> Dialogue:
    """The exchanges as the model had them: texts with special tokens, or messages where the engine takes those.

    Raises `Mismatch` where they are not stored.
    """
    exchanges = []
    for number, calls in enumerate(episode.said):
        if not calls:
            raise Mismatch(UNSEEN.format(turn=number + 1))
        exchanges += [_seen(number, said) for said in calls if said.chosen]
    return Dialogue(trajectory=episode.trajectory, exchanges=exchanges)


def _seen(turn: int, said: Said) -> Exchange:
    if said.prompt is None:
        raise Mismatch(UNSEEN.format(turn=turn + 1))
    end = said.end if isinstance(said.prompt, str) else ""
    return Exchange(turn=turn, prompt=said.prompt, reply=said.reply + end)
