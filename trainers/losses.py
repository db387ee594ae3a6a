"""Losses as pure functions of tensors of sampled tokens. Nothing here averages: callers weigh and sum."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

KL = Literal["k1", "k2", "k3"]
Normalise = Literal["token", "sequence", "turn"]
Ratio = Literal["token", "turn"]


def checked_ratio(kind: Ratio) -> Ratio:
    """The kind itself. Raises `ValueError` where there is none of that name."""
    if kind not in ("token", "turn"):
        raise ValueError(f"ratio {kind!r} is unknown; choose 'token' or 'turn'")
    return kind


def log_ratio(logp: Tensor, old: Tensor, sequence: Tensor, row: Tensor, kind: Ratio = "token") -> Tensor:
    """Logarithm of the ratio of policies that each token's loss is made of. All tensors [T].

    `token`: the token's own. `turn`: the sum over the tokens of its turn, which turns share (OPRL, arXiv 2509.19199,
    equation 6); `sequence` and `row` number the sequence and the turn a token belongs to.
    """
    own = logp - old
    if checked_ratio(kind) == "token":
        return own
    _, turn = torch.unique(torch.stack([sequence, row]), dim=1, return_inverse=True)
    total = torch.zeros(int(turn.max()) + 1 if len(turn) else 0, dtype=own.dtype, device=own.device)
    return total.index_add(0, turn, own)[turn]


def clipped(
    log_ratio: Tensor,
    advantage: Tensor,
    low: float = 0.2,
    high: float = 0.2,
    dual: float | None = 3.0,
) -> Tensor:
    """PPO's clipped surrogate per token, to be minimised. All tensors [T].

    The ratio `exp(log_ratio)` is clipped to `[1 - low, 1 + high]`; for negative advantages the loss is bounded
    by `-dual * advantage` (dual clip, Ye et al. 2020, arXiv 1912.09729). `dual=None` leaves that bound out.
    """
    ratio = log_ratio.exp()
    loss = torch.maximum(-advantage * ratio, -advantage * ratio.clamp(1 - low, 1 + high))
    if dual is None:
        return loss
    return torch.where(advantage < 0, torch.minimum(loss, -advantage * dual), loss)


def importance(old: Tensor, behaviour: Tensor, cap: float) -> tuple[Tensor, Tensor]:
    """What a token weighs that another policy sampled, and the plain ratio `exp(old - behaviour)`. All tensors [T].

    `behaviour` are the log-probabilities at sampling, `old` those of the policy that is about to be updated. The weight
    is `min(ratio, cap)` (truncated importance sampling, Ionides 2008; per token as in IMPALA, arXiv 1802.01561).
    """
    ratio = (old - behaviour).clamp(max=20).exp()
    return ratio.clamp(max=cap), ratio


def kl(logp: Tensor, ref: Tensor, kind: KL = "k3") -> Tensor:
    """An estimate of KL(policy || reference) per sampled token [T] (Schulman 2020, "Approximating KL divergence").

    `k1 = logp - ref` is unbiased and may be negative; `k2 = (logp - ref)^2 / 2`; `k3 = e^d - d - 1` with
    `d = ref - logp` is unbiased and never negative. k3 is bounded by 10, as verl has it.
    """
    if kind == "k1":
        return logp - ref
    if kind == "k2":
        return (logp - ref).square() / 2
    if kind == "k3":
        difference = ref - logp
        return (difference.exp() - difference - 1).clamp(-10, 10)
    raise ValueError(f"KL estimate {kind!r} is unknown; choose 'k1', 'k2' or 'k3'")


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of each row of `logits` [T, V]; gives [T]."""
    logp = logits.log_softmax(-1)
    return -(logp.exp() * logp).sum(-1)


def value_loss(value: Tensor, target: Tensor, old: Tensor | None = None, clip: float | None = None) -> Tensor:
    """Half the squared error per token [T]; with `old` and `clip` the larger of plain and clipped (PPO2)."""
    plain = (value - target).square() / 2
    if old is None or clip is None:
        return plain
    near = old + (value - old).clamp(-clip, clip)
    return torch.maximum(plain, (near - target).square() / 2)


def weights(sequence: Tensor, row: Tensor, how: Normalise = "token") -> Tensor:
    """How much each token [T] counts; the weights of a whole optimizer batch sum to 1.

    `sequence` and `row` number the sequence and the turn a token belongs to. `token`: every token alike (long
    episodes weigh more). `sequence`: every sequence alike, whatever its length. `turn`: every turn alike.
    """
    if how == "token":
        return torch.full((len(row),), 1.0 / max(len(row), 1), device=row.device)
    if how not in ("sequence", "turn"):
        raise ValueError(f"normalisation {how!r} is unknown; choose 'token', 'sequence' or 'turn'")
    _, member, count = torch.unique(
        sequence if how == "sequence" else row, return_inverse=True, return_counts=True
    )
    shares: Tensor = 1.0 / (count[member] * len(count))
    return shares
