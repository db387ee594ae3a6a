"""Behaviour cloning: the warm start. A trainer that raises the probability of what the episodes did."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from turngym.core.samples import Sample
from turngym.core.seeding import derive_seed
from turngym.trainers import distributed
from turngym.trainers.batch import batches
from turngym.trainers.forward import autocast, hidden_states, token_logits, token_logprobs


class CloningTrainer:
    """Maximises the log-probability of sampled tokens, weighted by their advantages.

    Advantage 1 clones a turn, 0 leaves it as context. One `update` is one pass over the samples in shuffled
    minibatches; each optimizer step averages over its tokens. The rate rises over `warmup` optimizer steps and
    falls to zero as a half cosine by the time that `episodes` samples have been cloned, repetitions counted.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        episodes: int,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.01,
        warmup: int = 20,
        minibatch: int = 32,
        max_tokens: int = 16384,
        max_grad_norm: float = 1.0,
        precision: str = "fp32",
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.device, self.precision = torch.device(distributed.place(device)), precision
        self.model = model.to(self.device)
        self.minibatch, self.max_tokens = minibatch, max_tokens
        self.max_grad_norm, self.seed, self.version = max_grad_norm, seed, 0
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trainable, lr=lr, betas=betas, weight_decay=weight_decay)
        steps = math.ceil(episodes / minibatch)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda n: _cosine(n, warmup, steps))

    def update(self, samples: Sequence[Sample]) -> dict[str, float]:
        """One pass over the samples; gives the mean negative log-likelihood of a cloned token in nats."""
        generator = np.random.default_rng(derive_seed(self.seed, "cloning", self.version))
        order = generator.permutation(len(samples))
        starts = range(0, len(order), self.minibatch)
        self.model.train()
        losses = [self._optimizer_step([samples[i] for i in order[s : s + self.minibatch]]) for s in starts]
        self.version += 1
        return {"cloning_loss": float(np.mean(np.sum(distributed.gather(losses), 0)))} if losses else {}

    def _optimizer_step(self, samples: Sequence[Sample]) -> float:
        """This rank's part of the loss."""
        micro = list(batches(samples, distributed.limit(samples, self.max_tokens), self.device))
        total = max(sum(float(batch.advantages.sum()) for batch in micro), 1e-9)
        self.optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for batch in distributed.mine(micro):
            with autocast(self.device.type, self.precision):
                logits = token_logits(self.model, hidden_states(self.model, batch))
            part = -(token_logprobs(logits, batch.target) * batch.advantages).sum() / total
            torch.autograd.backward(part)
            loss += float(part.detach())
        distributed.sum_gradients(self.model.parameters())
        nn.utils.clip_grad_norm_(self.model.parameters(), self.max_grad_norm)
        self.optimizer.step()
        self.schedule.step()
        return loss


def _cosine(n: int, warmup: int, steps: int) -> float:
    ramp = min(1.0, (n + 1) / max(warmup, 1))
    fraction = min(n / max(steps, 1), 1.0)
    return ramp * 0.5 * (1 + float(np.cos(np.pi * fraction)))
