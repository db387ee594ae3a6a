"""The files, loaded by `datasets` and given to real trainers of TRL on a CPU."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.export.played import played, stored

from turngym.agents.chat import ChatAgent
from turngym.agents.window import WindowAgent
from turngym.benchmarks.export import export

datasets = pytest.importorskip("datasets")

AGENTS = {"chat": ChatAgent, "window": partial(WindowAgent, reply="plain")}
# The template marks what assistants said, which `assistant_only_loss` trains on.
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}<|end|>{% endgeneration %}{% else %}{{ m.content }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("episodes") / "episodes.jsonl", played())


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def loaded(episodes: Path, out: Path, kind: str, agent: str, **kwargs: Any) -> Any:
    export(episodes, out, kind, agent=AGENTS[agent], **kwargs)
    form = "parquet" if out.suffix == ".parquet" else "json"
    return datasets.load_dataset(
        form, data_files=str(out), split="train", cache_dir=str(out.parent / "cache")
    )


@pytest.mark.parametrize("kind", ["sft", "preference", "steps"])
@pytest.mark.parametrize("agent", ["chat", "window"])
def test_both_kinds_of_file_load_and_say_the_same(episodes, tmp_path, kind, agent):
    method = {"method": "hgpo"} if kind == "steps" else {}
    lines = loaded(episodes, tmp_path / "set.jsonl", kind, agent, **method)
    table = loaded(episodes, tmp_path / "set.parquet", kind, agent, **method)
    assert lines.column_names == table.column_names
    assert lines.to_list() == table.to_list()
    assert len(lines) > 0


def test_steps_have_the_columns_of_stepwise_supervision(episodes, tmp_path):
    found = loaded(episodes, tmp_path / "steps.parquet", "steps", "chat", method="grpo").features
    assert found["prompt"].dtype == "string"
    assert found["completions"].feature.dtype == "string"
    assert found["labels"].feature.dtype == "bool"
    assert found["advantages"].feature.dtype == found["rewards"].feature.dtype == "float64"


@pytest.fixture(scope="module")
def model() -> Any:
    pytest.importorskip("trl")
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    from turngym.trainers.tokenizer import byte_tokenizer

    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return transformers.LlamaForCausalLM(config), tokenizer


def settings(tmp_path: Path, **kwargs: Any) -> dict[str, Any]:
    return {
        "output_dir": str(tmp_path / "out"),
        "max_steps": 1,
        "per_device_train_batch_size": 4,
        "max_length": 2048,
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        **kwargs,
    }


@pytest.mark.trl
@pytest.mark.parametrize("agent", ["chat", "window"])
def test_a_step_of_sft_trains_on_what_the_assistant_said_alone(model, episodes, tmp_path, agent):
    import trl

    policy, tokenizer = model
    table = loaded(episodes, tmp_path / "sft.parquet", "sft", agent)
    only = {"assistant_only_loss": True} if agent == "chat" else {"completion_only_loss": True}
    trainer = trl.SFTTrainer(
        model=policy,
        args=trl.SFTConfig(**settings(tmp_path, **only)),
        train_dataset=table,
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    trained = {tokenizer.decode(labels[labels != -100].tolist()) for labels in batch["labels"]}
    assert trained <= {"".join(f"{text}<|end|>" for text in replies(row)) for row in table}
    assert trainer.train().training_loss > 0


def replies(row: dict[str, Any]) -> list[str]:
    messages = row.get("messages") or row["completion"]
    return [message["content"] for message in messages if message["role"] == "assistant"]


@pytest.mark.trl
@pytest.mark.parametrize("agent", ["chat", "window"])
def test_a_step_of_dpo_runs_on_the_pairs(model, episodes, tmp_path, agent):
    import trl

    policy, tokenizer = model
    table = loaded(episodes, tmp_path / "pairs.jsonl", "preference", agent)
    trainer = trl.DPOTrainer(
        model=policy,
        ref_model=deepcopy(policy),
        args=trl.DPOConfig(**settings(tmp_path)),
        train_dataset=table,
        processing_class=tokenizer,
    )
    assert trainer.train().training_loss == pytest.approx(0.6931, abs=1e-3)  # log 2: policy equals reference
