"""The forward pass of Llama's kin written out: the same numbers as transformers' modules, in fewer calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from turngym.agents.engines.attention import Layout

KIN = frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})
"""Classes of transformers whose layers are those of `Layer`, with or without biases and norms of queries and keys."""


class Linear(NamedTuple):
    """A linear layer, computed in the type of its weight [out, in]."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.weight.dtype), self.weight, self.bias)


class Packed:
    """A linear layer in the order of weights that oneDNN's matmul reads, which spares it that work in every pass."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight, self.bias = torch.ops.mkldnn._reorder_linear_weight(weight, 16), bias
        self.dtype = weight.dtype

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.to(self.dtype), self.weight, self.bias, "none", [], ""
        )
        return y


class Norm(NamedTuple):
    """Root mean square norm (Zhang and Sennrich 2019, arXiv 1910.07467)."""

    weight: Tensor
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.to(self.weight.dtype), self.weight.shape, self.weight, self.eps)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer. `qkv` and `gate_up` are several linear layers of one input, computed as one where they are copies."""

    before_attention: Norm
    qkv: list[Linear | Packed]
    query_norm: Norm | None
    key_norm: Norm | None
    out: Linear | Packed
    before_mlp: Norm
    gate_up: list[Linear | Packed]
    down: Linear | Packed
    act: Any
    widths: list[int]
    """Of all queries, all keys, all values."""
    dim: int
    scaling: float
    window: int | None

    def attention(self, number: int, x: Tensor, turn: tuple[Tensor, Tensor], layout: Layout) -> Tensor:
        """What the layer reads off the cache for tokens [T, hidden], after it has written their keys."""
        query, key, value = (part.view(len(x), -1, self.dim) for part in self._qkv(x))  # [T, heads, D]
        query = rotated(self.query_norm(query) if self.query_norm else query, turn).to(value.dtype)
        key = rotated(self.key_norm(key) if self.key_norm else key, turn).to(value.dtype)
        heads = key.shape[1]
        layout.cache.write(number, layout.places(heads), key.transpose(0, 1), value.transpose(0, 1))
        grouped = query.transpose(0, 1).unflatten(0, (heads, -1))  # type: ignore[no-untyped-call]
        seen = layout.attention(number, grouped, self.scaling, self.window)
        return self.out(seen.flatten(0, 1).transpose(0, 1).flatten(1))

    def mlp(self, x: Tensor) -> Tensor:
        """The gated feed-forward of tokens [T, hidden]."""
        if len(self.gate_up) == 1:
            gate, up = self.gate_up[0](x).chunk(2, -1)
        else:
            gate, up = (compute(x) for compute in self.gate_up)
        return self.down(self.act(gate) * up)

    def _qkv(self, x: Tensor) -> list[Tensor]:
        if len(self.qkv) > 1:
            return [compute(x) for compute in self.qkv]
        return list(self.qkv[0](x).split(self.widths, -1))  # type: ignore[no-untyped-call]


class Lean:
    """A causal language model as the decoder calls it.

    Without `dtype` it computes with the module's very tensors. With one it computes as `torch.autocast` would: linear
    layers with copies in that type, made here once and not in every pass, all else in the module's type.
    """

    def __init__(self, model: Any, dtype: torch.dtype | None = None) -> None:
        trunk = model.get_decoder()
        self.embedding = model.get_input_embeddings().weight
        self.positions = trunk.rotary_emb
        self.layers = [_layer(layer, dtype) for layer in trunk.layers]
        self.norm = _norm(trunk.norm)
        (self.head,) = _weights([model.get_output_embeddings()], dtype)

    def __call__(self, token_ids: Tensor, layout: Layout) -> Tensor:
        """Logits [B, V] after the last token of each episode, given new tokens [T]."""
        x = F.embedding(token_ids, self.embedding)
        cos, sin = self.positions(x[None], layout.position[None])
        turn = cos.transpose(0, 1), sin.transpose(0, 1)  # [T, 1, D]
        for number, layer in enumerate(self.layers):
            x = x + layer.attention(number, layer.before_attention(x), turn, layout)
            x = x + layer.mlp(layer.before_mlp(x))
        return self.head(self.norm(x[layout.last]))


def suits(model: Any) -> bool:
    """Whether `Lean` computes what the model does: a known class, plain linear layers, nobody listening in."""
    if type(model).__name__ not in KIN:
        return False
    trunk = model.get_decoder()
    linears = [module for layer in trunk.layers for module in _linears(layer)]
    return all(type(module) is nn.Linear for module in linears) and not any(map(_heard, model.modules()))


def rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions (Su et al. 2021, arXiv 2104.09864) for [T, heads, D], by cosines and sines [T, 1, D]."""
    cos, sin = turn
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def _heard(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _linears(layer: Any) -> list[Any]:
    attention, mlp = layer.self_attn, layer.mlp
    own = [attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj]
    return [*own, mlp.gate_proj, mlp.up_proj, mlp.down_proj]


def _layer(layer: Any, dtype: torch.dtype | None) -> Layer:
    attention, mlp = layer.self_attn, layer.mlp
    query, key = getattr(attention, "q_norm", None), getattr(attention, "k_norm", None)
    return Layer(
        before_attention=_norm(layer.input_layernorm),
        qkv=_weights([attention.q_proj, attention.k_proj, attention.v_proj], dtype),
        query_norm=query and _norm(query),
        key_norm=key and _norm(key),
        out=_weights([attention.o_proj], dtype)[0],
        before_mlp=_norm(layer.post_attention_layernorm),
        gate_up=_weights([mlp.gate_proj, mlp.up_proj], dtype),
        down=_weights([mlp.down_proj], dtype)[0],
        act=mlp.act_fn,
        widths=[each.out_features for each in (attention.q_proj, attention.k_proj, attention.v_proj)],
        dim=attention.head_dim,
        scaling=attention.scaling,
        window=getattr(attention, "sliding_window", getattr(attention.config, "sliding_window", None)),
    )


def _norm(module: Any) -> Norm:
    return Norm(module.weight, module.variance_epsilon)


def _weights(modules: list[Any], dtype: torch.dtype | None) -> list[Linear | Packed]:
    """Linear layers of one input, with their own weights, or as one layer with a copy in `dtype`."""
    if dtype is None or modules[0].weight.dtype == dtype:
        return [Linear(module.weight, module.bias) for module in modules]
    weight = torch.cat([module.weight.detach().to(dtype) for module in modules])
    biases = [module.bias.detach().to(dtype) for module in modules if module.bias is not None]
    packs = weight.device.type == "cpu" and dtype == torch.bfloat16 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return [(Packed if packs else Linear)(weight, torch.cat(biases) if biases else None)]
