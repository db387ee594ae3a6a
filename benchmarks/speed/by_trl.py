"""The same work by TRL: `python -m turngym.benchmarks.speed.by_trl PART SETTINGS`, where TRL is installed.

The random model calls no tool, so every reply is taken as a call of the environment's one tool, whatever it says; all
else is TRL's own: its tool loop, its chat template of Qwen 2.5 (which fits ChatML tokens), its loss.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer
from trl.trainer import grpo_trainer

from turngym import envs
from turngym.benchmarks.speed.measure import peak_memory, spent
from turngym.benchmarks.speed.rollout import ENV, SIZE, Numbers, Settings, content

PROMPT = [{"role": "user", "content": "Play."}]


class House:
    """The environment as TRL asks for one: public methods are tools."""

    steps = 0

    def __init__(self) -> None:
        self._env = envs.make(ENV, **SIZE)

    def reset(self, seed: int, **_: Any) -> str:
        """Begin a task."""
        obs, info = self._env.reset(seed=seed)
        return content(obs, info)

    def act(self, command: str) -> str:
        """Act in the house.

        Args:
            command: What to do.
        """
        House.steps += 1
        obs, _, _, _, info = self._env.step(command)
        return content(obs, info)


def rollout(settings: Settings) -> Numbers:
    """Episodes through `environment_factory`."""
    made = _trainer(settings, environment_factory=House)
    rows = [{"prompt": list(PROMPT), "seed": seed} for seed in range(settings["episodes"])]

    def play(calls: int) -> Any:
        made.max_tool_calling_iterations = calls
        return made._generate_and_score_completions([dict(row) for row in rows])

    play(1)
    House.steps = 0
    took = spent(lambda: play(settings["turns"] - 1), settings["device"])
    sampled = int((took.gave["completion_mask"] * took.gave["tool_mask"]).sum())
    return {
        "seconds": took.seconds,
        "sampled": sampled,
        "tokens_per_second": sampled / took.seconds,
        "steps_per_second": House.steps / took.seconds,
        "peak_mib": peak_memory(),
    }


def update(settings: Settings) -> Numbers:
    """An optimizer step on the sequences of `samples.json`, in micro-batches of the same number of tokens."""
    made = _trainer(settings)
    made.current_gradient_accumulation_steps = 1  # which its own loop would set
    model = made.accelerator.prepare_model(made.model)
    optimizer = made.create_optimizer()
    rows = json.loads((Path(settings["folder"]) / "samples.json").read_text(encoding="utf-8"))
    rows.sort(key=lambda row: len(row["token_ids"]))
    size = max(1, settings["max_tokens"] // len(rows[-1]["token_ids"]))

    def learn() -> None:
        for first in range(0, len(rows), size):
            loss = made.compute_loss(model, _inputs(rows[first : first + size], settings["device"]))
            made.accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    model.train()
    seconds = [spent(learn, settings["device"]).seconds for _ in range(settings["repeats"])]
    tokens = sum(len(row["token_ids"]) for row in rows)
    return {"seconds": min(seconds), "tokens_per_second": tokens / min(seconds), "peak_mib": peak_memory()}


def _inputs(rows: Any, device: str) -> dict[str, torch.Tensor]:
    """TRL's tensors: prompts padded on the left, completions on the right."""
    cuts = [next(place for place, row in enumerate(each["row"]) if row >= 0) for each in rows]
    prompts = [each["token_ids"][:cut] for each, cut in zip(rows, cuts, strict=True)]
    completions = [each["token_ids"][cut:] for each, cut in zip(rows, cuts, strict=True)]
    wide, long = max(map(len, prompts)), max(map(len, completions))

    def tensor(lists: list[list[int]]) -> torch.Tensor:
        return torch.tensor(lists, device=device)

    return {
        "prompt_ids": tensor([[0] * (wide - len(ids)) + ids for ids in prompts]),
        "prompt_mask": tensor([[0] * (wide - len(ids)) + [1] * len(ids) for ids in prompts]),
        "completion_ids": tensor([ids + [0] * (long - len(ids)) for ids in completions]),
        "completion_mask": tensor([[1] * len(ids) + [0] * (long - len(ids)) for ids in completions]),
        "advantages": torch.tensor([(-1.0) ** each["row"][-1] for each in rows], device=device),
        "num_items_in_batch": torch.tensor(float(sum(map(len, completions))), device=device),
    }


def _trainer(settings: Settings, **more: Any) -> GRPOTrainer:
    folder = Path(settings["folder"])
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    tokenizer.chat_template = (Path(trl.__file__).parent / "chat_templates/qwen2_5.jinja").read_text(
        encoding="utf-8"
    )
    tokenizer.padding_side = "left"
    grpo_trainer.parse_response = _always_a_call
    arguments = GRPOConfig(
        output_dir=str(folder / "trl"),
        use_cpu=settings["device"] == "cpu",
        bf16=settings["precision"] == "bf16",
        gradient_checkpointing=False,
        per_device_train_batch_size=settings["episodes"],
        num_generations=settings["episodes"],
        max_completion_length=8192,
        generation_kwargs={
            "min_new_tokens": settings["reply"],
            "max_new_tokens": settings["reply"],
            "top_k": 0,
        },
        report_to="none",
        save_strategy="no",
    )
    return GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder / "model"),
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": PROMPT, "seed": 0}]),
        processing_class=tokenizer,
        **more,
    )


def _always_a_call(tokenizer: Any, ids: Any, **_: Any) -> dict[str, Any]:
    """A reply as a call of the one tool, in place of TRL's own reading of it."""
    command = tokenizer.decode(ids, skip_special_tokens=True)
    call = {"type": "function", "function": {"name": "act", "arguments": {"command": command}}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


PARTS: dict[str, Callable[[Settings], Numbers]] = {each.__name__: each for each in (rollout, update)}


def main() -> None:
    """Measure one part and print it."""
    settings = json.loads(sys.argv[2])
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    if settings["device"] == "cpu":
        torch.set_num_threads(settings["threads"])
    print(json.dumps({"trl": trl.__version__, **PARTS[sys.argv[1]](settings)}))


if __name__ == "__main__":
    main()
