"""A second model inside the policy: low-rank adapters on its own weights, applied only while credit reads with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from turngym.trainers.backbone import OwnModel


class AdaptedPolicy(OwnModel):
    """The policy's weights of the moment plus adapters of its own (LoRA, Hu et al. 2022, arXiv 2106.09685).

    While credit reads, every linear layer W of the trunk computes W x + (lora_alpha / lora) B A x, with A [lora, in]
    random and B [out, lora] zero at first. Only A and B are trained and saved; as the policy learns, the base moves.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        lora: int,
        lora_alpha: float = 16.0,
        seed: int = 0,
        max_tokens: int = 16384,
        temperature: float = 1.0,
        precision: str = "fp32",
        device: str = "cpu",
    ) -> None:
        if lora < 1:
            raise ValueError(f"lora is {lora}; give the adapters a rank of at least 1")
        super().__init__(
            make, max_tokens=max_tokens, temperature=temperature, precision=precision, device=device
        )
        self.rank, self.scale, self.seed = lora, lora_alpha / lora, seed
        self._adapters: nn.ModuleDict | None = None

    @property
    def adapters(self) -> nn.ModuleDict:
        """The trained part, by the name of the layer it is added to, dots written as slashes."""
        if self._adapters is None:
            with torch.random.fork_rng():
                torch.manual_seed(self.seed)
                made = {name.replace(".", "/"): _adapter(layer, self.rank) for name, layer in self._layers()}
            self._adapters = nn.ModuleDict(made).to(self.device)
        return self._adapters

    def parameters(self) -> Iterable[nn.Parameter]:
        """The adapters alone."""
        return self.adapters.parameters()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """While open, the policy's module computes with the adapters, and its own weights gather no gradient."""
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        mode = self.model.training
        with ExitStack() as stack:
            stack.enter_context(super().computing())
            for name, layer in self._layers():
                hook = layer.register_forward_hook(partial(self._add, self.adapters[name.replace(".", "/")]))
                stack.callback(hook.remove)
            stack.callback(self.model.train, mode)
            self.model.eval()
            stack.callback(lambda: [parameter.requires_grad_(True) for parameter in trained])
            self.model.requires_grad_(False)
            yield

    def state_dict(self) -> dict[str, Any]:
        """The adapters; the policy saves its own weights."""
        return self.adapters.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`."""
        self.adapters.load_state_dict(state)

    def _prepared(self, model: nn.Module) -> nn.Module:
        return model

    def _layers(self) -> list[tuple[str, nn.Linear]]:
        trunk = self.model.get_decoder()  # type: ignore[operator]
        return [(name, layer) for name, layer in trunk.named_modules() if isinstance(layer, nn.Linear)]

    def _add(self, adapter: nn.Module, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        change: Tensor = adapter(inputs[0].to(torch.float32))
        return output + (self.scale * change).to(output.dtype)


def _adapter(layer: nn.Linear, rank: int) -> nn.Sequential:
    down = nn.Linear(layer.in_features, rank, bias=False)
    up = nn.Linear(rank, layer.out_features, bias=False)
    nn.init.zeros_(up.weight)
    return nn.Sequential(down, up)
