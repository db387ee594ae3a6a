"""The critic: a value head on the policy's own trunk, or on a trunk of its own."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor, nn

from turngym.core.samples import Sample
from turngym.trainers import distributed
from turngym.trainers.batch import Batch, batches, scatter
from turngym.trainers.copies import Reader
from turngym.trainers.forward import hidden_states, width

Kind = Literal["none", "trunk", "own"]


class Critic(nn.Module):
    """Expected return before each sampled token, read from the hidden state that predicts the token.

    `trunk` reads the policy's hidden states, so the value loss trains the policy's trunk too. `own` reads those of a
    second model, a copy of the policy where training begins. The head begins by saying 0 of everything.
    """

    def __init__(self, model: nn.Module, kind: Kind) -> None:
        super().__init__()
        if kind not in ("trunk", "own"):
            raise ValueError(f"critic is {kind!r}; choose 'none', 'trunk' or 'own'")
        self.model = deepcopy(model) if kind == "own" else None
        self.head = _zero(nn.Linear(width(model), 1))

    def forward(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Values [T], given the policy's hidden states [T, D] of the batch."""
        own = hidden if self.model is None else hidden_states(self.model, batch)
        values: Tensor = self.head(own.float()).squeeze(-1)
        return values

    def follow(self, model: nn.Module) -> None:
        """Take the policy's weights, where the critic has a trunk of its own."""
        if self.model is not None:
            self.model.load_state_dict(model.state_dict())


def _zero(head: nn.Linear) -> nn.Linear:
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def value_ends(
    critic: Critic, reader: Reader, samples: Sequence[Sample], max_tokens: int, device: torch.device
) -> None:
    """Fill `final_value` of samples after which an episode was cut off: the value of the prompt that came next."""

    def values(batch: Batch) -> Tensor:
        hidden = reader(batch)[0] if critic.model is None else torch.empty(0)
        said: Tensor = critic(batch, hidden)
        return said.cpu()

    cut = [sample for sample in samples if sample.next_ids]
    prompts = [_before_a_token(sample.next_ids) for sample in cut]
    micro = list(batches(prompts, max_tokens, device))
    for batch, numbers in zip(micro, distributed.shared(micro, values), strict=True):
        scatter(batch, numbers, prompts, "values")
    for sample, prompt in zip(cut, prompts, strict=True):
        assert prompt.values is not None
        sample.final_value = prompt.values[-1]


def _before_a_token(prompt_ids: Sequence[int]) -> Sample:
    """A sample whose only sampled token, whichever it be, comes right after the prompt."""
    length = len(prompt_ids)
    return Sample(
        version=0,
        token_ids=[*prompt_ids, 0],
        row=[-1] * length + [0],
        logprobs=[0.0] * (length + 1),
        advantages=[0.0] * (length + 1),
    )
