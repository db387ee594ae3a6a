"""Recompute the recorded outputs of SPA's released code with our credit.

Each kind of output has the tolerance of the precision that it was recorded in. What the paper has instead of the
released rule is recorded beside it (`ref_spa_*`, `unweighted_*`) and recomputed too.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from turngym.benchmarks import conformance_spa_format as released
from turngym.benchmarks.agreement import Comparison, Row, rows, same
from turngym.core.samples import Sample
from turngym.credit.progress_estimator import Head, regression_loss, summed
from turngym.credit.progress_reward import leave_one_out, not_refused, step_rewards
from turngym.credit.progress_tokens import adapted, advantages, penalised, placed, turn_ends
from turngym.credit.steps import Bools, Floats, number
from turngym.credit.toolbox import whiten

Record = Mapping[str, Any]
DOUBLE, WHITENED, SINGLE, BRAIN = 1e-12, 1e-7, 1e-5, 2.0**-7
"""Relative tolerances of float64, of float64 after whitening, of float32 and of bfloat16."""
SIMULATOR = "{} episodes are not replayed here but in tests/envs/virtualhome, which has the flats"


def check_spa(record: Record) -> list[Row]:
    """One row per kind of output. Raises `KeyError` or `TypeError` for a record that is not complete."""
    tokenizer = released.ToyTokenizer.of(record["tokenizer"])
    found = [
        *_masking(tokenizer, record["masking"]),
        *_stub(record["estimator_stub"]),
        *_llama(record["estimator_llama"]),
        *_organised(record["data_org"]),
        *_rewards(record["rl_data"]),
        *_formats(tokenizer, record["ppo_format"], record["rl_data"]),
        *_placement(record["reward_placement"]),
        *_update(record["ppo_step"], record["ppo_format"]),
    ]
    simulator = len(record["virtualhome_env"]["transcripts"])
    untold = Row(
        kind="VirtualHome",
        cases=0,
        largest_relative_error=0.0,
        mismatches=0,
        note=SIMULATOR.format(simulator),
    )
    return [*rows(found), untold]


def _near(kind: str, ours: npt.ArrayLike, theirs: npt.ArrayLike, tolerance: float, where: str) -> Comparison:
    left, right = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if left.shape != right.shape or not np.isfinite(left).all():
        return Comparison(kind=kind, error=float("inf"), where=f"{where}: {left.shape} against {right.shape}")
    error = float(np.max(np.abs(left - right) / np.maximum(1, np.abs(right)), initial=0.0))
    return Comparison(kind=kind, error=error, where=where, tolerance=tolerance)


def _masking(tokenizer: released.ToyTokenizer, cases: Iterable[Record]) -> Iterator[Comparison]:
    for case in cases:
        length, where = case["model_max_length"], case["name"]
        text = released.conversation_text(case["conversation"])
        ids = released.padded_ids(tokenizer, text, length)
        keep = released.kept(tokenizer, text, ids, length)
        unmasked = [id if one else -100 for id, one in zip(ids, keep.tolist(), strict=True)]
        yield same("tokens", ids, case["ref_input_ids"], where)
        yield same("kept tokens", unmasked, case["ref_gpt_unmask"], where)
        yield same("turn ends", _ends(keep).tolist(), case["turn_end_indices"], where)


def _ends(keep: Bools) -> npt.NDArray[np.int64]:
    """Positions of the last kept token of each unbroken run, as our samples have them."""
    last = turn_ends([_sample(keep)], _turns(keep))
    return np.flatnonzero(keep)[last]


def _sample(keep: Bools) -> Sample:
    """A sequence whose runs of kept tokens are turns."""
    opens = keep & ~np.append(False, keep[:-1])
    row = np.where(keep, np.cumsum(opens) - 1, -1)
    return Sample(version=0, token_ids=[0] * len(keep), row=row.tolist())


def _turns(keep: Bools) -> int:
    return int((keep & ~np.append(False, keep[:-1])).sum())


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A backbone whose hidden states are recorded; `output` makes logits of them."""

    width: int
    vocabulary: int
    output: nn.Module

    def logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.output(hidden)
        return logits


