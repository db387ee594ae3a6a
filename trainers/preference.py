"""Preference trainers: DPO and its kin on pairs that a step's samples hold. Credit says which answer is the better."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from turngym.agents.engines.hf import HFEngine
from turngym.core.samples import Sample
from turngym.core.seeding import derive_seed
from turngym.trainers import distributed
from turngym.trainers.batch import Batch, batches, scatter
from turngym.trainers.forward import autocast, hidden_states, token_logits, token_logprobs
from turngym.trainers.pairs import Answer, Choose, Level, Pair, pairs
from turngym.trainers.policy import rate
from turngym.trainers.preference_losses import Preference, gap_weights, margin, preference

Place = tuple[int, int]
"""A sample's number and a place in it."""


class PreferenceTrainer:
    """Learns to prefer the better of two answers to one prompt (`turngym.trainers.pairs`), by DPO or IPO.

    For a pair the margin is `h = log pi/ref (better) - log pi/ref (worse)`, sums over an answer's tokens, or means
    with `average`. `loss` is `dpo`, with `smoothing` conservative DPO, or `ipo`; `weighting = "gap"` counts a pair by
    how far apart its advantages are. The `reference` is the policy as training began (`start`) or as the step did
    (`round`, Xie et al. 2024, arXiv 2405.00451). One optimizer step takes `minibatch` pairs (0: all), `epochs` times
    over. The gradient is that of the whole minibatch, in two passes: what each answer weighs, then the answers in
    batches of `max_tokens` tokens.
    """

    def __init__(
        self,
        model: nn.Module,
        engine: HFEngine,
        *,
        loss: Preference = "dpo",
        beta: float = 0.1,
        smoothing: float = 0.0,
        weighting: Literal["none", "gap"] = "none",
        average: bool = False,
        reference: Literal["start", "round"] = "start",
        level: Level = "turn",
        choose: Choose = "all",
        margin: float = 0.0,
        lr: float = 1e-6,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.01,
        warmup: int = 0,
        decay: int | None = None,
        max_grad_norm: float = 1.0,
        epochs: int = 1,
        minibatch: int = 0,
        max_tokens: int = 16384,
        temperature: float = 1.0,
        precision: str = "fp32",
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        _check(loss, beta, smoothing, weighting, reference)
        self.model, self.engine, self.device = model.to(device), engine, torch.device(device)
        self.reference = deepcopy(model).requires_grad_(False).eval() if reference == "start" else None
        self.loss, self.beta, self.smoothing, self.weighting = loss, beta, smoothing, weighting
        self.average, self.level, self.choose, self.margin = average, level, choose, margin
        self.epochs, self.minibatch, self.max_tokens = epochs, minibatch, max_tokens
        self.max_grad_norm, self.temperature, self.precision = max_grad_norm, temperature, precision
        self.seed, self.version = seed, 0
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trainable, lr=lr, betas=betas, weight_decay=weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, partial(rate, warmup=warmup, decay=decay)
        )

    def score(self, samples: Sequence[Sample]) -> None:
        """Fill the reference's log-probabilities."""
        if self.version == 0 and self.reference is not None:
            self.reference.load_state_dict(self.model.state_dict())
        judge = self.model if self.reference is None else self.reference
        judge.eval()
        with torch.no_grad():
            for batch in batches(samples, self.max_tokens, self.device):
                scatter(batch, self._logprobs(judge, batch), samples, "ref_logprobs")

    def update(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Learn from the pairs of one step's samples; gives means over pairs, and how many there were."""
        if not samples:
            return {}
        ranked = pairs(samples, self.level, self.choose, self.margin)
        generator = np.random.default_rng(derive_seed(self.seed, "pairs", self.version))
        sums: defaultdict[str, float] = defaultdict(float)
        self.model.train()
        for _ in range(self.epochs if ranked else 0):
            order = generator.permutation(len(ranked)).tolist()
            size = self.minibatch or len(order)
            for start in range(0, len(order), size):
                self._optimizer_step(samples, [ranked[i] for i in order[start : start + size]], sums)
        self.version += 1
        seen = max(self.epochs * len(ranked), 1)
        return {name: total / seen for name, total in sums.items()} | {"pairs": len(ranked)}

    def publish(self) -> HFEngine:
        """The engine that samples from the weights as they are."""
        self.engine.updated(self.version)
        return self.engine

    def _optimizer_step(
        self, samples: Sequence[Sample], chosen: Sequence[Pair], sums: defaultdict[str, float]
    ) -> None:
        used = sorted({answer.sample for pair in chosen for answer in (pair.chosen, pair.rejected)})
        weight = self._token_weights(samples, used, chosen, sums)
        self.optimizer.zero_grad(set_to_none=True)
        for batch in self._batches(samples, used):
            logp = self._logprobs(self.model, batch)
            share = logp.new_tensor([weight.get(place, 0.0) for place in _places(batch, samples, used)])
            torch.autograd.backward((logp * share).sum())
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.max_grad_norm)
        self.optimizer.step()
        self.schedule.step()
        sums["grad_norm"] += float(norm) * len(chosen)

    def _token_weights(
        self,
        samples: Sequence[Sample],
        used: Sequence[int],
        chosen: Sequence[Pair],
        sums: defaultdict[str, float],
    ) -> dict[Place, float]:
        """The derivative of the pairs' mean loss by each token's log-probability."""
        known: dict[Place, float] = {}
        with torch.no_grad():
            for batch in self._batches(samples, used):
                logp = self._logprobs(self.model, batch).tolist()
                known.update(zip(_places(batch, samples, used), logp, strict=True))
        answers = list(dict.fromkeys(answer for pair in chosen for answer in (pair.chosen, pair.rejected)))
        total = torch.tensor([self._total(answer, known) for answer in answers], requires_grad=True)
        loss = self._pair_loss(samples, chosen, dict(zip(answers, total.unbind(), strict=True)), sums)
        (slope,) = torch.autograd.grad(loss, total)
        weight: defaultdict[Place, float] = defaultdict(float)
        for answer, each in zip(answers, slope.tolist(), strict=True):
            for place in answer.places:
                weight[answer.sample, place] += each * self._per_token(answer)
        return weight

    def _pair_loss(
        self,
        samples: Sequence[Sample],
        chosen: Sequence[Pair],
        logp: dict[Answer, Tensor],
        sums: defaultdict[str, float],
    ) -> Tensor:
        """The mean over pairs."""
        better, worse = [pair.chosen for pair in chosen], [pair.rejected for pair in chosen]
        h = margin(
            torch.stack([logp[answer] for answer in better]),
            torch.stack([logp[answer] for answer in worse]),
            torch.tensor([self._reference(answer, samples) for answer in better]),
            torch.tensor([self._reference(answer, samples) for answer in worse]),
        )
        loss = preference(h, self.loss, self.beta, self.smoothing)
        if self.weighting == "gap":
            loss = loss * gap_weights(torch.tensor([pair.gap for pair in chosen]))
        watched = {"preference_loss": loss, "margin": h, "preferred": (h > 0).float()}
        for name, values in watched.items():
            sums[name] += float(values.detach().sum())
        return loss.mean()

    def _reference(self, answer: Answer, samples: Sequence[Sample]) -> float:
        known = samples[answer.sample].ref_logprobs
        if known is None:
            raise ValueError("a sample has no reference log-probabilities; call score before update")
        return sum(known[place] for place in answer.places) * self._per_token(answer)

    def _total(self, answer: Answer, logp: dict[Place, float]) -> float:
        return sum(logp[answer.sample, place] for place in answer.places) * self._per_token(answer)

    def _per_token(self, answer: Answer) -> float:
        """What one token counts in an answer's log-probability."""
        return 1 / len(answer.places) if self.average else 1.0

    def _batches(self, samples: Sequence[Sample], used: Sequence[int]) -> list[Batch]:
        return list(batches([samples[i] for i in used], self.max_tokens, self.device))

    def _logprobs(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of the sampled tokens [T]."""
        with autocast(self.device.type, self.precision):
            logits = token_logits(model, hidden_states(model, batch), self.temperature)
        return token_logprobs(logits, batch.target)

    def state_dict(self) -> dict[str, Any]:
        """All but the model's own weights: optimizer, schedule, version, reference."""
        reference = {} if self.reference is None else {"reference": self.reference.state_dict()}
        return reference | {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "version": self.version,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`; the model's weights are loaded by whoever built the model."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.version = state["version"]
        if self.reference is not None:
            self.reference.load_state_dict(state["reference"])


def _places(batch: Batch, samples: Sequence[Sample], used: Sequence[int]) -> list[Place]:
    """Where each of the batch's sampled tokens [T] stands."""
    return [
        (used[i], place)
        for i in batch.index
        for place, row in enumerate(samples[used[i]].row)
        if row >= 0 and place > 0
    ]


def _check(loss: str, beta: float, smoothing: float, weighting: str, reference: str) -> None:
    if distributed.world() > 1:
        raise ValueError(
            f"preferences are learned in one process, and {distributed.world()} were launched; start one"
        )
    if loss not in ("dpo", "ipo") or weighting not in ("none", "gap") or reference not in ("start", "round"):
        raise ValueError(
            f"loss {loss!r}, weighting {weighting!r}, reference {reference!r}: loss is 'dpo' or 'ipo', weighting "
            "'none' or 'gap', reference 'start' or 'round'"
        )
    if beta <= 0 or not 0 <= smoothing < 0.5:
        raise ValueError(f"beta {beta} must be above 0 and smoothing {smoothing} in [0, 0.5)")
