"""The implicit process reward model: a language model whose log-ratios are rewards, and one optimizer step of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from turngym.core.samples import Sample
from turngym.credit.backbone import Learner, Reading
from turngym.credit.preference import Judged
from turngym.credit.steps import Bools, Floats, Ints, Steps

Reference = Literal["old", "ref"]


class Loss(Protocol):
    """A loss over M scores (`turngym.credit.preference`)."""

    def terms(self, known: Bools) -> int:
        """How many terms the `known` scores have."""
        ...

    def __call__(self, score: Floats, known: Bools, total: int) -> Judged: ...


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What the rewards of N turns are fitted to."""

    unit: Ints  # [N] the score, of M, that the turn belongs to
    share: Floats  # [N] how the turn's reward enters its score: 1 for a sum, 1 / turns for a mean
    key: Ints  # [N] the loss couples turns of equal key only
    loss: Loss


@dataclass(kw_only=True)
class Tally:
    """What one call of `fit` did."""

    terms: int = 0
    right: float = 0.0
    forwarded: int = 0  # tokens, each as often as it was computed
    loss: float = 0.0  # summed over optimizer steps
    updates: int = 0
    skipped: int = 0
    norm: float = 0.0  # summed over updates

    def add(self, judged: Judged) -> None:
        """Count the terms of one part of an optimizer step."""
        self.loss += judged.loss
        self.terms += judged.count
        self.right += judged.right

    def stepped(self, done: dict[str, float]) -> None:
        """Count an optimizer step, which may have been skipped."""
        skipped = int(done["updates_skipped"])
        self.skipped += skipped
        self.updates += 1 - skipped
        self.norm += done["grad_norm"]

    def metrics(self, tokens: int) -> dict[str, float]:
        """Means over terms and optimizer steps; what had no term is absent, not 0."""
        counts: dict[str, float] = {
            "prm_terms": self.terms,
            "prm_updates": self.updates,
            "prm_updates_skipped": self.skipped,
            "prm_forwards": self.forwarded / max(tokens, 1),
        }
        if self.terms:
            counts["prm_loss"] = self.loss / max(self.updates + self.skipped, 1)
            counts["prm_accuracy"] = self.right / self.terms
        if self.updates:
            counts["prm_grad_norm"] = self.norm / self.updates
        return counts


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The sampled tokens of all samples, in order."""

    row: Ints  # [T] the turn
    old: Floats  # [T] log-probability under the reference; NaN where it is unknown

    @classmethod
    def of(cls, samples: Sequence[Sample], reference: Reference) -> Tokens:
        """Raises `ValueError` where the samples lack what the reference names."""
        old = [
            value
            for sample in samples
            for row, value in zip(sample.row, _reference(sample, reference), strict=True)
            if row >= 0
        ]
        return cls(row=sampled_rows(samples), old=np.array(old, dtype=np.float64))


@dataclass(kw_only=True)
class ImplicitModel:
    """Rewards `beta * log(pi_phi / pi_old)` of sampled tokens, from a learner whose model is pi_phi."""

    learner: Learner
    beta: float
    reference: Reference = "old"
    minibatch: int = 0
    """How many keys of the objective share an optimizer step; 0: all of them."""

    def rewards(self, steps: Steps) -> Floats:
        """`beta` times each sampled token's log-ratio, by the weights as they are; NaN where unknown. [T]"""
        tokens = Tokens.of(steps.samples, self.reference)
        found = np.full(len(tokens.row), np.nan)
        with torch.no_grad():
            for reading in self.learner.backbone.read(steps.samples):
                at, logprobs = _indices(reading.token), reading.logprobs()
                found[at] = self.beta * (_numbers(logprobs) - tokens.old[at])
        return found

    def fit(
        self, steps: Steps, objective: Objective, *, after: bool = False
    ) -> tuple[Floats, dict[str, float]]:
        """One update from the turns, and the rewards that they had before it, or have `after` it. [T]

        The loss couples all tokens of a key through the scores. Its gradient by a token's log-probability is a
        number that follows from the scores alone, so the gradient is exact however the samples are cut: batches of
        whole keys need one forward pass; a key that fits no batch is read once without gradients and once with.
        """
        tokens = Tokens.of(steps.samples, self.reference)
        update = _Update(model=self, samples=steps.samples, tokens=tokens, objective=objective)
        keys = _by_key(steps.samples, objective.key)
        size = self.minibatch or max(len(keys), 1)
        for start in range(0, len(keys), size):
            update.step(keys[start : start + size])
        metrics = update.tally.metrics(len(tokens.row))
        if not after:
            return update.found, metrics
        metrics["prm_forwards"] += 1
        return self.rewards(steps), metrics


