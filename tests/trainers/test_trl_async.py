"""Rows per turn for TRL's asynchronous trainer. Its GPU attention kernel has a slow reference in its place here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("trl", reason="needs turngym[trl]")
from trl.experimental.async_grpo import AsyncGRPOConfig, AsyncGRPOTrainer, async_grpo_trainer, packing
from trl.experimental.async_grpo.async_grpo_trainer import DataCollatorForRollout
from trl.experimental.async_grpo.async_rollout_worker import RolloutSample

from turngym.agents.chat import ChatAgent
from turngym.agents.engines.hf import HFEngine
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.core.errors import ConfigError
from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Credits
from turngym.envs.corridor import Corridor
from turngym.envs.pool import Pool
from turngym.trainers.models import Policy, tiny
from turngym.trainers.trl_async import CreditWorker, rows

pytestmark = pytest.mark.trl

TASK = Task(env="corridor", seed=0)


def turn(prompt: list[int], reply: list[int], reward: float) -> Turn:
    call = Call(prompt_ids=prompt, action_ids=reply, logprobs=[-0.5 * one for one in reply])
    return Turn(obs="where", action="left", reward=reward, calls=[call])


def group() -> Group:
    """A growing conversation of two turns that wins, and one of a turn that does not."""
    won = [turn([7, 8], [1, 2], 0.0), turn([7, 8, 1, 2, 9], [3], 1.0)]
    lost = [turn([7, 8], [4], 0.0)]
    episodes = [Trajectory(task=TASK, member=number, turns=turns) for number, turns in enumerate((won, lost))]
    return Group(task=TASK, trajectories=episodes)


def by_turn(steps: Any) -> Credits:
    return Credits(advantages=np.array([0.5, 1.5, -1.0]))


def by_time(steps: Any) -> Credits:
    """An untrained policy never wins, so that the reward teaches nothing."""
    return Credits(advantages=np.where(steps.t % 2, 1.0, -1.0))


def by_token(steps: Any) -> Credits:
    return Credits(advantages=np.zeros(4), per="token")


def test_a_turn_is_a_row_that_ends_with_its_reply():
    made = rows(group(), by_turn, version=3, group_id=11)
    assert [row.input_ids.tolist() for row in made] == [[7, 8, 1, 2], [7, 8, 1, 2, 9, 3], [7, 8, 4]]
    assert [row.completion_mask.tolist() for row in made] == [[0, 0, 1, 1], [0, 0, 0, 0, 0, 1], [0, 0, 1]]
    assert [row.old_log_probs.tolist() for row in made] == [
        [0, 0, -0.5, -1],
        [0, 0, 0, 0, 0, -1.5],
        [0, 0, -2],
    ]
    assert [row.advantage for row in made] == [0.5, 1.5, -1.0]
    assert [row.metrics for row in made] == [{"reward": 1.0}, {"reward": 1.0}, {"reward": 0.0}]
    assert {(row.model_version, row.group_id) for row in made} == {(3, 11)}
    assert made[0].prompt == [{"role": "user", "content": "where"}]
    assert made[0].completion == [{"role": "assistant", "content": "left"}]


def test_fields_have_the_types_of_trls_own_worker():
    for row in rows(group(), by_turn, version=0, group_id=0):
        assert isinstance(row, RolloutSample)
        assert (row.input_ids.dtype, row.completion_mask.dtype, row.old_log_probs.dtype) == ("i8", "i8", "f4")
        assert type(row.advantage) is float


def test_trls_collator_computes_what_rows_share_once():
    packed = packing.TreeRow()
    for row in rows(group(), by_turn, version=0, group_id=0):
        packed.add({name: getattr(row, name) for name in packed_fields()})
    batch = DataCollatorForRollout(pad_token_id=0)([[packed]])
    # A branch repeats the token before it: 7 8 | 1 2, 7 8 1 2 9 3 and 7 8 4 are 12 tokens, of which 9 are computed.
    assert batch["input_ids"].shape == (1, 9)
    pairs = zip(batch["advantages"][0].tolist(), batch["old_log_probs"][0].tolist(), strict=True)
    assert sorted(pairs) == [(-1.0, -2.0), (0.5, -1.0), (0.5, -0.5), (1.5, -1.5)]


def packed_fields() -> tuple[str, ...]:
    return ("input_ids", "completion_mask", "old_log_probs", "advantage", "group_id", "metrics")


def test_credit_per_token_is_refused_in_one_sentence():
    with pytest.raises(ConfigError, match="one advantage a row"):
        rows(group(), by_token, version=0, group_id=0)


def policy() -> Policy:
    return tiny(hidden=16, layers=1, heads=2, feed_forward=32, vocabulary=Corridor().vocabulary())


def worker(pool: Pool, made: Policy, **options: Any) -> CreditWorker:
    sampler = Sampler(
        pool=pool,
        agent=ChatAgent,
        engine=HFEngine(made.model, stop_ids=made.eos_ids),
        renderer=Renderer(made.tokenizer),
        max_tokens=4,
        max_turns=4,
    )
    return CreditWorker(sampler, by_time, tasks, group_size=4, keep_equal=True, **options)


def tasks(step: int) -> Sequence[Task]:
    return [Task(env="corridor", seed=2 * step + number) for number in range(2)]


def drawn(source: CreditWorker, count: int) -> list[RolloutSample]:
    return [source.rollout_buffer.get(timeout=60) for _ in range(count)]


def test_the_worker_plays_until_it_is_stopped_and_tags_rows_with_the_live_version():
    with Pool(Corridor, workers=0, slots=8) as pool:
        source = worker(pool, policy(), queue_size=8)
        source.start()
        first = drawn(source, 24)
        source.update_model_version(5)
        while drawn(source, 1)[0].model_version < 5:
            source.check_health(stale_after_s=60)
        source.stop()
    assert {row.model_version for row in first} == {0}
    assert len({row.group_id for row in first}) > 1
    assert all(row.completion_mask.sum() > 0 and row.enqueued_at is not None for row in first)


def test_a_thread_that_failed_or_hangs_is_told():
    with Pool(Corridor, workers=0, slots=8) as pool:
        source = worker(pool, policy())
        source.check_health(stale_after_s=60)
        with pytest.raises(RuntimeError, match="no group was finished"):
            source.check_health(stale_after_s=-1)
        source.tasks = lambda step: 1 / 0  # type: ignore[assignment,return-value]
        source.start()
        deadline = time.monotonic() + 30
        while source._thread is not None and source._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(RuntimeError, match="the rollout thread failed: division by zero"):
            source.check_health(stale_after_s=60)


class IntoTheEngine:
    """Weights straight into the model that the worker's engine samples from."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.weights, self.sent = dict(model.named_parameters()), 0

    def init_weight_transfer(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def destroy(self) -> None: ...

    def send_weights(self, iterator: Iterator[tuple[str, torch.Tensor]]) -> None:
        with torch.no_grad():
            for name, tensor in iterator:
                self.weights[name].copy_(tensor)
        self.sent += 1


class SlowAttention:
    """What flash-attn 3's `flash_attn_varlen_func` computes, one segment after another."""

    def flash_attn_varlen_func(
        self,
        q: Any,
        k: Any,
        v: Any,
        ends_q: Any,
        ends_k: Any,
        *longest: int,
        softmax_scale: float,
        **rest: Any,
    ) -> torch.Tensor:
        cut = zip(
            ends_q.tolist()[:-1], ends_q.tolist()[1:], ends_k.tolist()[:-1], ends_k.tolist()[1:], strict=True
        )
        return torch.cat([self._segment(q[a:b], k[c:d], v[c:d], softmax_scale) for a, b, c, d in cut])

    def _segment(self, q: Any, k: Any, v: Any, scale: float) -> torch.Tensor:
        repeat = q.shape[1] // k.shape[1]
        k, v = (each.repeat_interleave(repeat, dim=1) for each in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, k) * scale
        hidden = torch.ones(len(q), len(k), dtype=torch.bool).triu(len(k) - len(q) + 1)
        return torch.einsum("hqk,khd->qhd", scores.masked_fill(hidden, -torch.inf).softmax(-1), v)


@pytest.mark.slow
def test_trls_asynchronous_trainer_learns_from_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "_flash_attn", SlowAttention)
    monkeypatch.setattr(
        async_grpo_trainer, "get_peak_flops_per_device", lambda *asked: None
    )  # asks for a GPU
    made = policy()
    made.save(tmp_path / "start")
    transfer = IntoTheEngine(made.model)
    before = {name: weight.clone() for name, weight in transfer.weights.items()}
    with Pool(Corridor, workers=0, slots=8) as pool:
        source = worker(pool, made)
        trainer = AsyncGRPOTrainer(
            model=str(tmp_path / "start"),
            args=settings(tmp_path),
            train_dataset=placeholder(),
            processing_class=made.tokenizer,
            rollout_worker=source,
            weight_transfer=transfer,
        )
        trainer.train()
    assert trainer.state.global_step == 2
    assert transfer.sent >= 2
    assert any((transfer.weights[name] - weight).abs().max() > 0 for name, weight in before.items())
    assert abs(logged(trainer, "ratio")[0] - 1) < 1e-3, "TRL's log-probabilities are the engine's"


def settings(folder: Path) -> AsyncGRPOConfig:
    return AsyncGRPOConfig(
        output_dir=str(folder / "out"),
        max_steps=2,
        per_device_train_batch_size=8,
        gradient_accumulation_steps=1,
        token_budget=0,
        learning_rate=1e-2,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )


def placeholder() -> Any:
    from datasets import Dataset

    return Dataset.from_list([{"prompt": "turngym's worker brings its own"}])


def logged(trainer: Any, name: str) -> list[float]:
    return [line[name] for line in trainer.state.log_history if name in line]
