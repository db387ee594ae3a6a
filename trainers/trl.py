"""TRL's loss as a backend: our rollouts and our credit, `GRPOTrainer`'s policy loss."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

from turngym.agents.engines.hf import HFEngine
from turngym.core.errors import ConfigError
from turngym.core.samples import Sample
from turngym.core.seeding import derive_seed
from turngym.trainers import distributed
from turngym.trainers.batch import batches, scatter
from turngym.trainers.forward import autocast, hidden_states, token_logits, token_logprobs
from turngym.trainers.policy import rate
from turngym.trainers.trl_batch import check_version, tensors

NORMALISE = {"token": "dapo", "sequence": "grpo"}
"""Which of TRL's losses averages as ours does."""
PER_ROW = frozenset({"grpo", "sapo", "luspo"})
"""TRL's losses that average over rows."""
PER_TOKEN = frozenset({"dapo", "bnpo", "cispo", "vespo"})
"""Those that average over tokens."""


class TRLTrainer:
    """Updates a causal language model by the loss of TRL's `GRPOTrainer` with an advantage for every token.

    The arguments mean what they mean to `PolicyTrainer`, so a run file needs no other change than the name. `normalise`
    chooses TRL's loss `dapo` (token) or `grpo` (sequence); `loss` names another of TRL's: `bnpo`, `cispo` (where
    `1 - clip_high` is no bound: `clip_high` caps the ratio itself), `sapo`, `luspo`, `vespo`. `dual_clip` is
    TRL's `delta`, `kl_coef` its `beta` (k3 without a bound), `ratio = "sequence"` its sequence-level ratio (GSPO).
    Raises `ConfigError` for what TRL's loss has no place for: a critic, `normalise = "turn"`, `ratio = "turn"`; and
    `PrerequisiteError` where another TRL than the tested one is installed.
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
        normalise: str = "token",
        loss: str | None = None,
        ratio: str = "token",
        clip_low: float = 0.2,
        clip_high: float = 0.2,
        dual_clip: float | None = 3.0,
        kl_coef: float = 0.0,
        entropy_coef: float = 0.0,
        critic: str = "none",
        temperature: float = 1.0,
        recompute: bool = True,
        precision: str = "fp32",
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        check_version()
        self.loss = _checked(normalise, loss, ratio, critic)
        self.model, self.engine, self.device = model.to(device), engine, torch.device(device)
        self.reference = deepcopy(model).requires_grad_(False).eval() if kl_coef else None
        self.epochs, self.minibatch, self.max_tokens = epochs, minibatch, max_tokens
        self.max_grad_norm, self.temperature, self.recompute = max_grad_norm, temperature or 1.0, recompute
        self.precision, self.seed, self.version = precision, seed, 0
        self.watchful = bool(kl_coef or entropy_coef)
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trainable, lr=lr, betas=betas, weight_decay=weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, partial(rate, warmup=warmup, decay=decay)
        )
        self.trl = self._made(
            loss_type=self.loss,
            importance_sampling_level=ratio,
            epsilon=clip_low,
            epsilon_high=clip_high,
            delta=dual_clip,
            use_bias_correction_kl=False,
            entropy_coef=entropy_coef,
            seed=seed,
        )
        self.trl.beta = kl_coef  # at its making it would load a second model from the hub

    def _made(self, **options: Any) -> GRPOTrainer:
        """TRL's trainer of the model, which is given neither data nor a tokenizer of use."""
        self._folder = tempfile.TemporaryDirectory(prefix="turngym-trl-")
        config = GRPOConfig(
            output_dir=self._folder.name,
            per_device_train_batch_size=2,
            num_generations=2,
            use_cpu=self.device.type == "cpu",
            bf16=self.precision == "bf16",
            fp16=False,
            gradient_checkpointing=False,
            temperature=self.temperature,
            report_to=[],
            disable_tqdm=True,
            **options,
        )
        configs: list[Any] = [self.model.config, self.model.generation_config]
        pads = [each.pad_token_id for each in configs]
        made = GRPOTrainer(
            model=self.model,
            reward_funcs=_no_reward,
            args=config,
            train_dataset=Dataset.from_list([{"prompt": ""}] * 2),
            processing_class=_silent_tokenizer(),
            optimizers=(self.optimizer, self.schedule),
        )
        for each, pad in zip(configs, pads, strict=True):
            each.pad_token_id = pad  # TRL has written its tokenizer's there
        return made

    def score(self, samples: Sequence[Sample]) -> None:
        """Fill old and, with `kl_coef`, reference log-probabilities from the weights as they are."""
        if self.version == 0 and self.reference is not None:
            self.reference.load_state_dict(self.model.state_dict())
        self.model.eval()
        with torch.no_grad():
            for batch in batches(samples, self.max_tokens, self.device):
                for name, model in self._scorers():
                    with autocast(self.device.type, self.precision):
                        logits = token_logits(model, hidden_states(model, batch), self.temperature)
                    scatter(batch, token_logprobs(logits, batch.target), samples, name)

    def _scorers(self) -> list[tuple[str, nn.Module]]:
        asked = [("old_logprobs", self.model)] if self.recompute else []
        return asked + ([("ref_logprobs", self.reference)] if self.reference is not None else [])

    def update(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Learn from one step's samples; gives the means of what TRL watches."""
        taught = [sample for sample in samples if sample.sampled]
        generator = np.random.default_rng(derive_seed(self.seed, "minibatches", self.version))
        norms: list[float] = []
        self.model.train()
        for _ in range(self.epochs if taught else 0):
            order = generator.permutation(len(taught)).tolist()
            size = self.minibatch or len(order)
            for start in range(0, len(order), size):
                norms += self._optimizer_step([taught[i] for i in order[start : start + size]])
        self.version += bool(samples)
        return self._metrics() | (
            {"grad_norm": float(np.mean(norms)), "optimizer_steps": len(norms)} if norms else {}
        )

    def _optimizer_step(self, samples: Sequence[Sample]) -> list[float]:
        """The norm of the gradient, where there is one."""
        moving = [sample for sample in samples if self.watchful or any(sample.advantages)]
        if not moving:
            return []
        self.optimizer.zero_grad(set_to_none=True)
        for part in batches(moving, self.max_tokens):
            self.trl.accelerator.backward(self._loss([moving[i] for i in part.index], samples))
        norm = nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], self.max_grad_norm)
        self.optimizer.step()
        self.schedule.step()
        return [float(norm)]

    def _loss(self, part: Sequence[Sample], whole: Sequence[Sample]) -> Tensor:
        """TRL's loss of some of an optimizer step's samples, as a share of the step's.

        TRL divides by the number of its micro-batches, which are alike; for ours, which are not, that number is the
        reciprocal of the share.
        """
        count = len if self.loss in PER_ROW else _tokens
        share = count(part) / count(whole)
        inputs = tensors(part, self.device)
        inputs["num_items_in_batch"] = inputs["num_items_in_batch"].new_tensor(_tokens(whole) * share)
        self.trl.current_gradient_accumulation_steps = 1 / share
        loss: Tensor = self.trl.compute_loss(self.model, inputs)
        return loss

    def _metrics(self) -> dict[str, float]:
        """What TRL noted since the last time, and forget it."""
        noted = self.trl._metrics["train"]
        means = {name: float(np.nanmean(values)) for name, values in noted.items() if values}
        self.trl._metrics["train"] = defaultdict(list)
        return {_NAMES[name]: mean for name, mean in means.items() if name in _NAMES}

    def publish(self) -> HFEngine:
        """The engine that samples from the weights as they are."""
        self.engine.updated(self.version)
        return self.engine

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


