"""The shared GRPO/PPO trainer. GRPO is PPO without a critic; credit has already filled the advantages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from turngym.agents.engines.hf import HFEngine
from turngym.core.samples import Sample
from turngym.core.seeding import derive_seed
from turngym.trainers import losses
from turngym.trainers.batch import Batch, batches, scatter
from turngym.trainers.critic import Critic, Kind, value_ends
from turngym.trainers.forward import autocast, hidden_states, token_logits, token_logprobs


class PolicyTrainer:
    """Updates a causal language model from samples with advantages.

    Per sampled token the loss is `clip(logp, old, A) + kl_coef * KL(policy || reference) - entropy_coef * H`,
    plus `value_coef * value loss` with a critic. `normalise` says what counts alike within one optimizer step:
    tokens, sequences or turns. An optimizer step takes `minibatch` samples (0: all of them), `epochs` times over;
    how they are cut into forward passes of `max_tokens` tokens changes nothing but memory and speed.
    `ratio` compares policies token by token, or by the product over a turn's tokens (OPRL, arXiv 2509.19199,
    equation 6; wants `normalise = "turn"`). `engine` samples from the same module. `critic` reads values off the
    policy's `trunk` or its `own`; for the first `critic_warmup` updates it learns alone.
    Without `recompute` the engine's own log-probabilities are taken as the old ones, which saves a forward pass where
    engine and trainer compute alike.
    """

    def __init__(
        self,
        model: nn.Module,
        engine: HFEngine,
        *,
        lr: float = 1e-6,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.01,
        warmup: int = 0,
        decay: int | None = None,
        max_grad_norm: float = 1.0,
        epochs: int = 1,
        minibatch: int = 0,
        max_tokens: int = 16384,
        normalise: losses.Normalise = "token",
        clip_low: float = 0.2,
        clip_high: float = 0.2,
        dual_clip: float | None = 3.0,
        ratio: losses.Ratio = "token",
        kl_coef: float = 0.0,
        kl_kind: losses.KL = "k3",
        entropy_coef: float = 0.0,
        critic: Kind = "none",
        critic_warmup: int = 0,
        value_coef: float = 0.5,
        value_clip: float | None = None,
        value_lr: float | None = None,
        importance_cap: float | None = None,
        temperature: float = 1.0,
        recompute: bool = True,
        precision: str = "fp32",
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.model, self.engine, self.device = model.to(device), engine, torch.device(device)
        self.reference = deepcopy(model).requires_grad_(False).eval() if kl_coef else None
        self.critic = None if critic == "none" else Critic(model, critic).to(device)
        self.precision = precision
        self.epochs, self.minibatch, self.max_tokens, self.normalise = (
            epochs,
            minibatch,
            max_tokens,
            normalise,
        )
        self.clip_low, self.clip_high, self.dual_clip = clip_low, clip_high, dual_clip
        self.kl_coef, self.kl_kind, self.entropy_coef = kl_coef, kl_kind, entropy_coef
        self.value_coef, self.value_clip, self.importance_cap = value_coef, value_clip, importance_cap
        self.ratio, self.critic_warmup = losses.checked_ratio(ratio), critic_warmup
        self.max_grad_norm, self.temperature, self.recompute = max_grad_norm, temperature, recompute
        self.seed, self.version = seed, 0
        self.optimizer = torch.optim.AdamW(
            self._parameter_groups(lr, value_lr), lr=lr, betas=betas, weight_decay=weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, partial(rate, warmup=warmup, decay=decay)
        )

    def score(self, samples: Sequence[Sample]) -> None:
        """Fill old logprobs, and where they are needed reference logprobs and values, from the weights as they are."""
        if not (self.recompute or self.critic or self.reference):
            return
        if self.version == 0:
            self._begin()
        self.model.eval()
        with torch.no_grad():
            for batch in batches(samples, self.max_tokens, self.device):
                hidden, _, logp = self._forward(self.model, batch)
                if self.recompute:
                    scatter(batch, logp, samples, "old_logprobs")
                if self.critic is not None:
                    scatter(batch, self.critic(batch, hidden), samples, "values")
                if self.reference is not None:
                    scatter(batch, self._forward(self.reference, batch)[2], samples, "ref_logprobs")
            if self.critic is not None:
                value_ends(self.critic, self.model, samples, self.max_tokens, self.device)

    def _begin(self) -> None:
        """Training begins here: a warm start since the trainer was made belongs to reference and critic."""
        if self.reference is not None:
            self.reference.load_state_dict(self.model.state_dict())
        if self.critic is not None:
            self.critic.follow(self.model)

    def update(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Learn from one step's samples; gives token means of what is worth watching."""
        if not samples:
            return {}
        sums: defaultdict[str, float] = defaultdict(float)
        generator = np.random.default_rng(derive_seed(self.seed, "minibatches", self.version))
        self.model.train()
        for _ in range(self.epochs):
            order = generator.permutation(len(samples)).tolist()
            size = self.minibatch or len(order)
            for start in range(0, len(order), size):
                self._optimizer_step([samples[i] for i in order[start : start + size]], sums)
        self.version += 1
        tokens, steps = max(sums.pop("tokens", 0), 1), sums.pop("steps", 0)
        norm = sums.pop("grad_norm", 0.0) / max(steps, 1)
        return {name: total / tokens for name, total in sums.items()} | {
            "grad_norm": norm,
            "optimizer_steps": steps,
        }

    def publish(self) -> HFEngine:
        """The engine that samples from the weights as they are."""
        self.engine.updated(self.version)
        return self.engine

    def _optimizer_step(self, samples: Sequence[Sample], sums: defaultdict[str, float]) -> None:
        moving = self._moving(samples)
        if not moving:
            return
        micro = list(batches(moving, self.max_tokens, self.device))
        sequence, row = (torch.cat([getattr(batch, name) for batch in micro]) for name in ("sequence", "row"))
        part = units(moving, self.normalise) / units(samples, self.normalise)
        weight = part * losses.weights(sequence, row, self.normalise)
        self.optimizer.zero_grad(set_to_none=True)
        for batch, share in zip(micro, torch.split(weight, [len(batch.at) for batch in micro]), strict=True):
            loss = self._loss(batch, sums)
            torch.autograd.backward((loss * share).sum())
        norm = nn.utils.clip_grad_norm_(self._parameters(), self.max_grad_norm)
        self.optimizer.step()
        self.schedule.step()
        sums["grad_norm"] += float(norm)
        sums["steps"] += 1

    def _moving(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """The samples that have a gradient: without other losses, one whose advantages are all 0 has none.

        The others are not computed; they still count when the loss is averaged.
        """
        if self.reference is not None or self.entropy_coef or self.critic is not None:
            return samples
        return [sample for sample in samples if any(sample.advantages)]

    def _loss(self, batch: Batch, sums: defaultdict[str, float]) -> Tensor:
        """The loss of each sampled token [T]."""
        hidden, logits, logp = self._forward(self.model, batch)
        old = batch.old_logprobs if batch.old_logprobs is not None else batch.logprobs
        ratio = losses.log_ratio(logp, old, batch.sequence, batch.row, self.ratio)
        loss = losses.clipped(ratio, batch.advantages, self.clip_low, self.clip_high, self.dual_clip)
        if self.importance_cap is not None:
            loss = loss * (old - batch.logprobs).exp().clamp(max=self.importance_cap)
        parts = {"policy_loss": loss, **_watch(logp, old, ratio, batch, self.clip_low, self.clip_high)}
        if self.reference is not None and batch.ref_logprobs is not None:
            parts["kl"] = losses.kl(logp, batch.ref_logprobs, self.kl_kind)
            loss = loss + self.kl_coef * parts["kl"]
        if self.entropy_coef:
            parts["entropy"] = losses.entropy(logits)
            loss = loss - self.entropy_coef * parts["entropy"]
        if self.critic is not None and batch.returns is not None:
            learning_alone = self.version < self.critic_warmup
            value = self.critic(batch, hidden.detach() if learning_alone else hidden)
            parts["value_loss"] = losses.value_loss(value, batch.returns, batch.values, self.value_clip)
            loss = loss * (not learning_alone) + self.value_coef * parts["value_loss"]
        sums["tokens"] += len(loss)
        for name, values in parts.items():
            sums[name] += float(values.detach().sum())
        return loss

    def _forward(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden states [T, D], logits [T, V] and log-probabilities [T] of the sampled tokens."""
        with autocast(self.device.type, self.precision):
            hidden = hidden_states(model, batch)
            logits = token_logits(model, hidden, self.temperature)
        return hidden, logits, token_logprobs(logits, batch.target)

    def _parameters(self) -> Iterable[nn.Parameter]:
        return (parameter for group in self.optimizer.param_groups for parameter in group["params"])

    def _parameter_groups(self, lr: float, value_lr: float | None) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [{"params": [p for p in self.model.parameters() if p.requires_grad]}]
        if self.critic is not None:
            groups.append({"params": list(self.critic.parameters()), "lr": value_lr or lr})
        return groups

    def state_dict(self) -> dict[str, Any]:
        """All but the model's own weights: optimizer, schedule, version, critic, reference."""
        parts = {"critic": self.critic, "reference": self.reference}
        modules = {name: module.state_dict() for name, module in parts.items() if module is not None}
        return modules | {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "version": self.version,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`; the model's weights are loaded by whoever built the model."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.version = state["version"]
        if self.critic is not None:
            self.critic.load_state_dict(state["critic"])
        if self.reference is not None:
            self.reference.load_state_dict(state["reference"])


def rate(n: int, *, warmup: int, decay: int | None) -> float:
    """The share of the learning rate at optimizer step n: up over `warmup` steps, down to 0 at step `decay`."""
    up = min(1.0, (n + 1) / max(warmup, 1))
    return up if decay is None else up * max(0.0, 1 - n / decay)


def units(samples: Sequence[Sample], how: losses.Normalise) -> int:
    """How many tokens, sequences or turns share the weight of one optimizer step."""
    if how == "token":
        return sum(sample.sampled for sample in samples)
    if how == "sequence":
        return sum(sample.sampled > 0 for sample in samples)
    return len({row for sample in samples for row in sample.row if row >= 0})


def _watch(
    logp: Tensor, old: Tensor, ratio: Tensor, batch: Batch, low: float, high: float
) -> dict[str, Tensor]:
    share = ratio.detach().exp()
    return {
        "approx_kl": losses.kl(logp.detach(), old, "k3"),
        "clipped": ((share < 1 - low) | (share > 1 + high)).float(),
        "behaviour_gap": (old - batch.logprobs).abs(),
    }
