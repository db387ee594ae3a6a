"""One judge for turns, episodes and pairs: a form of answer, a model that answers, and a memory of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, runtime_checkable

from turngym.core import config
from turngym.core.errors import ConfigError, Failure
from turngym.core.types import Trajectory
from turngym.credit.judging import forms, registry
from turngym.credit.judging.cache import Cache, key
from turngym.credit.judging.questions import Message, about_episode, about_pair, about_turn
from turngym.credit.judging.verdict import Unscored, Verdict

Conversation = list[Message]


class Model(Protocol):
    """What answers a judge's questions: chat messages in, text out, from several threads at once.

    Raises `Failure` or `OSError` where it cannot answer; anything else is a mistake in the program and stops it.
    `settings`, if it has them, are JSON values that decide its answers; a cache on disk needs them.
    """

    def __call__(self, messages: Sequence[Message], /) -> str: ...


@runtime_checkable
class Weighing(Protocol):
    """A model that can also say how probable each of a few words is as its answer."""

    def weigh(self, messages: Sequence[Message], choices: Sequence[str], /) -> dict[str, float]: ...


@runtime_checkable
class Weighable(Protocol):
    """A form that can read such probabilities."""

    @property
    def weighed(self) -> bool:
        """Whether it does."""
        ...

    @property
    def choices(self) -> Sequence[str]: ...

    def weigh(self, probabilities: Mapping[str, float], /) -> Verdict: ...


class Judge:
    """Asks a model about turns, episodes or pairs of episodes, and reads its answers by a form.

    A question is asked once: equal questions share their answer, kept by content in `cache` (a file that several
    processes may use) or in memory. A malformed answer is shown to the model again, `attempts` times in all. After
    `patience` failures in a row the model counts as unreachable for the rest of the batch.
    """

    def __init__(
        self,
        *,
        model: Model | dict[str, Any],
        form: forms.Form | dict[str, Any],
        cache: str | None = None,
        attempts: int = 2,
        workers: int = 8,
        patience: int = 4,
        hindsight: bool = False,
    ) -> None:
        """`model` and `form` may be sections of a run file. `hindsight` shows a judge of turns the whole episode.

        Raises `ConfigError` for a cache on disk of a model without `settings`, and for a form that weighs words with a
        model that gives no probabilities.
        """
        self.model: Model = config.build(registry, model, "judge.model") if isinstance(model, dict) else model
        self.form: forms.Form = (
            config.build(forms.registry, form, "judge.form") if isinstance(form, dict) else form
        )
        for name, number in (("attempts", attempts), ("workers", workers), ("patience", patience)):
            if number < 1:
                raise ConfigError(f"{name} is {number}; a judge needs at least 1")
        self.attempts, self.workers, self.patience = attempts, workers, patience
        self.hindsight = hindsight
        self.settings = getattr(self.model, "settings", None)
        if cache is not None and self.settings is None:
            raise ConfigError(
                f"cannot keep answers in {cache}: the model has no settings that tell it from others"
            )
        self._weighed = self.form if isinstance(self.form, Weighable) and self.form.weighed else None
        if self._weighed is not None and not isinstance(self.model, Weighing):
            raise ConfigError(
                "the form weighs words, but the model tells no probabilities; set weighed = false"
            )
        self.cache = Cache(None if cache is None else Path(cache))

    def turns(self, trajectories: Sequence[Trajectory]) -> list[Verdict]:
        """A verdict on every turn, row by row as in `Steps`. [N]"""
        say = self.form.instruction
        return self.ask(
            [
                about_turn(trajectory, t, say, hindsight=self.hindsight)
                for trajectory in trajectories
                for t in range(len(trajectory.turns))
            ]
        )

    def episodes(self, trajectories: Sequence[Trajectory]) -> list[Verdict]:
        """A verdict on every episode. [trajectories]"""
        return self.ask([about_episode(trajectory, self.form.instruction) for trajectory in trajectories])

    def pairs(self, pairs: Sequence[tuple[Trajectory, Trajectory]]) -> list[Verdict]:
        """How probably the first of each pair is the better one. [pairs]"""
        return self.ask([about_pair(a, b, self.form.instruction) for a, b in pairs])

    def ask(self, questions: Sequence[Conversation]) -> list[Verdict]:
        """The verdicts on any conversations, in their order, each distinct one asked once."""
        distinct = {self._key(question): question for question in questions}
        line = _Line(self.patience)
        with ThreadPoolExecutor(self.workers) as pool:
            verdicts = pool.map(lambda question: self._verdict(question, line), distinct.values())
            known = dict(zip(distinct, verdicts, strict=True))
        return [known[self._key(question)] for question in questions]

    def _verdict(self, question: Conversation, line: _Line) -> Verdict:
        verdict: Verdict = Unscored("malformed", "the judge was not asked")
        for _ in range(self.attempts):
            try:
                answer = self._answer(question, line)
            except (Failure, OSError) as error:
                return Unscored("unreachable", line.broken(error))
            verdict = self._read(answer)
            if not isinstance(verdict, Unscored) or not isinstance(answer, str):
                return verdict
            question = _again(question, answer, verdict, self.form.instruction)
        return verdict

    def _read(self, answer: str | dict[str, float]) -> Verdict:
        if isinstance(answer, str):
            return self.form.read(answer)
        assert self._weighed is not None, "only a form that weighs was answered with probabilities"
        return self._weighed.weigh(answer)

    def _answer(self, question: Conversation, line: _Line) -> str | dict[str, float]:
        """From memory, or else from the model, whose answer is kept whatever its form."""
        name = self._key(question)
        known: str | dict[str, float] | None = self.cache.get(name)
        if known is not None:
            return known
        line.check()
        answer = self._fresh(question)
        line.held()
        self.cache.put(name, answer)
        return answer

    def _fresh(self, question: Conversation) -> str | dict[str, float]:
        if self._weighed is not None and isinstance(self.model, Weighing):
            return self.model.weigh(question, self._weighed.choices)
        return self.model(question)

    def _key(self, question: Conversation) -> str:
        choices = None if self._weighed is None else list(self._weighed.choices)
        return key({"messages": question, "settings": self.settings, "choices": choices})


def judge_of(judge: Judge | dict[str, Any]) -> Judge:
    """The judge itself, or the one that a section of a run file describes."""
    return (
        config.construct(lambda: Judge(**config.bind(Judge, judge, "judge")), "judge")
        if isinstance(judge, dict)
        else judge
    )


def _again(question: Conversation, answer: str, fault: Unscored, instruction: str) -> Conversation:
    """The conversation with the answer that could not be read, and what was wrong with it."""
    remark = f"This could not be read: {fault.reason}.\n{instruction}"
    return [*question, {"role": "assistant", "content": answer}, {"role": "user", "content": remark}]


class _Line:
    """Whether the model still answers: open until it failed `patience` times in a row."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._failures = 0
        self._cause = ""
        self._lock = Lock()

    def check(self) -> None:
        """Raise `Failure` where the line is dead."""
        with self._lock:
            if self._failures >= self._patience:
                raise _Dead(f"not asked after {self._failures} failures in a row, the last: {self._cause}")

    def held(self) -> None:
        with self._lock:
            self._failures = 0

    def broken(self, error: Exception) -> str:
        """Count a failure; why the question has no answer."""
        reason = str(error) or type(error).__name__
        with self._lock:
            if not isinstance(error, _Dead):
                self._failures += 1
                self._cause = reason
        return reason


class _Dead(Failure):
    pass