@dataclass(kw_only=True)
class _Update:
    """One call of `fit` under way."""

    model: ImplicitModel
    samples: Sequence[Sample]
    tokens: Tokens
    objective: Objective
    tally: Tally = field(default_factory=Tally)
    found: Floats = field(init=False)  # [T] rewards, as far as they have been read
    usable: Bools = field(init=False)  # [M]

    def __post_init__(self) -> None:
        self.found = np.full(len(self.tokens.row), np.nan)
        self.usable = _usable_units(self.tokens, self.objective)

    def step(self, keys: Sequence[list[int]]) -> None:
        """One optimizer step over the samples of some keys; none where the loss has no term."""
        rows = sampled_rows([self.samples[i] for key in keys for i in key])
        total = self.objective.loss.terms(self._known(self.objective.unit[rows]))
        before = self.tally.terms
        for among in self._bins(keys):
            self._descend(list(self.model.learner.backbone.read(self.samples, among)), total)
        if self.tally.terms > before:
            self.tally.stepped(self.model.learner.step())
        elif total:  # the model itself gave no number for any of them
            self.tally.skipped += 1

    def _bins(self, keys: Sequence[list[int]]) -> Iterator[list[int]]:
        """Samples of whole keys, as many as fit a batch; a key that does not fit stands alone."""
        current: list[int] = []
        for key in keys:
            if current and not self.model.learner.backbone.fits([self.samples[i] for i in current + key]):
                yield current
                current = []
            current = current + key
        yield current

    def _descend(self, readings: Sequence[Reading], total: int) -> None:
        """Add the gradient of the readings' joint loss and note the rewards they had."""
        places = [_indices(reading.token) for reading in readings]
        every = np.concatenate(places)
        known = self._known(self.objective.unit[self.tokens.row[every]])
        once = len(readings) == 1 and self.objective.loss.terms(known) > 0
        with torch.set_grad_enabled(once):
            logprobs = [self._read(reading) for reading in readings]
        for at, values in zip(places, logprobs, strict=True):
            self.found[at] = self.model.beta * (_numbers(values) - self.tokens.old[at])
        slope = self._slope(every, known, total)
        if slope is None:
            return
        for reading, at, values in zip(readings, places, logprobs, strict=True):
            again = values if once else self._read(reading)
            weight = torch.tensor(slope[self.tokens.row[at]], dtype=again.dtype, device=again.device)
            torch.autograd.backward((weight * again).sum())

    def _read(self, reading: Reading) -> Tensor:
        values = reading.logprobs()
        self.tally.forwarded += len(values)
        return values

    def _slope(self, every: Ints, known: Bools, total: int) -> Floats | None:
        """The derivative of the loss by a log-probability of each turn [N]; `None` where nothing is to be learned."""
        unit, share = self.objective.unit, self.objective.share
        row = self.tokens.row[every]
        score = np.bincount(unit[row], share[row] * self.found[every], len(known)).astype(np.float64)
        judged = self.objective.loss(score, known & np.isfinite(score), total)
        self.tally.add(judged)
        return self.model.beta * judged.gradient[unit] * share if judged.count else None

    def _known(self, units: Ints) -> Bools:
        """Which scores can be computed from these units' tokens. [M]"""
        return self.usable & _among(units, len(self.usable))


def sampled_rows(samples: Sequence[Sample]) -> Ints:
    """The turn of each sampled token, samples in order. [T]"""
    return np.array([row for sample in samples for row in sample.row if row >= 0], dtype=np.int64)


def scored_turns(reward: Floats, row: Ints, rows: int) -> Bools:
    """Which turns have a reward: those that sampled a token, all of known log-ratio. [rows]"""
    unknown = np.bincount(row, ~np.isfinite(reward), minlength=rows)
    return np.asarray((np.bincount(row, minlength=rows) > 0) & (unknown == 0))


def _reference(sample: Sample, reference: Reference) -> Sequence[float]:
    if reference == "old":
        return sample.logprobs if sample.old_logprobs is None else sample.old_logprobs
    if sample.ref_logprobs is None:
        raise ValueError(
            'reference = "ref" needs the trainer\'s frozen reference; set kl_coef in [trainer], or choose "old"'
        )
    return sample.ref_logprobs


def _usable_units(tokens: Tokens, objective: Objective) -> Bools:
    """Which scores can be known: those with a token, and none whose reference is unknown. [M]"""
    units = int(objective.unit.max(initial=-1)) + 1
    unit = objective.unit[tokens.row]
    unknown = np.bincount(unit, ~np.isfinite(tokens.old), minlength=units)
    return np.asarray(_among(unit, units) & (unknown == 0))


def _among(unit: Ints, units: int) -> Bools:
    present = np.zeros(units, dtype=np.bool_)
    present[unit] = True
    return present


def _by_key(samples: Sequence[Sample], key: Ints) -> list[list[int]]:
    """The samples of each key, keys in order of first appearance; samples in which nothing was sampled are in none."""
    found: dict[int, list[int]] = {}
    for number, sample in enumerate(samples):
        row = next((row for row in sample.row if row >= 0), None)
        if row is not None:
            found.setdefault(int(key[row]), []).append(number)
    return list(found.values())


def _numbers(values: Tensor) -> Floats:
    return np.asarray(values.detach().cpu().double().numpy())


def _indices(values: Tensor) -> Ints:
    return np.asarray(values.cpu().numpy(), dtype=np.int64)
