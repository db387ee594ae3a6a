"""SPA's step rewards on tokens, and advantages over all positions of a sequence, as its released trainer has them.

The reference is TRL 0.10.1 with StepTool's trainer. Arrays are as long as the sequence; `sampled` marks the tokens
of the policy, everything else is prompt or observation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from turngym.core.samples import Sample, pack
from turngym.credit import Credits
from turngym.credit.steps import Bools, Floats, Ints, Steps
from turngym.credit.toolbox import fraction, whiten


@dataclass(frozen=True, kw_only=True)
class PositionGAE:
    """GAE as SPA's released PPO has it (TRL 0.10.1): over all positions of a sequence, then whitened.

    A turn's reward stands at its last token. Each sequence of `pack` is estimated on its own; an episode that was cut
    off ends in 0. Raises `ValueError` where a critic's values are missing.
    """

    gamma: float = 0.99
    """Discount per position, observations included."""
    lam: float = 0.95
    whiten: bool = True
    """Shift and scale to mean 0 and variance 1 over all sampled tokens; the returns stay as they are."""

    def __post_init__(self) -> None:
        fraction(gamma=self.gamma, lam=self.lam)

    def __call__(self, steps: Steps) -> Credits:
        if steps.token_value is None:
            raise ValueError("gae_positions needs Steps.token_value; train with a critic")
        raw = np.concatenate([np.zeros(0), *self._of_samples(steps, steps.token_value)])
        once = np.ones(len(raw), dtype=np.int64)
        return Credits(
            advantages=whiten(raw, once) if self.whiten else raw, per="token", returns=raw + steps.token_value
        )

    def _of_samples(self, steps: Steps, value: Floats) -> Iterator[Floats]:
        samples = tokens_of(steps)
        reward = at_turn_ends(steps.reward, samples)
        start = 0
        for sample in samples:
            sampled = np.array(sample.row) >= 0
            chosen = slice(start, start + int(sampled.sum()))
            paid, expected = _at(sampled, reward[chosen]), _at(sampled, value[chosen])
            yield advantages(paid, expected, sampled, gamma=self.gamma, lam=self.lam)[sampled]
            start = chosen.stop


def _at(sampled: Bools, x: Floats) -> Floats:
    positions = np.zeros(len(sampled))
    positions[sampled] = x
    return positions


def tokens_of(steps: Steps) -> Sequence[Sample]:
    """The table's turns in tokens."""
    return steps.samples or pack(steps.trajectories)


def turn_ends(samples: Sequence[Sample], rows: int) -> Ints:
    """Each turn's last sampled token, numbered over all samples in order; -1 for a turn that sampled none. [N]"""
    row = np.array([row for sample in samples for row in sample.row if row >= 0], dtype=np.int64)
    ends = np.full(rows, -1, dtype=np.int64)
    ends[row] = np.arange(len(row))  # of several writes to one row the last stays
    return ends


def at_turn_ends(x: Floats, samples: Sequence[Sample]) -> Floats:
    """Each turn's number at its last sampled token, 0 at the others; a turn without one is lost. [T]"""
    ends = turn_ends(samples, len(x))
    tokens = np.zeros(sum(sample.sampled for sample in samples))
    tokens[ends[ends >= 0]] = x[ends >= 0]
    return tokens


def shortened(samples: Sequence[Sample], length: int) -> list[Sample]:
    """Samples without the tokens beyond `length`, in which a turn may end early or be missing."""
    return [
        Sample(
            version=sample.version,
            token_ids=sample.token_ids[:length],
            row=sample.row[:length],
            logprobs=sample.logprobs[:length],
            advantages=sample.advantages[:length],
        )
        for sample in samples
    ]


def segment_ends(sampled: Bools) -> Ints:
    """The last position of each unbroken run of sampled tokens, in order. [K]"""
    following = np.append(sampled[1:], False)
    return np.flatnonzero(sampled & ~following).astype(np.int64)


def placed(score: npt.NDArray[np.floating], sampled: Bools, *, remaining: bool = False) -> Floats:
    """Each turn's score at the last token of its run of sampled tokens, 0 elsewhere. [L]

    Scores and runs are matched from the end until either runs out, so a sequence that lost its beginning loses its
    oldest scores. `remaining` multiplies score k of n by n - 1 - k, as released: the last counts nothing. The product
    is rounded to the type of `score`.
    """
    weight = np.arange(len(score))[::-1] if remaining else np.ones(len(score))
    weighed = score * weight.astype(score.dtype)
    ends = segment_ends(sampled)
    matched = min(len(weighed), len(ends))
    tokens = np.zeros(len(sampled))
    tokens[ends[len(ends) - matched :]] = weighed[len(weighed) - matched :]
    return tokens


def penalised(reward: Floats, logprobs: Floats, reference: Floats, kl_coef: float) -> Floats:
    """The reward less `kl_coef` times the log-ratio to the reference model at every position. [L]"""
    return np.asarray(reward - kl_coef * (logprobs - reference), dtype=np.float64)


def advantages(reward: Floats, value: Floats, sampled: Bools, *, gamma: float, lam: float) -> Floats:
    """Generalized advantage estimates at every position, before whitening. [L]

    The recursion also runs through what the policy did not sample, with reward and value 0 there, so credit fades
    with the length of the observations. The return that a critic is fitted to is advantage plus `value * sampled`.
    """
    reward, value = reward * sampled, value * sampled
    answer, tail = np.zeros(len(reward)), 0.0
    for t in reversed(range(len(reward))):
        upcoming = value[t + 1] if t + 1 < len(value) else 0.0
        tail = reward[t] + gamma * upcoming - value[t] + gamma * lam * tail
        answer[t] = tail
    return answer


def adapted(
    kl_coef: float, kl: float, episodes: int, *, target: float = 6.0, horizon: float = 10_000.0
) -> float:
    """The KL coefficient after a step over `episodes` (Ziegler et al. 2019, arXiv 1909.08593, section 2.2).

    `kl` is the mean over episodes of the log-ratio summed over their sampled tokens.
    """
    error = min(max(kl / target - 1, -0.2), 0.2)
    return kl_coef * (1 + error * episodes / horizon)
