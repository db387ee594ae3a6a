"""An engine that says what it was told to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from turngym.agents.llm import Completion, Engine, Sampling

Line = str | Sequence[int]
"""One reply: text, or exact token ids."""
Script = Sequence[Line] | Callable[[list[int], Sampling], Line]


class ScriptedEngine:
    """Replays a list of replies, from its beginning in every episode, or asks a function for each.

    Text is turned into ids by `encode` and closed with `end_id`, if given; ids are taken as they are. A reply
    longer than `max_tokens` is cut off. A script is certain of itself: every log-probability is 0.
    """

    def __init__(
        self,
        script: Script,
        *,
        encode: Callable[[str], list[int]] | None = None,
        end_id: int | None = None,
        version: int = 0,
    ) -> None:
        self.version = version
        self._script, self._encode, self._end_id = script, encode, end_id
        self._unbound = _Episode(self)

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """The next line. Raises `IndexError` after the last, `ValueError` for text without `encode`."""
        return await self._unbound.generate(prompt_ids, sampling)

    @contextmanager
    def session(self) -> Iterator[Engine]:
        """The script from its first line."""
        yield _Episode(self)

    def answer(self, turn: int, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """The completion of one turn of the script."""
        token_ids = self._ids(self._line(turn, prompt_ids, sampling))
        kept = token_ids[: sampling.max_tokens]
        ended = len(kept) == len(token_ids)
        return Completion(
            token_ids=kept,
            logprobs=[0.0] * len(kept),
            stop="stop" if ended else "length",
            version=self.version,
        )

    def _line(self, turn: int, prompt_ids: list[int], sampling: Sampling) -> Line:
        if callable(self._script):
            return self._script(prompt_ids, sampling)
        if turn >= len(self._script):
            raise IndexError(
                f"the script has {len(self._script)} replies but was asked for one more; lengthen it"
            )
        return self._script[turn]

    def _ids(self, line: Line) -> list[int]:
        if not isinstance(line, str):
            return list(line)
        if self._encode is None:
            raise ValueError(f"the script says {line!r} but has no encode=...; give one, or write token ids")
        return self._encode(line) + ([] if self._end_id is None else [self._end_id])


class _Episode:
    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine, self._turns = engine, count()

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        return self._engine.answer(next(self._turns), prompt_ids, sampling)
