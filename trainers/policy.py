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
from turngym.trainers import distributed, losses
from turngym.trainers.batch import Batch, Packing, batches, checked_packing, scatter
from turngym.trainers.copies import (
    Parallel,
    Reader,
    clip_gradients,
    copy_weights,
    load_optimizer_state,
    load_weights,
    optimizer_state,
    reader,
    rounds_off,
    weights_of,
)
from turngym.trainers.critic import Critic, Kind, value_ends
from turngym.trainers.forward import autocast, token_logprobs


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
    Several ranks (`turngym.trainers.distributed`) share the forward passes of a step: `ddp` holds the weights whole on
    each, `fsdp` in shards, while the engine samples from a whole copy. `precision` is what is computed in; weights
    learn in fp32, and a `model` in less gets them rounded when they are published. `checkpointing` computes
    activations again in the backward pass instead of keeping them. `packing = "tree"` computes what sequences begin
    with alike once (`turngym.trainers.tree`), `"rows"` every sequence by itself.
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
        packing: Packing = "rows",
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
        parallel: Parallel = "ddp",
        checkpointing: bool = False,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.device = torch.device(distributed.place(device))
        self.model, self.engine = model.to(self.device), engine
        distributed.start_alike(self.model)
        self.reader = reader(model, parallel, checkpointing=checkpointing)
        self.reference = Reader(deepcopy(model).requires_grad_(False).eval()) if kl_coef else None
        self.critic = None if critic == "none" else Critic(model, critic).to(self.device).float()
        self.precision = precision
        self.epochs, self.minibatch, self.max_tokens, self.normalise = (
            epochs,
            minibatch,
            max_tokens,
            normalise,
        )
        self.packing = checked_packing(packing)
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
        if self.version == 0:
            self._begin()
        if not (self.recompute or self.critic or self.reference):
            return
        self.reader.eval()
        micro = self._micro(samples)
        with torch.no_grad():
            for batch, scores in zip(micro, distributed.shared(micro, self._scores), strict=True):
                for name, numbers in scores.items():
                    scatter(batch, numbers, samples, name)
            if self.critic is not None:
                value_ends(self.critic, self.reader, samples, self.max_tokens, self.device)

    def _scores(self, batch: Batch) -> dict[str, Tensor]:
        """What the weights as they are say of a batch's sampled tokens, [T] each."""
        hidden, _, logp = self._forward(self.reader, batch)
        said = {"old_logprobs": logp} if self.recompute else {}
        if self.critic is not None:
            said["values"] = self.critic(batch, hidden)
        if self.reference is not None:
            said["ref_logprobs"] = self._forward(self.reference, batch)[2]
        return {name: numbers.cpu() for name, numbers in said.items()}

    def _begin(self) -> None:
        """Training begins here: a warm start since the trainer was made belongs to every copy of the policy."""
        if self._copied:
            copy_weights(self.model, self.reader.model)
        if self.reference is not None:
            self.reference.model.load_state_dict(self.model.state_dict())
        if self.critic is not None:
            self.critic.follow(self.model)

    @property
    def _copied(self) -> bool:
        """Whether other weights learn than those that are sampled from."""
        return self.reader.model is not self.model

    def update(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Learn from one step's samples; gives token means of what is worth watching."""
        if not samples:
            return {}
        if self.version == 0:
            self._begin()
        self._hear_first(samples)
        sums: defaultdict[str, float] = defaultdict(float)
        norms: list[float] = []
        generator = np.random.default_rng(derive_seed(self.seed, "minibatches", self.version))
        self.reader.train()
        for _ in range(self.epochs):
            order = generator.permutation(len(samples)).tolist()
            size = self.minibatch or len(order)
            for start in range(0, len(order), size):
                norms += self._optimizer_step([samples[i] for i in order[start : start + size]], sums)
        self.version += 1
        total = distributed.total(sums)
        tokens = max(total.pop("tokens", 0), 1)
        return {name: number / tokens for name, number in total.items()} | {
            "grad_norm": sum(norms) / max(len(norms), 1),
            "optimizer_steps": len(norms),
        }

    def _hear_first(self, samples: Sequence[Sample]) -> None:
        """Take rank 0's credit: where a GPU rounds at random, learned credit need not agree to the last bit."""
        heard = distributed.of_first([(sample.advantages, sample.returns) for sample in samples])
        for sample, (advantages, returns) in zip(samples, heard, strict=True):
            sample.advantages, sample.returns = advantages, returns

    def publish(self) -> HFEngine:
        """The engine that samples from the weights as they are."""
        if self._copied and self.version:
            copy_weights(self.reader.model, self.model)
        self.engine.updated(self.version)
        return self.engine

    def _optimizer_step(self, samples: Sequence[Sample], sums: defaultdict[str, float]) -> list[float]:
        """Learn from the samples, where they have a gradient; gives its norm."""
        moving = self._moving(samples)
        if not moving:
            return []
        micro = self._micro(moving)
        sequence, row = (torch.cat([getattr(batch, name) for batch in micro]) for name in ("sequence", "row"))
        part = units(moving, self.normalise) / units(samples, self.normalise)
        weight = part * losses.weights(sequence, row, self.normalise)
        self.optimizer.zero_grad(set_to_none=True)
        shares = torch.split(weight, [len(batch.at) for batch in micro])
        for (batch, share), counts in distributed.rounds(list(zip(micro, shares, strict=True))):
            loss = self._loss(batch, sums if counts else defaultdict(float))
            torch.autograd.backward((loss * share).sum() * counts)
        distributed.sum_gradients(self._parameters())
        norm = clip_gradients(self._parameters(), self.max_grad_norm)
        self.optimizer.step()
        self.schedule.step()
        return [norm]

    def _micro(self, samples: Sequence[Sample]) -> list[Batch]:
        """The samples in forward passes, small enough that every rank has one."""
        return list(batches(samples, distributed.limit(samples, self.max_tokens), self.device, self.packing))

    def _moving(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """The samples that have a gradient: without other losses, one whose advantages are all 0 has none.

        The others are not computed; they still count when the loss is averaged.
        """
        if self.reference is not None or self.entropy_coef or self.critic is not None:
            return samples
        return [sample for sample in samples if any(sample.advantages)]

    def _loss(self, batch: Batch, sums: defaultdict[str, float]) -> Tensor:
        """The loss of each sampled token [T]."""
        hidden, logits, logp = self._forward(self.reader, batch)
        old = batch.old_logprobs if batch.old_logprobs is not None else batch.logprobs
        ratio = losses.log_ratio(logp, old, batch.sequence, batch.row, self.ratio)
        loss = losses.clipped(ratio, batch.advantages, self.clip_low, self.clip_high, self.dual_clip)
        parts = _watch(logp, old, ratio, batch, self.clip_low, self.clip_high)
        if self.importance_cap is not None:
            weight, parts["importance"] = losses.importance(old, batch.logprobs, self.importance_cap)
            parts["importance_truncated"] = (parts["importance"] > self.importance_cap).float()
            loss = loss * weight
        parts["policy_loss"] = loss
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

    def _forward(self, model: Reader, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden states [T, D], logits [T, V] and log-probabilities [T] of the sampled tokens."""
        with autocast(self.device.type, self.precision):
            hidden, logits = model(batch, self.temperature)
        return hidden, logits, token_logprobs(logits, batch.target)

    def _parameters(self) -> Iterable[nn.Parameter]:
        return (parameter for group in self.optimizer.param_groups for parameter in group["params"])

    def _parameter_groups(self, lr: float, value_lr: float | None) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [{"params": [p for p in self.reader.parameters() if p.requires_grad]}]
        if self.critic is not None:
            groups.append({"params": list(self.critic.parameters()), "lr": value_lr or lr})
        return groups

    def state_dict(self) -> dict[str, Any]:
        """All but the model's own weights: optimizer, schedule, version, critic, reference; equal on all ranks.

        Where weights learn in more bits than the model keeps, those too.
        """
        parts = {"critic": self.critic, "reference": self.reference and self.reference.model}
        modules = {name: module.state_dict() for name, module in parts.items() if module is not None}
        masters = {"masters": weights_of(self.reader.model)} if rounds_off(self.model) else {}
        return {
            **modules,
            **masters,
            "optimizer": optimizer_state(self.optimizer),
            "schedule": self.schedule.state_dict(),
            "version": self.version,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`; the model's weights are loaded by whoever built the model."""
        load_optimizer_state(self.optimizer, state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.version = state["version"]
        if self.critic is not None:
            self.critic.load_state_dict(state["critic"])
        if self.reference is not None:
            self.reference.model.load_state_dict(state["reference"])
        if rounds_off(self.model):
            load_weights(self.reader.model, state["masters"])


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
