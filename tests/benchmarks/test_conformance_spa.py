"""The record of SPA's released code is recomputed, and a change in it is noticed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from tests.shared import shared

pytest.importorskip("transformers")

from turngym.benchmarks.conformance import main
from turngym.benchmarks.conformance_spa import check_spa
from turngym.benchmarks.conformance_spa_format import BEGIN, END, END_HEADER, ToyTokenizer, kept, padded_ids


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads(shared("vectors/spa.json").read_text())


def test_the_whole_record_agrees(capsys):
    assert main([str(shared("vectors/spa.json"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 40
    assert all("0 mismatches" in line for line in lines[1:])


CHANGES = [
    ("kept tokens", lambda r: r["masking"][0]["ref_gpt_unmask"].__setitem__(30, 7)),
    ("turn ends", lambda r: r["masking"][1]["turn_end_indices"].__setitem__(0, 15)),
    (
        "gradient of the logits, float64",
        lambda r: r["estimator_stub"][1].__setitem__("labels", [1.0, 0.1, 0.5]),
    ),
    ("contributions, Llama", lambda r: r["estimator_llama"]["ref_turn_values"][0].__setitem__(0, 1.3314)),
    ("step rewards, paper", lambda r: r["rl_data"]["ref_spa_reward"][0].__setitem__(0, 0.4137081)),
    ("step rewards, released", lambda r: r["rl_data"]["input"][2].__setitem__("agent_final_reward", 0.6)),
    ("tokens for PPO", lambda r: r["ppo_format"][1].__setitem__("max_context_len", 91)),
    ("token rewards, float64 scores", lambda r: r["reward_placement"][0]["scores"][0].__setitem__(0, 0.51)),
    ("whitened advantages, PPO step", lambda r: r["ppo_step"].__setitem__("gamma", 1.0)),
    ("KL coefficient, PPO step", lambda r: r["ppo_step"].__setitem__("kl_coef_after", 0.29)),
]


@pytest.mark.parametrize(("kind", "change"), CHANGES, ids=[kind for kind, _ in CHANGES])
def test_a_change_is_a_mismatch(record, kind, change):
    changed = copy.deepcopy(record)
    change(changed)
    missed = {row.kind for row in check_spa(changed) if row.mismatches}
    assert kind in missed


TOY = ToyTokenizer(
    pieces={
        "<|reserved_special_token_0|>": 0,
        BEGIN: 1,
        "<|start_header_id|>": 3,
        END_HEADER: 4,
        END: 5,
        "user": 6,
        "assistant": 7,
        "\n\n": 8,
    },
    byte_offset=9,
)


def block(role: str, text: str) -> str:
    return f"<|start_header_id|>{role}{END_HEADER}\n\n{text}"


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        (BEGIN + block("user", "a") + END + block("assistant", "bc") + END, [[9, 13]]),
        (BEGIN + block("user", "a") + END + block("assistant", "") + block("user", "d") + END, []),
        (BEGIN + block("user", "a") + END + block("assistant", "b" + END_HEADER) + END, []),
    ],
    ids=["sound", "an empty reply", "a header in a reply"],
)
def test_the_released_mask_keeps_nothing_of_a_malformed_conversation(text, spans):
    ids = padded_ids(TOY, text, 40)
    keep = kept(TOY, text, ids, 40)
    opens = [i for i in range(len(keep)) if keep[i] and not keep[i - 1]]
    closes = [i for i in range(len(keep)) if keep[i] and not keep[i + 1]]
    assert [list(span) for span in zip(opens, closes, strict=True)] == spans
