"""The model that learned credit reads turns with, as whoever builds the run hands it over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from turngym.core.samples import Sample


class Reading(Protocol):
    """Some samples in one padded batch; T counts the tokens that were sampled in them, by sample and position.

    Both methods run the model and keep the graph unless gradients are off.
    """

    @property
    def sequence(self) -> Tensor:
        """[T] which of the given samples."""
        ...

    @property
    def row(self) -> Tensor:
        """[T] which turn, as a row of `Steps`."""
        ...

    @property
    def token(self) -> Tensor:
        """[T] which token, counting the sampled tokens of all given samples in order, as `Credits` per token does."""
        ...

    @property
    def old(self) -> Tensor:
        """[T] log-probability under the rolling old policy: the trainer's, or the engine's where it scores none."""
        ...

    @property
    def ref(self) -> Tensor | None:
        """[T] log-probability under the trainer's frozen reference, where it has one."""
        ...

    def logprobs(self) -> Tensor:
        """[T] log-probability of each token under the model, in fp32."""
        ...

    def hidden(self) -> Tensor:
        """[T, D] what the trunk puts out *at* each token, so a turn's last one has seen the whole action."""
        ...


class Backbone(Protocol):
    """A causal language model with weights of its own, made when first needed: the policy as it is then, by default.

    It computes without dropout, so that the same samples give the same numbers with and without gradients.
    """

    @property
    def width(self) -> int:
        """D, the size of its hidden states."""
        ...

    @property
    def vocabulary(self) -> int:
        """V, how many tokens it knows."""
        ...

    @property
    def device(self) -> torch.device: ...

    def logits(self, hidden: Tensor) -> Tensor:
        """[T, V] what hidden states [T, D] say of the next token, in fp32."""
        ...

    def parameters(self) -> Iterable[nn.Parameter]:
        """What may be trained."""
        ...

    def fits(self, samples: Sequence[Sample]) -> bool:
        """Whether the samples fit one batch, padding included."""
        ...

    def read(self, samples: Sequence[Sample], among: Sequence[int] | None = None) -> Iterator[Reading]:
        """All samples, or those `among` them, in batches that fit; numbers count within all of them."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Learner:
    """A backbone, perhaps with a head on it, and their AdamW; made when first used, as the backbone is."""

    def __init__(
        self,
        backbone: Backbone,
        *,
        head: Callable[[int], nn.Module] | None = None,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        max_grad_norm: float = 10.0,
    ) -> None:
        self.backbone, self.max_grad_norm, self.updates = backbone, max_grad_norm, 0
        self.lr, self.betas, self.weight_decay = lr, betas, weight_decay
        self._make_head = head
        self._head: nn.Module | None = None
        self._optimizer: torch.optim.Optimizer | None = None

    @property
    def head(self) -> nn.Module:
        """The head, on the backbone's device. Raises `LookupError` where there is to be none."""
        if self._make_head is None:
            raise LookupError(
                "this learner has no head; give it one that takes the width of the hidden states"
            )
        if self._head is None:
            self._head = self._make_head(self.backbone.width).to(self.backbone.device)
        return self._head

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW over backbone and head."""
        if self._optimizer is None:
            self._optimizer = torch.optim.AdamW(
                self.parameters(), lr=self.lr, betas=self.betas, weight_decay=self.weight_decay
            )
        return self._optimizer

    def parameters(self) -> list[nn.Parameter]:
        """Those of the backbone, then those of the head."""
        return [*self.backbone.parameters(), *(self.head.parameters() if self._make_head else ())]

    def step(self) -> dict[str, float]:
        """Follow the gradients that have been summed and clear them; gives their norm.

        A norm that is not finite leaves weights and optimizer as they are and counts as skipped.
        """
        norm = float(nn.utils.clip_grad_norm_(self.parameters(), self.max_grad_norm))
        sound = math.isfinite(norm)
        if sound:
            self.optimizer.step()
            self.updates += 1
        self.optimizer.zero_grad(set_to_none=True)
        return {"grad_norm": norm if sound else 0.0, "updates_skipped": float(not sound)}

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimizer and the number of updates."""
        head = {"head": self.head.state_dict()} if self._make_head else {}
        model = {"backbone": self.backbone.state_dict(), "optimizer": self.optimizer.state_dict()}
        return head | model | {"updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`."""
        self.backbone.load_state_dict(state["backbone"])
        if self._make_head:
            self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = state["updates"]
