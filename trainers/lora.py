"""Low-rank adapters on a policy, which alone are trained (LoRA, Hu et al. 2022, arXiv 2106.09685), by `peft`."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from turngym.trainers.checkpoint import CheckpointError
from turngym.trainers.models import Policy

FILE = "adapter_model.safetensors"


def adapt(
    policy: Policy,
    *,
    rank: int = 16,
    alpha: float | None = None,
    targets: str | Sequence[str] = "all-linear",
    seed: int = 0,
) -> Policy:
    """The policy, whose linear layers W named in `targets` compute W x + (alpha / rank) B A x from here on.

    A `[rank, in]` is random, B `[out, rank]` zero, so nothing changes at first; both are fp32, whatever W is.
    `alpha` is twice the rank where it is left out. Raises `ValueError` for a rank below 1 or a target that is absent.
    """
    if rank < 1:
        raise ValueError(f"rank is {rank}; give adapters a rank of at least 1")
    names = targets if isinstance(targets, str) else list(targets)
    scale = 2 * rank if alpha is None else alpha
    config = LoraConfig(r=rank, lora_alpha=scale, target_modules=names, task_type=TaskType.CAUSAL_LM)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy.model.add_adapter(config)  # type: ignore[operator]
    for weight in _adapters(policy.model).values():
        weight.data = weight.data.float()
    return policy


def is_adapted(model: nn.Module) -> bool:
    """Whether a model carries adapters."""
    return any(isinstance(layer, BaseTunerLayer) for layer in model.modules())


def write_adapters(model: nn.Module, folder: Path) -> None:
    """Write the adapters alone, as `peft` and vLLM read them: `adapter_config.json` and `adapter_model.safetensors`."""
    model.save_pretrained(folder)  # type: ignore[operator]


@torch.no_grad()
def read_adapters(model: nn.Module, folder: Path) -> None:
    """Undo `write_adapters`. Raises `CheckpointError` where they are missing or made for another model."""
    try:
        stored = load_file(folder / FILE)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} holds no adapters ({error}); resume without [model] lora, or from a run that had it"
        ) from error
    adapters = _adapters(model)
    mine, theirs = ({name: tuple(x.shape) for name, x in each.items()} for each in (adapters, stored))
    if mine != theirs:
        odd = min(name for name in mine | theirs if mine.get(name) != theirs.get(name))
        raise CheckpointError(
            f"the adapters in {folder} are for another model: {odd} has shape {theirs.get(odd)} there and "
            f"{mine.get(odd)} here; resume with the [model] that they were made with"
        )
    for name, weight in adapters.items():
        weight.copy_(stored[name])


def merged(policy: Policy) -> Policy:
    """A copy of the policy as a plain model, its adapters added into the weights."""
    model: Any = deepcopy(policy.model)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge(safe_merge=True)
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, layer.get_base_layer())
    del model.peft_config
    model._hf_peft_config_loaded = False  # transformers would save adapters only
    return Policy(model=model, tokenizer=policy.tokenizer, eos_ids=policy.eos_ids)


def _adapters(model: nn.Module) -> dict[str, Tensor]:
    """The adapters' weights by the names that `peft` writes."""
    named = ((name, weight) for name, weight in model.named_parameters() if ".lora_" in name)
    return {"base_model.model." + name.replace(".default.", "."): weight for name, weight in named}
