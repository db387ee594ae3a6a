"""A language model for learned credit: its own weights, reading samples as the trainer does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from turngym.core.samples import Sample
from turngym.trainers.batch import Batch, batches
from turngym.trainers.forward import autocast, hidden_states, token_logits, token_logprobs, width


class OwnModel:
    """A causal language model that credit may train (`turngym.credit.backbone.Backbone`).

    `make` gives the module, called once and not before it is needed, so that a copy of the policy is one of the
    policy after its warm start.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        max_tokens: int = 16384,
        temperature: float = 1.0,
        precision: str = "fp32",
        device: str = "cpu",
        checkpointing: bool = False,
    ) -> None:
        self.max_tokens, self.temperature, self.precision = max_tokens, temperature, precision
        self.device, self.checkpointing = torch.device(device), checkpointing
        self._make = make
        self._model: nn.Module | None = None

    @property
    def model(self) -> nn.Module:
        """The module, made when first asked for."""
        if self._model is None:
            self._model = self._prepared(self._make())
        return self._model

    @property
    def width(self) -> int:
        """The size of the hidden states."""
        return width(self.model)

    @property
    def vocabulary(self) -> int:
        """How many tokens it knows."""
        size: int = self.model.get_output_embeddings().weight.shape[0]  # type: ignore[operator]
        return size

    def logits(self, hidden: Tensor) -> Tensor:
        """What hidden states say of the next token."""
        with self.computing():
            return token_logits(self.model, hidden)

    def computing(self) -> AbstractContextManager[None]:
        """What every forward pass is made in."""
        return autocast(self.device.type, self.precision)

    def parameters(self) -> Iterable[nn.Parameter]:
        """All weights."""
        return self.model.parameters()

    def fits(self, samples: Sequence[Sample]) -> bool:
        """Whether the samples fit one batch of `max_tokens`, padding included."""
        longest = max((len(sample.token_ids) for sample in samples), default=0)
        return longest * len(samples) <= self.max_tokens

    def read(self, samples: Sequence[Sample], among: Sequence[int] | None = None) -> Iterator[OwnReading]:
        """The samples, or those `among` them, in batches of at most `max_tokens` tokens."""
        chosen = list(range(len(samples)) if among is None else among)
        offset = np.cumsum([0, *(sample.sampled for sample in samples)])
        for batch in batches([samples[i] for i in chosen], self.max_tokens, self.device):
            index = [chosen[i] for i in batch.index]
            numbers = [offset[i] + _readable(samples[i]) for i in index]
            sequence = np.repeat(index, [len(of_one) for of_one in numbers])
            yield OwnReading(
                of=self,
                batch=replace(batch, index=index),
                sequence=torch.tensor(sequence, device=self.device),
                token=torch.tensor(np.concatenate(numbers), device=self.device),
            )

    def state_dict(self) -> dict[str, Any]:
        """The weights."""
        return self.model.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`."""
        self.model.load_state_dict(state)

    def _prepared(self, model: nn.Module) -> nn.Module:
        model = model.to(self.device).requires_grad_(True)
        if not self.checkpointing:
            return model.eval()
        model.gradient_checkpointing_enable()  # type: ignore[operator]
        _without_dropout(model)
        return model.train()


@dataclass(frozen=True, kw_only=True)
class OwnReading:
    """One batch of samples and the model that reads it (`turngym.credit.backbone.Reading`)."""

    of: OwnModel
    batch: Batch
    sequence: Tensor  # [T]
    token: Tensor  # [T]

    @property
    def row(self) -> Tensor:
        """[T] the turn of each token."""
        return self.batch.row

    @property
    def old(self) -> Tensor:
        """[T] under the rolling old policy."""
        return self.batch.logprobs if self.batch.old_logprobs is None else self.batch.old_logprobs

    @property
    def ref(self) -> Tensor | None:
        """[T] under the trainer's frozen reference."""
        return self.batch.ref_logprobs

    def logprobs(self) -> Tensor:
        """[T] under the model."""
        with self.of.computing():
            logits = token_logits(
                self.of.model, hidden_states(self.of.model, self.batch), self.of.temperature
            )
        return token_logprobs(logits, self.batch.target)

    def hidden(self) -> Tensor:
        """[T, D] at the tokens themselves, one position after those that predict them."""
        with self.of.computing():
            return hidden_states(self.of.model, replace(self.batch, at=self.batch.own))


def _readable(sample: Sample) -> Any:
    """Which of its sampled tokens a model can predict: all but one at the very start, where nothing precedes it."""
    positions = np.flatnonzero(np.array(sample.row) >= 0)
    return np.flatnonzero(positions > 0)


def _without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0  # type: ignore[assignment]
