"""Rejection-sampling fine-tuning: clone what the policy did well itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from turngym.agents.engines.hf import HFEngine
from turngym.core.samples import Sample
from turngym.trainers.cloning import CloningTrainer
from turngym.trainers.policy import rate


class RejectionTrainer(CloningTrainer):
    """Keeps what credit says is good, drops the rest, and clones what was kept, `epochs` times over.

    Kept are the turns whose advantage is over `above`; of sequences with such turns, with `top`, only that share of
    the step's that has the highest mean advantage (at least one). With group credit this keeps the episodes that did
    better than their group; with groups of one, where `dr_grpo` leaves the reward as it is, those that won (RFT, Yuan
    et al. 2023, arXiv 2308.01825). With `weighted`, a kept turn counts by its advantage instead of 1 (reward-weighted
    regression, Peters and Schaal 2007). Tokens that are not kept stay as context, as in a masked SFT.
    """

    def __init__(
        self,
        model: nn.Module,
        engine: HFEngine,
        *,
        above: float = 0.0,
        top: float | None = None,
        weighted: bool = False,
        lr: float = 1e-5,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.01,
        warmup: int = 0,
        decay: int | None = None,
        epochs: int = 1,
        minibatch: int = 32,
        max_tokens: int = 16384,
        max_grad_norm: float = 1.0,
        precision: str = "fp32",
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        if top is not None and not 0 < top <= 1:
            raise ValueError(f"top is {top}; give a share above 0, of at most 1")
        super().__init__(
            model,
            episodes=minibatch,
            lr=lr,
            betas=betas,
            weight_decay=weight_decay,
            minibatch=minibatch,
            max_tokens=max_tokens,
            max_grad_norm=max_grad_norm,
            precision=precision,
            device=device,
            seed=seed,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, partial(rate, warmup=warmup, decay=decay)
        )
        self.engine, self.above, self.top, self.weighted, self.epochs = engine, above, top, weighted, epochs
        self.updates = 0

    def score(self, samples: Sequence[Sample]) -> None:
        """Nothing is needed from the weights as they are."""

    def update(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Clone the best of one step's samples; gives the loss of the last pass and the share of samples kept."""
        if not samples:
            return {}
        good = kept(samples, self.above, self.top, weighted=self.weighted)
        metrics: dict[str, float] = {}
        for _ in range(self.epochs if good else 0):
            metrics = super().update(good)
        self.updates += 1
        return metrics | {"kept": len(good) / len(samples)}

    def publish(self) -> HFEngine:
        """The engine that samples from the weights as they are."""
        self.engine.updated(self.updates)
        return self.engine

    def state_dict(self) -> dict[str, Any]:
        """All but the model's own weights: optimizer, schedule and what was counted."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "version": self.version,
            "updates": self.updates,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`; the model's weights are loaded by whoever built the model."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.version, self.updates = state["version"], state["updates"]


def kept(
    samples: Sequence[Sample], above: float = 0.0, top: float | None = None, *, weighted: bool = False
) -> list[Sample]:
    """Copies of the samples that are worth cloning, whose advantages are what each token weighs: 0 on what is not."""
    good = [sample for sample in samples if any(_good(sample, above))]
    if top is not None and good:
        good = sorted(good, key=_mean_advantage, reverse=True)[: max(1, round(top * len(samples)))]
    return [replace(sample, advantages=_weights(sample, above, weighted)) for sample in good]


def _good(sample: Sample, above: float) -> list[bool]:
    pairs = zip(sample.row, sample.advantages, strict=True)
    return [row >= 0 and advantage > above for row, advantage in pairs]


def _weights(sample: Sample, above: float, weighted: bool) -> list[float]:
    marks = zip(_good(sample, above), sample.advantages, strict=True)
    return [(max(advantage, 0.0) if weighted else 1.0) if good else 0.0 for good, advantage in marks]


def _mean_advantage(sample: Sample) -> float:
    """Over the tokens that were sampled."""
    pairs = zip(sample.row, sample.advantages, strict=True)
    return float(np.mean([advantage for row, advantage in pairs if row >= 0]))
