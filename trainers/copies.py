"""The weights that learn, where they are not the ones that are sampled from: fp32 masters, or shards of them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor, nn

from turngym.trainers import distributed
from turngym.trainers.batch import Batch
from turngym.trainers.forward import hidden_states, token_logits

Parallel = Literal["ddp", "fsdp"]


class Reader(nn.Module):
    """A causal language model as a trainer reads it.

    Trunk and head are computed in one forward, so that sharded weights (FSDP2) are there for both.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Hidden states [T, D] and logits [T, V] that predict the sampled tokens."""
        hidden = hidden_states(self.model, batch)
        return hidden, token_logits(self.model, hidden, temperature)


def reader(model: nn.Module, parallel: Parallel, *, checkpointing: bool = False) -> Reader:
    """What learns for `model`: the model itself where it can, else a copy.

    Copied is what has trained weights in less than fp32, which small steps would leave unchanged, and what `fsdp`
    shards over several ranks. `checkpointing` computes activations again in the backward pass instead of keeping them.
    """
    if parallel not in ("ddp", "fsdp"):
        raise ValueError(f"parallel is {parallel!r}; choose 'ddp' or 'fsdp'")
    sharded = parallel == "fsdp" and distributed.world() > 1
    learner = deepcopy(model) if sharded or rounds_off(model) else model
    for parameter in learner.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    if checkpointing:
        _checkpoint(learner)
    made = Reader(learner)
    if sharded:
        _shard(made)
    return made


def _checkpoint(learner: Any) -> None:
    name = "activation_checkpointing_enable"  # an older transformers has the other name
    enable = getattr(learner, name, learner.gradient_checkpointing_enable)
    enable({"use_reentrant": False})


def _shard(made: Reader) -> None:
    """Cut every layer, and what is left around them, over the ranks."""
    from torch.distributed.fsdp import FSDPModule, fully_shard

    for layer in made.model.get_decoder().layers:  # type: ignore[operator]
        fully_shard(layer)
    fully_shard(made)
    for module in made.modules():
        if isinstance(module, FSDPModule):
            # Losses carry global weights, so gradients are summed; by plain sums, which gloo knows too.
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Give one module the trained weights of another, either of which may be sharded or in another type.

    Every rank calls this.
    """
    for (name, new), old in zip(source.named_parameters(), target.parameters(), strict=True):
        if not new.requires_grad:
            continue
        if new.shape != old.shape:
            raise ValueError(f"{name} has shape {tuple(new.shape)} here and {tuple(old.shape)} there")
        old.copy_(_like(distributed.whole(new), old))


def _like(tensor: Tensor, other: Tensor) -> Tensor:
    """The tensor, cut as the other is."""
    if not distributed.is_shard(other):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    shard: Tensor = distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)  # type: ignore[attr-defined]
    return shard


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The weights that are trained, whole, by name; every rank calls this."""
    named = model.named_parameters()
    return {name: distributed.whole(weight.detach()) for name, weight in named if weight.requires_grad}


@torch.no_grad()
def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Undo `weights_of`, for any number of ranks. Raises `KeyError` or `RuntimeError` where they do not fit."""
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            weight.copy_(_like(weights[name], weight))


def rounds_off(model: nn.Module) -> bool:
    """Whether weights that are trained are kept in less than fp32."""
    return any(p.requires_grad and p.dtype != torch.float32 for p in model.parameters())


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> float:
    """Shrink all gradients together to the norm `limit`, as one process would; gives the norm before."""
    grads = [parameter for parameter in parameters if parameter.grad is not None]
    shards = [parameter for parameter in grads if distributed.is_shard(parameter)]
    if not shards:
        return float(nn.utils.clip_grad_norm_(grads, limit))
    rest = [parameter for parameter in grads if not distributed.is_shard(parameter)]
    parts = [part for part in (shards, rest) if part]
    norm = torch.linalg.vector_norm(torch.stack([_norm(part) for part in parts]))
    for part in parts:
        nn.utils.clip_grads_with_norm_(part, limit, norm)
    return float(norm)


def _norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    return distributed.whole(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimizer's state with whole tensors, whatever the number of ranks; every rank calls this."""
    state = optimizer.state_dict()
    moments = {
        number: {
            name: distributed.whole(value) if torch.is_tensor(value) else value for name, value in one.items()
        }
        for number, one in state["state"].items()
    }
    return state | {"state": moments}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Undo `optimizer_state`, for any number of ranks. Raises `ValueError` where it is of other weights."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    saved = sum(len(group["params"]) for group in state["param_groups"])
    if saved != len(parameters):
        raise ValueError(f"the optimizer's state is of {saved} weights, and {len(parameters)} are trained")
    moments = {
        number: {name: _moment(value, parameters[number]) for name, value in one.items()}
        for number, one in state["state"].items()
    }
    optimizer.load_state_dict(state | {"state": moments})


def _moment(value: Any, parameter: nn.Parameter) -> Any:
    """A number of the optimizer's per weight, cut as the weights are; anything else as it is."""
    if not torch.is_tensor(value) or value.ndim == 0:
        return value
    if value.shape != parameter.shape:
        raise ValueError(
            f"a moment of the optimizer has shape {tuple(value.shape)}, its weights {tuple(parameter.shape)}"
        )
    return _like(value, parameter)
