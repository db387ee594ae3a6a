"""How SPA's estimator reads turns and learns: sums of an episode's contributions are regressed on its outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from turngym.core.samples import Sample
from turngym.core.seeding import derive_seed
from turngym.credit.backbone import Backbone, Learner, Reading
from turngym.credit.progress_estimator import Head, HeadKind
from turngym.credit.progress_tokens import shortened, tokens_of, turn_ends
from turngym.credit.steps import Bools, Floats, Ints, Steps
from turngym.credit.toolbox import discount

Regress = Literal["episode", "prefixes"]
Metrics = dict[str, float]


@dataclass(kw_only=True)
class Estimator:
    """A backbone with a head, read at each turn's last token, and the optimizer that trains both."""

    backbone: Backbone
    head: HeadKind = "mlp"
    intercept: bool = False
    context: int | None = None
    regress: Regress = "episode"
    lr: float
    weight_decay: float
    max_grad_norm: float
    minibatch: int
    epochs: int
    seed: int
    learner: Learner = field(init=False)

    def __post_init__(self) -> None:
        self.learner = Learner(
            self.backbone,
            head=self._head,
            lr=self.lr,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
        )

    def _head(self, width: int) -> Head:
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return Head(self.head, self.backbone, intercept=self.intercept)

    def contributions(self, steps: Steps) -> Floats:
        """What each turn contributes, by the weights as they are; not a number where none could be read. [N]"""
        text = Text.of(steps, self.context)
        answer = np.full(len(steps), np.nan)
        with torch.no_grad():
            for reading in self.backbone.read(text.samples):
                rows, contribution = self._read(reading, text)
                answer[rows] = _numbers(contribution)
        return answer

    def fit(self, steps: Steps, outcome: Floats) -> tuple[Floats, Metrics]:
        """`epochs` passes over the episodes, whose outcomes [E] may be unknown (not a number).

        Gives what `contributions` would have said of each turn [N] just before its episode was first learned from,
        and how it went. One forward and one backward pass per epoch, unless an episode exceeds a batch.
        """
        text = Text.of(steps, self.context)
        course = _Course(
            text=text,
            traj=steps.traj,
            outcome=outcome,
            contribution=np.full(len(steps), np.nan),
            regress=self.regress,
        )
        pulled: list[Metrics] = []
        for epoch in range(self.epochs):
            order = np.random.default_rng(derive_seed(self.seed, "spa", self.learner.updates, epoch))
            episodes = order.permutation(text.episodes)
            for start in range(0, len(episodes), self.minibatch):
                pulled += self._update(course, episodes[start : start + self.minibatch], first=epoch == 0)
        return course.contribution, course.metrics() | _means(pulled)

    def _update(self, course: _Course, episodes: Ints, *, first: bool) -> list[Metrics]:
        """One step of the optimizer, if any of the episodes has a known outcome."""
        known = int(np.isfinite(course.outcome[episodes]).sum())
        for among in self._chunks(course.text, episodes):
            rows, contribution = self._regress(course, among, max(known, 1))
            if first:
                course.note(rows, contribution, self._constant())
        return [self.learner.step()] if known else []

    def _chunks(self, text: Text, episodes: Ints) -> Iterator[list[int]]:
        """Samples of as many whole episodes at a time as fit one batch."""
        chunk: list[int] = []
        for episode in episodes.tolist():
            larger = chunk + text.of_episode[episode]
            if chunk and not self.backbone.fits([text.samples[i] for i in larger]):
                yield chunk
                larger = text.of_episode[episode]
            chunk = larger
        yield chunk

    def _regress(self, course: _Course, among: Sequence[int], count: int) -> tuple[Ints, Floats]:
        """Add the gradient of the squared errors over `count`; gives the turns that were read and their contributions.

        The gradient for a turn needs the sum over its episode. So where the samples take several batches, they are
        read once for the sums and once more for the gradients.
        """
        readings = list(self.backbone.read(course.text.samples, among))
        at_once = len(readings) == 1
        with torch.set_grad_enabled(at_once):
            parts = [self._read(reading, course.text) for reading in readings]
        rows = np.concatenate([part[0] for part in parts])
        contribution = np.concatenate([_numbers(part[1]) for part in parts])
        slope, whole = course.slopes(rows, contribution, self._constant())  # [N], 0 where nothing is known
        for reading, part in zip(readings, parts, strict=True):
            read = part[1] if at_once else self._read(reading, course.text)[1]
            weight = torch.tensor(slope[part[0]] / count, dtype=read.dtype, device=read.device)
            torch.autograd.backward((weight * read).sum())
        if (constant := self._intercept()) is not None:
            torch.autograd.backward(constant * (whole / count))
        return rows, contribution

    def _read(self, reading: Reading, text: Text) -> tuple[Ints, Tensor]:
        """The turns that end in this batch [E], and their contributions [E]."""
        ends = torch.tensor(text.is_end[reading.token.cpu().numpy()], device=reading.token.device)
        rows: Ints = reading.row[ends].cpu().numpy()
        return rows, self.learner.head(reading.hidden()[ends])

    def _intercept(self) -> Tensor | None:
        head = self.learner.head
        assert isinstance(head, Head)
        return head.intercept

    def _constant(self) -> float:
        intercept = self._intercept()
        return 0.0 if intercept is None else float(intercept.detach())


