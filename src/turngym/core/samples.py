"""From episodes to training sequences: which tokens the model saw and which it sampled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from turngym.core.errors import UserError
from turngym.core.types import Call, Trajectory


class NoTokens(UserError, ValueError):
    """An episode whose engine told no token ids: it can be scored and not trained on."""


@dataclass(kw_only=True, slots=True)
class Sample:
    """One training sequence; every list but `next_ids` is as long as `token_ids` or `None`.

    Prompt P0, reply A0, what the environment added E0, reply A1 give
    `token_ids = P0 + A0 + E0 + A1` and `row = [-1]*|P0| + [0]*|A0| + [-1]*|E0| + [1]*|A1|`.
    """

    version: int
    """The oldest policy version that sampled one of its tokens."""
    versions: list[int] | None = None
    """The version that sampled each token, where they differ; context counts with what came before it."""
    token_ids: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    """The turn (row of `Steps`) that sampled the token; -1 for context, which is never trained on."""
    logprobs: list[float] = field(default_factory=list)
    """What the engine reported; 0.0 on context."""
    advantages: list[float] = field(default_factory=list)
    old_logprobs: list[float] | None = None
    ref_logprobs: list[float] | None = None
    values: list[float] | None = None
    returns: list[float] | None = None
    next_ids: list[int] = field(default_factory=list)
    """The prompt that would have come next, where a limit cut the episode off after this sample."""
    final_value: float | None = None
    """What a critic says of that prompt."""

    @property
    def sampled(self) -> int:
        """How many of the tokens the model sampled."""
        return sum(row >= 0 for row in self.row)

    def extend(self, context: Sequence[int], call: Call, row: int) -> None:
        """Append context tokens and one call's sampled tokens."""
        self._date(len(context), call)
        blank, sampled = [0.0] * len(context), [0.0] * len(call.action_ids)
        self.token_ids += [*context, *call.action_ids]
        self.row += [-1] * len(context) + [row] * len(call.action_ids)
        self.logprobs += [*blank, *call.logprobs]
        self.advantages += [*blank, *sampled]

    def _date(self, context: int, call: Call) -> None:
        """Note the versions of what is about to be appended."""
        if self.versions is None and call.versions is None and call.version == self.version:
            return
        known = self.versions or [self.version] * len(self.token_ids)
        latest = known[-1] if known else call.version
        fresh = call.versions or [call.version] * len(call.action_ids)
        self.versions = [*known, *[latest] * context, *fresh]
        self.version = min(self.version, call.version)


def pack(trajectories: Iterable[Trajectory]) -> list[Sample]:
    """Training sequences of the episodes; rows count turns over all episodes in order, as `Steps` does.

    A call whose prompt continues the sequence so far is appended to it; any other opens a new sample. So a
    growing conversation is one sample an episode, a prompt written afresh each turn one sample a turn. Candidates
    that were not acted on are left out. Raises `NoTokens`.
    """
    samples: list[Sample] = []
    row = 0
    for trajectory in trajectories:
        current: Sample | None = None
        for turn in trajectory.turns:
            _check_tokens(trajectory, turn.calls)
            for call in turn.calls:
                if call.chosen:
                    current = _place(samples, current, call, row)
            row += 1
        if current is not None:
            current.next_ids = trajectory.next_ids
    return samples


def _check_tokens(trajectory: Trajectory, calls: Iterable[Call]) -> None:
    if any(call.spoken is not None for call in calls):
        raise NoTokens(
            f"{trajectory.task.id}, member {trajectory.member}, cannot be trained on: its engine answered in text and "
            "told no token ids; play it with an engine that tells them, as hf or http_tokens"
        )


def _place(samples: list[Sample], current: Sample | None, call: Call, row: int) -> Sample:
    length = len(current.token_ids) if current else 0
    if current is None or call.prompt_ids[:length] != current.token_ids:
        current, length = Sample(version=call.version), 0
        samples.append(current)
    current.extend(call.prompt_ids[length:], call, row)
    return current


def assign(
    samples: Sequence[Sample],
    advantages: Sequence[float],
    returns: Sequence[float] | None = None,
    *,
    per: Literal["turn", "token"] = "turn",
) -> None:
    """Write credit into the samples: one number per turn, or one per sampled token in order.

    Per-turn numbers go to every token the turn sampled. Raises `ValueError` when there are too few numbers for the
    turns, or not exactly one for every sampled token.
    """
    turns = 1 + max((row for sample in samples for row in sample.row), default=-1)
    tokens = sum(sample.sampled for sample in samples)
    if len(advantages) < turns if per == "turn" else len(advantages) != tokens:
        raise ValueError(
            f"credit gave {len(advantages)} advantages per {per} for {turns} turns and {tokens} sampled tokens; "
            "return one for each"
        )
    (_assign_rows if per == "turn" else _assign_tokens)(samples, advantages, returns)


def _assign_rows(
    samples: Sequence[Sample], advantages: Sequence[float], returns: Sequence[float] | None
) -> None:
    for sample in samples:
        sample.advantages = [float(advantages[row]) if row >= 0 else 0.0 for row in sample.row]
        if returns is not None:
            sample.returns = [float(returns[row]) if row >= 0 else 0.0 for row in sample.row]


def _assign_tokens(
    samples: Sequence[Sample], advantages: Sequence[float], returns: Sequence[float] | None
) -> None:
    advantage, target = iter(advantages), iter(returns if returns is not None else ())
    for sample in samples:
        sample.advantages = [float(next(advantage)) if row >= 0 else 0.0 for row in sample.row]
        if returns is not None:
            sample.returns = [float(next(target)) if row >= 0 else 0.0 for row in sample.row]
