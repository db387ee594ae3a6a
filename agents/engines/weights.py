"""A policy's weights on their way to vLLM: the folder that it reads, which version sampled a token, and a probe."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from turngym.agents.llm import Completion, Engine, Sampling
from turngym.core.errors import ConfigError, UserError

PROBED = 4
"""Tokens that a probe samples."""


class PushFailed(UserError, RuntimeError):
    """New weights did not arrive whole; the engine answers nothing until a push succeeds."""


def write(model: Any, folder: Path) -> Path:
    """Write a causal language model's config and weights so that vLLM can load them, and load them again.

    An output layer that shares the embedding's weights is written as one of its own: on a CPU, vLLM 0.32 keeps a packed
    copy of a shared one, which `reload_weights` would leave as it was.
    """
    config = deepcopy(model.config)
    config.tie_word_embeddings = False
    config.architectures = [type(model).__name__]
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    tensors = {name: tensor.cpu().clone() for name, tensor in plain(model).items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@torch.no_grad()
def plain(model: Any) -> dict[str, torch.Tensor]:
    """The weights by the names of the model without adapters, which are added in; shards are gathered by all ranks."""
    state = {name: tensor for name, tensor in model.state_dict().items() if ".lora_" not in name}
    tensors = {name.replace(".base_layer.", "."): _whole(tensor.detach()) for name, tensor in state.items()}
    for name, layer in model.named_modules():
        for adapter in layer.active_adapters if hasattr(layer, "get_delta_weight") else ():
            own = tensors[f"{name}.weight"]
            tensors[f"{name}.weight"] = own + layer.get_delta_weight(adapter).to(own)
    return tensors


def need_plain(model: Any, transfer: str) -> None:
    """Refuse adapters where vLLM reads the module's parameters itself and would not know their names.

    Raises `ConfigError`.
    """
    if any(".lora_" in name for name, _ in model.named_parameters()):
        raise ConfigError(
            f"engine.transfer = {transfer!r} cannot send adapters; use 'disk', which adds them into the weights"
        )


def _whole(tensor: Any) -> torch.Tensor:
    full: torch.Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full


def shapes(model: Any) -> dict[str, list[int]]:
    """Of every parameter, by its name."""
    return {name: list(tensor.shape) for name, tensor in model.named_parameters()}


def check_shapes(model: Any, known: dict[str, list[int]]) -> None:
    """Refuse weights of another model than vLLM holds: it would stop half-way through them and never recover.

    Raises `ConfigError`.
    """
    for name, shape in shapes(model).items():
        if known.get(name) != shape:
            raise ConfigError(f"the module's {name} has shape {shape} and vLLM's {known.get(name)}")


def by_token(spans: Sequence[Any], tokens: int) -> list[str]:
    """The version of each token, from vLLM's spans of (version, start, end)."""
    versions = [""] * tokens
    for span in spans:
        part = span if isinstance(span, dict) else vars(span)
        versions[part["start"] : part["end"]] = [part["version"]] * (part["end"] - part["start"])
    return versions


def completed(token_ids: list[int], logprobs: list[float], stop: str, versions: Sequence[str]) -> Completion:
    """A completion that names its tokens' versions one by one only where they differ."""
    numbers = [int(version) for version in versions]
    return Completion(
        token_ids=token_ids,
        logprobs=logprobs,
        stop=stop,
        version=min(numbers),
        versions=numbers if len(set(numbers)) > 1 else None,
    )


def far_apart(place: str, gap: float, tolerance: float, version: int) -> str:
    """What to say of an engine that a probe found out."""
    return (
        f"after the push of version {version} the log-probabilities of {place} are {gap:.3g} nats from the module's, "
        f"more than tolerance = {tolerance:g}: it has other weights, or reports logprobs of another kind; do not train "
        "on it (raise the tolerance only where two number formats explain the gap)"
    )


async def disagreement(engine: Engine, model: Any) -> float:
    """The largest difference, in nats, between the engine's log-probabilities and the module's own.

    It is taken over a few tokens at temperature 0.7, which finds out an engine that reports those of temperature 1.
    """
    words = int(model.config.vocab_size)
    prompt = [7919 * place % words for place in range(1, 9)]
    said = await engine.generate(prompt, Sampling(temperature=0.7, max_tokens=PROBED))
    wanted = _logprobs(model, prompt, said.token_ids, 0.7)
    return max(abs(one - other) for one, other in zip(said.logprobs, wanted, strict=True))


def _logprobs(model: Any, prompt: list[int], token_ids: list[int], temperature: float) -> list[float]:
    device, training = next(model.parameters()).device, model.training
    model.eval()
    with torch.no_grad():
        logits = model(torch.tensor([prompt + token_ids], device=device)).logits[0, len(prompt) - 1 : -1]
    model.train(training)
    chances = torch.log_softmax(logits.float() / temperature, -1)  # [T, V]
    return [float(chances[place, token]) for place, token in enumerate(token_ids)]