@dataclass(frozen=True, kw_only=True)
class Text:
    """The turns in tokens, and where they end."""

    samples: Sequence[Sample]
    is_end: Bools  # [T] whether a sampled token is the last of its turn
    of_episode: dict[int, list[int]]
    """The samples of each episode that sampled anything."""

    @classmethod
    def of(cls, steps: Steps, context: int | None) -> Text:
        samples = tokens_of(steps)
        samples = samples if context is None else shortened(samples, context)
        ends = turn_ends(samples, len(steps))
        is_end = np.zeros(sum(sample.sampled for sample in samples), dtype=np.bool_)
        is_end[ends[ends >= 0]] = True
        of_episode: dict[int, list[int]] = {}
        for i, sample in enumerate(samples):
            if (row := max(sample.row, default=-1)) >= 0:
                of_episode.setdefault(int(steps.traj[row]), []).append(i)
        return cls(samples=samples, is_end=is_end, of_episode=of_episode)

    @property
    def episodes(self) -> Ints:
        """Those that sampled anything."""
        return np.array(sorted(self.of_episode), dtype=np.int64)


@dataclass(kw_only=True)
class _Course:
    """What one fit knows and finds out."""

    text: Text
    traj: Ints  # [N]
    outcome: Floats  # [E]
    contribution: Floats  # [N] as first read
    regress: Regress = "episode"
    squared: dict[int, float] = field(default_factory=dict)
    """The squared error of each episode of known outcome, as first read."""

    def errors(self, rows: Ints, contribution: Floats, constant: float) -> Floats:
        """Predicted less known outcome of the episodes whose turns were read, 0 elsewhere. [E]"""
        owner, size = self.traj[rows], len(self.outcome)
        read = np.bincount(owner, minlength=size) > 0
        predicted = np.bincount(owner, contribution, minlength=size) + constant
        return np.where(read & np.isfinite(self.outcome), predicted - self.outcome, 0.0)

    def slopes(self, rows: Ints, contribution: Floats, constant: float) -> tuple[Floats, float]:
        """What the squared error, summed over episodes, gains per contribution [N] and per constant.

        `prefixes`: an episode's error is the mean over its turns of that of the sum so far.
        """
        slope = np.zeros(len(self.traj))
        if self.regress == "episode":
            error = 2 * self.errors(rows, contribution, constant)
            slope[rows] = error[self.traj[rows]]
            return slope, float(error.sum())
        rows, contribution = np.sort(rows), contribution[np.argsort(rows)]
        owner = self.traj[rows]
        rest = discount(contribution, owner, 1.0) - contribution
        so_far = np.bincount(owner, contribution)[owner] - rest + constant
        known = np.isfinite(self.outcome[owner])
        error = 2 * np.where(known, so_far - self.outcome[owner], 0.0) / np.bincount(owner)[owner]
        slope[rows] = discount(error, owner, 1.0)  # a contribution is in its own sum and in all later ones
        return slope, float(error.sum())

    def note(self, rows: Ints, contribution: Floats, constant: float) -> None:
        self.contribution[rows] = contribution
        error = self.errors(rows, contribution, constant)
        known = [e for e in np.unique(self.traj[rows]).tolist() if np.isfinite(self.outcome[e])]
        self.squared |= {e: float(error[e]) ** 2 for e in known}

    def metrics(self) -> Metrics:
        """The mean squared error, and the share of the outcomes' variance that the predictions explain."""
        if not self.squared:
            return {}
        loss = float(np.mean(list(self.squared.values())))
        spread = float(self.outcome[list(self.squared)].var())
        explained = {"spa_explained": 1 - loss / spread} if spread else {}
        return {"spa_loss": loss, **explained}


def _numbers(contribution: Tensor) -> Floats:
    return contribution.detach().double().cpu().numpy()


def _means(pulled: Sequence[Metrics]) -> Metrics:
    if not pulled:
        return {"spa_updates": 0.0}
    means = {f"spa_{name}": float(np.mean([one[name] for one in pulled])) for name in pulled[0]}
    return means | {"spa_updates": float(len(pulled))}