def _head(backbone: Recorded, weight: Tensor, bias: Tensor) -> Head:
    head = Head("logits", backbone, dtype=weight.dtype)
    head.layers.load_state_dict({"weight": weight.reshape(1, -1), "bias": bias.reshape(1)})
    return head


def _stub(cases: Iterable[Record]) -> Iterator[Comparison]:
    """The head on given logits: contributions, predictions, loss and all gradients."""
    for case in cases:
        dtype, where = getattr(torch, case["dtype"]), f"{case['name']} {case['dtype']}"
        tolerance = {"float64": DOUBLE, "float32": SINGLE}.get(case["dtype"], BRAIN)
        logits = torch.tensor(case["logits"], dtype=dtype, requires_grad=True)  # [B, L, V]
        width = logits.shape[-1]
        weight, bias = (torch.tensor(case[f"head_{name}"], dtype=dtype) for name in ("weight", "bias"))
        head = _head(Recorded(width=width, vocabulary=width, output=nn.Identity()), weight, bias)
        ends = [_ends(np.array(mask) != -100) for mask in case["gpt_unmask"]]
        outcome = torch.tensor(case["labels"], dtype=dtype)
        contribution, predicted = _read(head, logits, ends)
        loss = regression_loss(predicted, outcome)
        loss.backward()  # type: ignore[no-untyped-call]
        values = {
            "contributions": (contribution, np.concatenate(case["ref_turn_values"])),
            "predictions": (predicted, case["ref_predictions"]),
            "regression loss": (loss, case["ref_loss"]),
            "gradient of the head": (
                _gradient(head),
                [*case["ref_grad_head_weight"], case["ref_grad_head_bias"]],
            ),
            "gradient of the logits": (logits.grad, case["ref_grad_logits"]),
        }
        for kind, (ours, theirs) in values.items():
            yield _near(f"{kind}, {case['dtype']}", _array(ours), theirs, tolerance, where)


