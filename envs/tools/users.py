"""Who stands at the desk: nobody, a user who follows a script, or a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from importlib import import_module
from typing import NoReturn, Protocol

from turngym.envs.tools.domain import Request

END = "###STOP###"
"""What a user says when there is nothing left to want."""

PATIENCE = 40
"""So many messages of the agent a user answers."""

LONGEST = 10_000
"""So many characters of a model's reply are used."""

Model = Callable[[list[dict[str, str]]], str]
"""Plays the user: gets the conversation so far, in which it is the assistant, and returns its next message."""


class User(Protocol):
    """The other side of the conversation."""

    def opens(self) -> str:
        """The first message."""
        ...

    def answers(self, message: str) -> str:
        """The reply; it contains `END` when the conversation is over."""
        ...

    @property
    def stage(self) -> Hashable:
        """How far the conversation has come, without what was said on the way."""
        ...


class Solo:
    """Nobody to talk to: the agent gets the user's instruction, and its first message ends the conversation."""

    stage = ()

    def __init__(self, request: Request) -> None:
        self._instruction = request.instruction

    def opens(self) -> str:
        return self._instruction

    def answers(self, message: str) -> str:
        return END


_CONFIRM = re.compile(
    r"\b(confirm|proceed|go ahead|shall i|should i|do you want me|would you like me)\b|correct\?|yes/no|\(yes\)",
    re.I,
)
_REQUESTS = re.compile(r"\b(please|need|provide|tell|may i|let me know)\b", re.I)
_MORE = re.compile(r"\b(anything|something) (else|more)\b|\bother (request|question|way)", re.I)
_WORD = re.compile(r"[a-z]+")


class Scripted:
    """A user who tells a wish, answers what is asked, says yes, and leaves when no wish is left.

    The rules, the first that fits: asked whether there is anything else, the next wish; asked to confirm,
    "Yes." (the first time a second thought, if there is one); asked for something the user knows, that; asked
    something else, the wish at hand again; told something, the next wish.
    """

    def __init__(self, request: Request) -> None:
        self._script = request.script
        self._wish = 0
        self._second_thought = request.script.second_thought
        self._patience = PATIENCE

    @property
    def stage(self) -> Hashable:
        return self._wish, self._second_thought

    def opens(self) -> str:
        return self._script.wishes[0]

    def answers(self, message: str) -> str:
        self._patience -= 1
        if self._patience <= 0:
            return f"I have to go. {END}"
        asks = "?" in message
        if _MORE.search(message):
            return self._next()
        if _CONFIRM.search(message):
            return self._confirmed()
        known = self._known(message)
        if known and (asks or _REQUESTS.search(message)):
            return " ".join(known)
        return self._script.wishes[self._wish] if asks else self._next()

    def _known(self, message: str) -> list[str]:
        words = set(_WORD.findall(message.lower()))
        return [fact.text for fact in self._script.facts if fact.words & words]

    def _confirmed(self) -> str:
        thought, self._second_thought = self._second_thought, ""
        return thought or "Yes."

    def _next(self) -> str:
        self._wish += 1
        wishes = self._script.wishes
        return wishes[self._wish] if self._wish < len(wishes) else f"No, that is all. Thank you. {END}"


RULES = f"""You are a user at a service desk, talking to an agent. What you want:

{{instruction}}

- Write one message at a time, in your own words, as the user; never act as the agent.
- Do not tell everything at once: tell what the agent needs for the step at hand.
- Make nothing up. Where the text above does not say it, you do not remember it.
- When everything you want is done, or cannot be done, write {END} and nothing else."""


class Modelled:
    """A user played by a model."""

    def __init__(self, request: Request, model: Model) -> None:
        self._model = model
        self._messages = [
            {"role": "system", "content": RULES.format(instruction=request.instruction)},
            {"role": "user", "content": "Hello! How can I help you today?"},
        ]
        self._patience = PATIENCE

    @property
    def stage(self) -> Hashable:
        return self._messages[-1]["content"]

    def opens(self) -> str:
        return self._reply()

    def answers(self, message: str) -> str:
        self._patience -= 1
        if self._patience <= 0:
            return END
        self._messages.append({"role": "user", "content": message})
        return self._reply()

    def _reply(self) -> str:
        reply = self._model([dict(message) for message in self._messages])[:LONGEST]
        self._messages.append({"role": "assistant", "content": reply})
        return reply


def seat(user: str | Model) -> Callable[[Request], User]:
    """What makes the user of an episode: `solo`, `scripted`, a model, or its place as `"module:attribute"`.

    Raises `ValueError` for anything else.
    """
    if callable(user):
        return lambda request: Modelled(request, user)
    if user in _BUILT_IN:
        return _BUILT_IN[user]
    module, colon, attribute = user.partition(":")
    try:
        return seat(getattr(import_module(module), attribute)) if colon else _nobody(user)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"user={user!r} cannot be imported: {error}; name it 'module:attribute'") from error


def _nobody(user: str) -> NoReturn:
    raise ValueError(
        f"user={user!r} is nobody: give 'solo', 'scripted', a function of messages or 'module:attribute'"
    )


_BUILT_IN: dict[str, Callable[[Request], User]] = {"solo": Solo, "scripted": Scripted}
