"""A program for `ranks`: trainers learn from samples written by hand, and leave what they learned.

`python rank_learning.py FOLDER NAME...`: each named case below, into FOLDER/NAME-RANK.pt.
"""

from __future__ import annotations

import asyncio
import copy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from tests.trainers.test_policy import MODEL, make_samples

from turngym.agents.engines.hf import HFEngine
from turngym.agents.llm import Sampling
from turngym.core.samples import Sample
from turngym.trainers import distributed
from turngym.trainers.models import Policy
from turngym.trainers.policy import PolicyTrainer

STEPS = 3
CASES: dict[str, dict[str, Any]] = {
    "ddp": {},
    "fsdp": {"parallel": "fsdp"},
    "ddp-all": {"critic": "own", "kl_coef": 0.1, "entropy_coef": 0.01, "minibatch": 3, "epochs": 2},
    "fsdp-all": {
        "parallel": "fsdp", "critic": "trunk", "kl_coef": 0.1, "entropy_coef": 0.01, "minibatch": 3, "epochs": 2,
    },
    "fsdp-checkpointing": {"parallel": "fsdp", "checkpointing": True},
    "fsdp-bf16": {"parallel": "fsdp", "precision": "bf16"},
}  # fmt: skip


if find_spec("peft"):
    CASES |= {f"{parallel}-lora": {"parallel": parallel, "adapters": 4} for parallel in ("ddp", "fsdp")}


def trainer(*, adapters: int = 0, **options: Any) -> PolicyTrainer:
    model = copy.deepcopy(MODEL)
    if adapters:
        from turngym.trainers import lora

        lora.adapt(Policy(model=model, tokenizer=None, eos_ids=[0]), rank=adapters)
    return PolicyTrainer(model, HFEngine(model, stop_ids=[0]), lr=1e-2, max_tokens=40, **options)


def learn(made: PolicyTrainer, steps: range = range(STEPS)) -> list[dict[str, float]]:
    return [one_step(made, make_samples(7, seed=step)) for step in steps]


def one_step(made: PolicyTrainer, samples: list[Sample]) -> dict[str, float]:
    made.score(samples)
    for sample in samples:
        sample.returns = [float(a > 0) for a in sample.advantages]
    learned = made.update(samples)
    made.publish()
    return learned


def said(made: PolicyTrainer) -> tuple[list[int], list[float]]:
    """What the published engine answers."""
    sampling = Sampling(temperature=1.0, max_tokens=8, seed=3)
    answer = asyncio.run(made.publish().generate([5, 6, 7], sampling))
    return answer.token_ids, answer.logprobs


def learned(made: PolicyTrainer, metrics: list[dict[str, float]]) -> dict[str, Any]:
    weights = {name: weight.detach().clone() for name, weight in made.model.named_parameters()}
    return {"metrics": metrics, "weights": weights, "state": made.state_dict(), "said": said(made)}


def main(folder: Path, names: list[str]) -> None:
    with distributed.joined(timeout=60):
        for name in names:
            made = trainer(**CASES[name])
            torch.save(learned(made, learn(made)), folder / f"{name}-{distributed.rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
