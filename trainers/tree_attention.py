"""Attention over a prefix tree, as transformers calls it: every place looks at its own path and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from turngym.trainers.tree import Look, Span, Tree

ATTENTION = "turngym_tree"
"""The name under which transformers finds `attend`."""


class Paths:
    """What the places of one forward pass may look at; counts the layers that asked."""

    def __init__(self, tree: Tree) -> None:
        self.looks, self.longest = tree.looks, max(tree.depth) + 1
        self.layers = 0

    def attention(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Attention of queries [H, N, D] to keys and values [heads, N, D]; [H, N, D], `H = heads * groups`."""
        self.layers += 1
        grouped = query.unflatten(0, (len(key), -1))  # type: ignore[no-untyped-call]
        seen: Tensor = _Attention.apply(grouped, key, value, self.looks, scale)  # type: ignore[no-untyped-call]
        return seen.flatten(0, 1)


def adopt(model: nn.Module) -> None:
    """Let a model compute trees; other calls of it go to torch's own attention as before."""
    model.config._attn_implementation = ATTENTION  # type: ignore[union-attr]


def tree_trunk(model: nn.Module, token_ids: Tensor, tree: Tree) -> Tensor:
    """The trunk's output [1, N, D] for the tree's tokens [1, N].

    Raises `ValueError` where some layer of the model mixes tokens in another way, which a tree would leave wrong.
    """
    adopt(model)
    paths = Paths(tree)
    device = token_ids.device
    output: Tensor = model.get_decoder()(  # type: ignore[operator]
        input_ids=token_ids,
        position_ids=torch.tensor([tree.depth], device=device),
        attention_mask=torch.empty(1, 1, 1, 1, device=device),  # of four dimensions, so that nobody makes one
        use_cache=False,
        paths=paths,
    ).last_hidden_state
    layers = model.config.get_text_config().num_hidden_layers  # type: ignore[operator, union-attr]
    if paths.layers != layers:
        raise ValueError(
            f"{type(model).__name__} asked for attention in {paths.layers} of {layers} layers, so its other layers "
            "cannot follow a tree; set packing = 'rows'"
        )
    return output


def attend(
    module: nn.Module,
    query: Tensor,  # [1, H, N, D]
    key: Tensor,  # [1, heads, N, D]
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    paths: Paths | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attention along the paths; returns [1, N, H, D]. Without paths, torch's own."""
    if paths is None:
        own: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **more
        )
        return own
    _check(module, paths, more)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    kind = value.dtype
    return paths.attention(query[0].to(kind), key[0].to(kind), value[0], scale).transpose(0, 1)[None], None


def _check(module: nn.Module, paths: Paths, more: dict[str, Any]) -> None:
    window = more.get("sliding_window")
    if more.get("softcap") is not None or more.get("s_aux") is not None:
        reason = "caps its scores or has attention sinks"
    elif window is not None and window < paths.longest:
        reason = f"sees {window} tokens, fewer than the longest sequence has ({paths.longest})"
    else:
        return
    raise ValueError(f"{type(module).__name__} {reason}; set packing = 'rows'")


class _Attention(torch.autograd.Function):
    """Softmax attention, look by look. Heads of a group share their keys, which are never repeated.

    The probabilities are kept for the gradient: at these lengths that is faster on a CPU than making them again.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, looks: Sequence[Look], scale: float
    ) -> Tensor:
        out = torch.empty_like(query, memory_format=torch.contiguous_format)
        kept = []
        for look in looks:
            asked = _rows(query, look.queries)
            chances = _scores(asked, _along(key, look.keys), look, scale).softmax(-1)
            _put(out, look.queries, chances @ _along(value, look.keys))
            kept.append(chances)
        ctx.save_for_backward(query, key, value, *kept)
        ctx.looks, ctx.scale = looks, scale
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        query, key, value, *kept = ctx.saved_tensors
        to_query = torch.empty_like(query, memory_format=torch.contiguous_format)
        to_key, to_value = torch.zeros_like(key), torch.zeros_like(value)
        for look, chances in zip(ctx.looks, kept, strict=True):
            asked, wanted = _rows(query, look.queries), _rows(gradient, look.queries)
            _add(to_value, look.keys, chances.transpose(1, 2) @ wanted)
            to_chances = wanted @ _along(value, look.keys).transpose(1, 2)
            to_scores = torch._softmax_backward_data(to_chances, chances, -1, chances.dtype).mul_(ctx.scale)
            _put(to_query, look.queries, to_scores @ _along(key, look.keys))
            _add(to_key, look.keys, to_scores.transpose(1, 2) @ asked)
        return to_query, to_key, to_value, None, None


def _scores(asked: Tensor, keys: Tensor, look: Look, scale: float) -> Tensor:
    """Scores [heads, groups * n, L] of n queries, -inf where a key comes after its query."""
    scores = (asked @ keys.transpose(1, 2)).mul_(scale)
    length = look.queries[1] - look.queries[0]
    own = scores.unflatten(1, (-1, length))[..., -length:]  # type: ignore[no-untyped-call]
    later = torch.ones(length, length, dtype=torch.bool, device=asked.device).triu_(1)
    own.masked_fill_(later, float("-inf"))
    return scores


def _rows(grouped: Tensor, span: Span) -> Tensor:
    """[heads, groups, N, D] to [heads, groups * n, D]."""
    return grouped[:, :, slice(*span)].flatten(1, 2)


def _put(grouped: Tensor, span: Span, rows: Tensor) -> None:
    """Undo `_rows`."""
    grouped[:, :, slice(*span)] = rows.unflatten(1, (grouped.shape[1], -1))  # type: ignore[no-untyped-call]


def _along(stored: Tensor, path: Sequence[Span]) -> Tensor:
    """Keys or values [heads, L, D] of a path."""
    parts = [stored[:, slice(*span)] for span in path]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _add(stored: Tensor, path: Sequence[Span], rows: Tensor) -> None:
    """Add rows [heads, L, D] along a path."""
    for span, part in zip(path, rows.split([stop - start for start, stop in path], 1), strict=True):  # type: ignore[no-untyped-call]
        stored[:, slice(*span)] += part


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
