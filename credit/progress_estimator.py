"""SPA's progress estimator: a head that reads what each turn contributed, so that an episode's sum is its outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

HeadKind = Literal["mlp", "hidden", "logits"]


class Features(Protocol):
    """What a head needs of a backbone."""

    @property
    def width(self) -> int: ...

    @property
    def vocabulary(self) -> int: ...

    def logits(self, hidden: Tensor) -> Tensor: ...


class Head(nn.Module):
    """From what a backbone puts out at turns' last tokens to their contributions.

    `mlp` (the paper): a hidden layer as wide as the backbone's output, tanh, one number. `hidden`: one linear layer on
    the hidden state. `logits` (the released code): one linear layer on the vocabulary's logits, which equals a linear
    one on the hidden state as long as the output embedding is not trained.
    """

    def __init__(
        self,
        kind: HeadKind,
        backbone: Features,
        *,
        intercept: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.features: Callable[[Tensor], Tensor] = backbone.logits if kind == "logits" else _as_they_are
        self.layers = _layers(kind, backbone).to(dtype)
        self.intercept = nn.Parameter(torch.zeros((), dtype=dtype)) if intercept else None
        self.dtype = dtype

    def forward(self, hidden: Tensor) -> Tensor:
        """Contributions [E] of turns whose last tokens gave `hidden` [E, D]."""
        contribution: Tensor = self.layers(self.features(hidden).to(self.dtype)).squeeze(-1)
        return contribution


def _as_they_are(hidden: Tensor) -> Tensor:
    return hidden


def _layers(kind: HeadKind, backbone: Features) -> nn.Module:
    """Drawn by torch's global generator; those on hidden states begin by saying 0 of every turn."""
    if kind == "logits":
        return nn.Linear(backbone.vocabulary, 1)
    last = nn.Linear(backbone.width, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    if kind == "hidden":
        return last
    return nn.Sequential(nn.Linear(backbone.width, backbone.width), nn.Tanh(), last)


def summed(contribution: Tensor, episode: Tensor, episodes: int) -> Tensor:
    """What an estimator predicts of each episode: its turns' sum, 0 where it has no turn. [B]

    `episode` [E] is the number, below `episodes`, of each turn's episode.
    """
    return contribution.new_zeros(episodes).index_add(0, episode, contribution)


def regression_loss(predicted: Tensor, outcome: Tensor) -> Tensor:
    """The mean squared error over episodes [B]; to each turn of an episode it says 2 (predicted - outcome) / B."""
    return (predicted - outcome).square().mean()