def _read(head: Head, hidden: Tensor, ends: Sequence[npt.NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Contributions of all turns [E] and predictions of all samples [B], from `hidden` [B, L, D]."""
    episode = torch.tensor(np.repeat(np.arange(len(ends)), [len(one) for one in ends]))
    contribution = head(hidden[episode, torch.tensor(np.concatenate(ends))])
    return contribution, summed(contribution, episode, len(ends))


def _gradient(head: Head) -> Tensor:
    return torch.cat(
        [parameter.grad.flatten() for parameter in head.parameters() if parameter.grad is not None]
    )


def _array(x: Tensor | None) -> npt.ArrayLike:
    return [] if x is None else x.detach().double().numpy()


def _llama(record: Record) -> Iterator[Comparison]:
    """The whole estimator on a random Llama: hidden states, contributions, predictions, loss; the folded head."""
    weights = {name: _decoded(tensor) for name, tensor in record["state_dict"].items()}
    config = dict(record["config"])
    model = LlamaForCausalLM(LlamaConfig(**config))
    model.load_state_dict(_under(weights, "backbone."))
    backbone = Recorded(width=config["hidden_size"], vocabulary=config["vocab_size"], output=model.lm_head)
    head = _head(backbone, weights["LN.weight"], weights["LN.bias"])
    ends = [_ends(np.array(mask) != -100) for mask in record["ref_gpt_unmask"]]
    with torch.no_grad():
        hidden = model.model(torch.tensor(record["ref_input_ids"])).last_hidden_state
        contribution, predicted = _read(head, hidden, ends)
        loss = regression_loss(predicted, torch.tensor(record["labels"]))
        folded = (weights["LN.weight"] @ model.lm_head.weight).flatten()
    read = np.concatenate([hidden[i].numpy()[end] for i, end in enumerate(ends)])
    named = {
        "hidden states": (read, np.concatenate(record["hidden_at_turn_end"])),
        "folded head": (_array(folded), record["folded_head_weight"]),
        "contributions": (_array(contribution), np.concatenate(record["ref_turn_values"])),
        "predictions": (_array(predicted), record["ref_predictions"]),
        "regression loss": (_array(loss), record["ref_loss"]),
    }
    for kind, (ours, theirs) in named.items():
        yield _near(f"{kind}, Llama", ours, theirs, SINGLE, "estimator_llama")


def _decoded(tensor: Record) -> Tensor:
    numbers = np.frombuffer(base64.b64decode(tensor["f32"]), dtype="<f4").astype(np.float32)
    return torch.from_numpy(numbers).reshape(tensor["shape"])


def _under(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in weights.items() if name.startswith(prefix)}


def _organised(record: Record) -> Iterator[Comparison]:
    for i, (explored, theirs) in enumerate(zip(record["input"], record["ref_output"], strict=True)):
        yield same("organised episodes", released.organised(explored), theirs, f"data_org {i}")


def _rewards(record: Record) -> Iterator[Comparison]:
    """Step rewards of the paper and of the script as released, and what it trains on."""
    episodes = record["input"]
    outcome = np.array([float(one["agent_final_reward"]) for one in episodes])
    relative = leave_one_out(outcome, number(one["id"] for one in episodes))
    turns = [len(one["conversations"]) // 2 for one in episodes]
    chosen = released.for_training(
        turns, [len(one["turn_values"]) == n for one, n in zip(episodes, turns, strict=True)]
    )
    theirs = (
        record["ref_spa_reward"],
        record["ref_released_reward"],
        record["ref_prompt"],
        record["ref_response"],
    )
    yield same("episodes trained on", len(chosen), len(theirs[0]), "rl_data")
    for i, paper, script, prompts, responses in zip(chosen, *theirs, strict=False):
        messages, where = episodes[i]["conversations"], f"rl_data {i}"
        grounded = not_refused(released.following(messages))
        contribution = np.array(episodes[i]["turn_values"])
        yield _near("step rewards, paper", step_rewards(contribution, grounded), paper, DOUBLE, where)
        alike = np.full(turns[i], relative[i])
        yield _near("step rewards, released", step_rewards(alike, grounded), script, DOUBLE, where)
        yield same("prompts and responses", released.pairs(messages), (prompts, responses), where)


def _formats(
    tokenizer: released.ToyTokenizer, cases: Iterable[Record], rl_data: Record
) -> Iterator[Comparison]:
    for case in cases:
        i = case["rl_data_index"]
        texts = rl_data["ref_prompt"][i], rl_data["ref_response"][i]
        limits = {"context": case["max_context_len"], "response": case["max_response_len"]}
        ours = released.query_and_response(tokenizer, *texts, **limits)
        theirs = (case["ref_query_ids"], case["ref_response_ids"], case["ref_frag_mask"])
        yield same("tokens for PPO", ours, theirs, case["name"])
        halves = np.array(case["reward"]).astype(np.float16)
        yield _near("rewards in float16", halves, case["ref_label_fp16"], 0.0, case["name"])


def _placement(cases: Iterable[Record]) -> Iterator[Comparison]:
    """Rewards on tokens, advantages and returns; whitening goes over all sequences of a case."""
    for case in cases:
        kind = f", {case['score_dtype']} scores"
        yield from _estimates(case, "ref_", True, kind)
        if "unweighted_token_rewards" in case:
            yield from _estimates(case, "unweighted_", False, f"{kind}, paper")


def _estimates(case: Record, prefix: str, remaining: bool, kind: str) -> Iterator[Comparison]:
    sampled, value = np.array(case["mask"], dtype=np.bool_), np.array(case["values"])  # [B, L]
    reward = np.stack([_token_rewards(case, i, remaining) for i in range(len(sampled))])
    raw = _advantages(case, reward, value, sampled)
    plain = {"ref_": "advantages_before_whitening"}.get(prefix, f"{prefix}advantages_before_whitening")
    yield _near(f"token rewards{kind}", reward, case[f"{prefix}token_rewards"], DOUBLE, prefix)
    yield _near(f"returns{kind}", raw + value * sampled, case[f"{prefix}returns"], DOUBLE, prefix)
    if plain in case:
        yield _near(f"advantages{kind}", raw, case[plain], DOUBLE, prefix)
    whitened = _whitened(raw, sampled)
    yield _near(
        f"whitened advantages{kind}", whitened, case[f"{prefix}advantages_whitened"], WHITENED, prefix
    )


def _token_rewards(case: Record, i: int, remaining: bool) -> Floats:
    score = np.array(case["scores"][i], dtype=case["score_dtype"])
    logprobs, reference = np.array(case["logprobs"][i]), np.array(case["ref_logprobs"][i])
    reward = placed(score, np.array(case["mask"][i], dtype=np.bool_), remaining=remaining)
    return penalised(reward, logprobs, reference, case["kl_coef"])


def _advantages(case: Record, reward: Floats, value: Floats, sampled: Bools) -> Floats:
    settings = {"gamma": case["gamma"], "lam": case["lam"]}
    lines = zip(reward, value, sampled, strict=True)
    return np.stack([advantages(*line, **settings) for line in lines])


def _whitened(x: Floats, sampled: Bools) -> Floats:
    """Over all sampled positions; the others are moved and scaled with them."""
    return whiten(x.ravel(), sampled.ravel().astype(np.int64)).reshape(x.shape)


def _update(case: Record, formats: Sequence[Record]) -> Iterator[Comparison]:
    """A whole step of the released trainer: rewards, advantages, returns, first losses, KL coefficient."""
    sampled, value = np.array(case["ref_masks"], dtype=np.bool_), np.array(case["ref_values"])
    logprobs, reference = np.array(case["ref_logprobs"]), np.array(case["ref_ref_logprobs"])
    scores = [np.array(formats[i]["ref_label_fp16"], dtype=np.float16) for i in case["ppo_format_indices"]]
    placements = [placed(*one, remaining=True) for one in zip(scores, sampled, strict=True)]
    reward = penalised(np.stack(placements), logprobs, reference, case["kl_coef"])
    raw = _advantages(case, reward, value, sampled)
    returns, whitened = raw + value * sampled, _whitened(raw, sampled)
    kl = float(((logprobs - reference) * sampled).sum(axis=1).mean())
    named = {
        "token rewards": (reward, case["ref_rewards"]),
        "returns": (returns, case["ref_returns"]),
        "whitened advantages": (whitened, case["ref_advantages"]),
        "KL of an episode": (kl, case["ref_objective_kl"]),
        "KL coefficient": (adapted(case["kl_coef"], kl, len(sampled)), case["kl_coef_after"]),
        "first losses": (_first_losses(whitened, value, returns, sampled), _recorded_losses(case)),
    }
    for kind, (ours, theirs) in named.items():
        yield _near(f"{kind}, PPO step", ours, theirs, SINGLE, "ppo_step")


def _first_losses(advantage: Floats, value: Floats, returns: Floats, sampled: Bools) -> list[list[float]]:
    """Policy and value loss of each sequence before anything moved: the ratio is 1, the value the old one."""
    lines = zip(advantage, value, returns, sampled, strict=True)
    losses = [[-float(a[m].mean()), 0.1 * 0.5 * float(((v - r)[m] ** 2).mean())] for a, v, r, m in lines]
    order = np.random.RandomState(0).permutation(len(losses))
    return [losses[i] for i in order]


def _recorded_losses(case: Record) -> list[list[float]]:
    return [[one["policy_loss"], one["value_loss_times_vf_coef"]] for one in case["ref_minibatch"]]
