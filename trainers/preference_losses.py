"""Losses of preference pairs as pure functions of log-probabilities. Nothing here averages: callers weigh and sum."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import logsigmoid

Preference = Literal["dpo", "ipo"]


def margin(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> Tensor:
    """How much more the policy prefers the chosen reply than the reference does, in nats. All tensors [P].

    `h = (log pi(chosen) - log ref(chosen)) - (log pi(rejected) - log ref(rejected))`, each the sum over a reply's
    tokens (or their mean, which the caller decides).
    """
    return (chosen - ref_chosen) - (rejected - ref_rejected)


def dpo(h: Tensor, beta: float = 0.1, smoothing: Tensor | float = 0.0) -> Tensor:
    """Direct preference optimisation of margins `h` [P] (Rafailov et al. 2023, arXiv 2305.18290, equation 7).

    `-(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h)`, where `smoothing` e is the chance that a label is wrong
    (conservative DPO, equation 3 of Mitchell 2023, "A note on DPO with noisy preferences"), one or [P].
    """
    return -(1 - smoothing) * logsigmoid(beta * h) - smoothing * logsigmoid(-beta * h)


def ipo(h: Tensor, beta: float = 0.1) -> Tensor:
    """Identity preference optimisation of margins `h` [P]: `(h - 1 / (2 beta))^2` (Azar et al. 2023, arXiv 2310.12036,
    equation 17, whose tau is `beta`)."""
    return (h - 1 / (2 * beta)).square()


def preference(h: Tensor, kind: Preference, beta: float, smoothing: float) -> Tensor:
    """The loss of each pair [P]. Raises `ValueError` where there is none of that name."""
    if kind == "dpo":
        return dpo(h, beta, smoothing)
    if kind == "ipo":
        return ipo(h, beta)
    raise ValueError(f"preference loss {kind!r} is unknown; choose 'dpo' or 'ipo'")


def gap_weights(gaps: Tensor) -> Tensor:
    """What each pair counts whose advantages are `gaps` [P] apart: its gap over the mean gap, so that they average 1.

    Weighted DPO after StepORLM (arXiv 2509.22558), which weighs a pair by how far apart its members are in quality.
    """
    return gaps / gaps.mean().clamp(min=1e-12)