_NAMES = {
    "clip_ratio/region_mean": "clipped",
    "cispo_clip_ratio": "clipped",
    "entropy": "entropy",
    "kl": "kl",
}
"""TRL's metrics by the names they have here."""


def _checked(normalise: str, loss: str | None, ratio: str, critic: str) -> str:
    """TRL's name of the loss."""
    if distributed.world() > 1:
        raise ConfigError(
            f"the trainer 'trl' learns in one process, and {distributed.world()} were launched; start one, or choose "
            "the trainer 'policy'"
        )
    if critic != "none":
        raise ConfigError(
            f"TRL's GRPOTrainer has no critic, and critic is {critic!r}; choose the trainer 'policy'"
        )
    if ratio not in ("token", "sequence"):
        raise ConfigError(
            f"TRL compares policies by 'token' or 'sequence', and ratio is {ratio!r}; choose one, or the "
            "trainer 'policy'"
        )
    if loss is None and normalise not in NORMALISE:
        raise ConfigError(
            f"TRL averages over 'token' or 'sequence', and normalise is {normalise!r}; choose one, or the "
            "trainer 'policy'"
        )
    named = loss or NORMALISE[normalise]
    if named not in PER_ROW | PER_TOKEN:
        raise ConfigError(
            f"loss {named!r} is unknown; choose one of {', '.join(sorted(PER_ROW | PER_TOKEN))}"
        )
    return named


def _tokens(samples: Sequence[Sample]) -> int:
    return sum(sample.sampled for sample in samples)


def _no_reward(completions: Sequence[Any], **given: Any) -> list[float]:
    """TRL wants a reward; credit is given before it is asked."""
    return [0.0] * len(completions)


def _silent_tokenizer() -> PreTrainedTokenizerFast:
    """TRL wants a tokenizer; its tokens come as numbers here."""
    words = Tokenizer(WordLevel({"<pad>": 0}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=words, pad_token="<pad>", eos_token="<pad>"
    )
