"""The written-out forward pass against transformers' own modules, and the draw against its definition."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from turngym.agents.engines import decoder
from turngym.agents.engines.attention import ATTENTION, Layout
from turngym.agents.engines.decoder import invert
from turngym.agents.engines.kvcache import Held, KVCache
from turngym.agents.engines.lean import Lean, suits

KINDS: dict[str, dict[str, Any]] = {
    "Llama": {"tie_word_embeddings": True},
    "Mistral": {"sliding_window": 4},
    "Qwen2": {"use_sliding_window": False},
    "Qwen3": {"head_dim": 16},
}


def small(kind: str, **more: Any) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        **more,
    )
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval()


def both(model: Any, dtype: torch.dtype | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits after two prompts and after one more token of each, by the lean pass and by the modules."""
    return passes(model, dtype, lean=True), passes(model, dtype, lean=False)


@torch.inference_mode()
def passes(model: Any, dtype: torch.dtype | None, *, lean: bool) -> torch.Tensor:
    cache, held = KVCache(1024), [Held(), Held()]
    cache.place(held, 16)
    compute = Lean(model, dtype) if lean else by_modules(model, dtype)
    slots = [each.slot for each in held]
    first = compute(torch.arange(12), Layout(cache, slots, [0, 0], [7, 5], "cpu"))
    second = compute(torch.tensor([3, 4]), Layout(cache, slots, [7, 5], [1, 1], "cpu"))
    return torch.cat([first, second]).float()


def by_modules(model: Any, dtype: torch.dtype | None) -> Any:
    def compute(ids: torch.Tensor, layout: Layout) -> torch.Tensor:
        model.config._attn_implementation = ATTENTION
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
            logits: torch.Tensor = model(
                input_ids=ids[None],
                position_ids=layout.position[None],
                use_cache=False,
                logits_to_keep=layout.last,
                layout=layout,
            ).logits[0]
        return logits

    return compute


@pytest.mark.parametrize("kind", KINDS)
def test_the_lean_pass_has_the_logits_of_the_modules(kind: str) -> None:
    model = small(kind, **KINDS[kind])
    assert suits(model)
    lean, modules = both(model, None)
    assert torch.allclose(lean, modules, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_in_bfloat16_it_differs_from_autocast_by_rounding_alone(kind: str) -> None:
    model = small(kind, **KINDS[kind])
    exact = passes(model, None, lean=False)
    lean, modules = both(model, torch.bfloat16)
    assert (lean - exact).abs().max() <= 2 * (modules - exact).abs().max() + 1e-3


def test_copies_are_made_anew_when_the_weights_change() -> None:
    model = small("Llama")
    made = decoder.Decoder(model, frozenset(), KVCache(1024), autocast=torch.bfloat16)
    made.lean = before = Lean(model, torch.bfloat16)
    made.forget(1)
    made._sweep()
    assert made.lean is None
    assert before is not made.lean


def test_a_model_that_somebody_listens_to_is_computed_by_its_modules() -> None:
    model = small("Llama")
    hook = model.model.layers[0].mlp.register_forward_hook(lambda *_: None)
    assert not suits(model)
    hook.remove()
    assert suits(model)


def test_a_model_of_another_family_or_with_other_layers_is_computed_by_its_modules() -> None:
    assert not suits(small("Gemma"))
    model = small("Llama")
    model.model.layers[1].mlp.up_proj = torch.nn.Sequential(model.model.layers[1].mlp.up_proj)
    assert not suits(model)


@given(
    st.lists(st.sampled_from([0.0, 1e-9, 0.1, 1.0]), min_size=1, max_size=23).filter(any),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 9),
)
def test_a_draw_by_blocks_is_the_first_token_whose_running_sum_exceeds_the_level(
    chances: list[float], level: float, block: int
) -> None:
    row = torch.tensor([chances])
    token = int(invert(row, torch.tensor([[level]], dtype=torch.float64), block))
    running = row.double().cumsum(-1)[0]
    wanted = level * running[-1]
    assert row[0, token] > 0
    assert running[token] >= wanted * (1 - 1e-6)
    assert running[token] - row[0, token].double() <= wanted * (1 + 1e-6)
