"""One real step of TRL's `GRPOTrainer` on a CPU, with a tiny random model that can only call the tool or stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.envs.bridges.recording import Line, line, load, save

from turngym.envs import TextEnv, make
from turngym.envs.bridges.trl_environment import TurngymEnvironment, environment_factory, rows

CORRIDOR = "turngym/Corridor-v0"


def test_the_environment_is_played_through_its_tool() -> None:
    env = environment_factory(CORRIDOR)()
    obs = env.reset(prompt=[], seed=9)
    assert obs == make(CORRIDOR).reset(seed=9)[0] == "You are in cell 4 of 5. The exit is to the left."
    assert env.act("left") == "You are in cell 3 of 5. The exit is to the left."
    assert env.get_reward() == 0.0
    env.act("left")
    assert env.act("left") == "You are at the exit.\nThe episode is over."
    assert env.get_reward() == 1.0
    assert env.act("left") == "The episode is over."
    assert env.get_reward() == 1.0


def test_before_the_first_episode_there_is_nothing_to_play() -> None:
    env = environment_factory(CORRIDOR)()
    assert env.act("left") == "The episode is over."
    assert env.get_reward() is None


class Breaks(TextEnv):
    """Pays once, then fails."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        self.options = options
        return str(options), {}

    def step(self, action: str) -> Any:
        if action == "break":
            raise OSError("no more paper")
        return "", 1.0, False, False, {}


def test_an_episode_whose_environment_failed_has_no_reward() -> None:
    env = TurngymEnvironment(Breaks)
    env.reset(seed=0)
    env.act("go on")
    with pytest.raises(OSError, match="no more paper"):
        env.act("break")
    assert env.get_reward() is None
    assert env.act("go on") == "The episode is over."
    env.reset(seed=1)
    assert env.get_reward() == 0.0


def test_columns_of_a_row_are_options_of_its_reset() -> None:
    first, second = rows(2, seed=5, prompt="Play.", task="kitchen")
    assert first == {"prompt": [{"role": "user", "content": "Play."}], "seed": 5, "task": "kitchen"}
    assert second["seed"] == 6
    assert TurngymEnvironment(Breaks).reset(**first) == "{'task': 'kitchen'}"
    assert TurngymEnvironment(Breaks).reset(**rows(1)[0]) == "None"


def test_the_tool_is_the_only_public_method() -> None:
    public = {name for name in vars(TurngymEnvironment) if not name.startswith("_")}
    assert public == {"reset", "get_reward", "act"}


def call(action: str) -> str:
    """A tool call as Qwen's template writes it."""
    arguments = {"name": "act", "arguments": {"action": action}}
    return f"<tool_call>\n{json.dumps(arguments)}\n</tool_call>"


CALLS = [call("left"), call("right")]


def tokenizer() -> Any:
    """Bytes, with one token for each tool call, and Qwen's template as TRL carries it."""
    import trl
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE(vocab={one: at for at, one in enumerate(alphabet)}, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=bytes_only, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    made.add_tokens(CALLS)
    template = Path(trl.__file__).with_name("chat_templates") / "qwen3.jinja"
    made.chat_template = template.read_text(encoding="utf-8")
    return made


def tiny_model(words: Any) -> Any:
    """One layer, random weights, the same each time."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    shape = Qwen3Config(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    return Qwen3ForCausalLM(shape)


def settings(words: Any, folder: Path) -> dict[str, Any]:
    """For one small step on a CPU; the model says calls and the end and nothing else."""
    spoken = {words.eos_token_id, *words.convert_tokens_to_ids(CALLS)}
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": 8,
        "logging_steps": 1,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "save_strategy": "no",
        "generation_kwargs": {"suppress_tokens": [one for one in range(len(words)) if one not in spoken]},
    }


def trained(factory: Callable[[], Any], folder: Path) -> list[dict[str, Any]]:
    """What one step of GRPO logs."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    words = tokenizer()
    config = GRPOConfig(
        max_steps=1,
        num_generations=4,
        max_completion_length=2048,
        max_tool_calling_iterations=6,
        **settings(words, folder),
    )
    trainer = GRPOTrainer(
        model=tiny_model(words),
        args=config,
        train_dataset=Dataset.from_list(rows(4)),
        processing_class=words,
        environment_factory=factory,
    )
    trainer.train()
    return list(trainer.state.log_history)


class Recorded(TurngymEnvironment):
    """Writes down what happens in it."""

    episodes: list[list[Line]] = []  # noqa: RUF012 (shared on purpose)

    def reset(self, **row: Any) -> str:
        obs = super().reset(**row)
        self.episodes.append([line(None, obs, 0.0, False) | {"seed": row["seed"]}])
        self._lines = self.episodes[-1]
        return obs

    def act(self, action: str) -> str:
        """Take one action.

        Args:
            action: The action.
        """
        before = self.get_reward() or 0.0
        obs = super().act(action)
        self._lines.append(line(action, obs, (self.get_reward() or 0.0) - before, self._over))
        return obs


def played(episode: list[Line]) -> list[Line]:
    """The same episode without TRL."""
    env = environment_factory(CORRIDOR)()
    start = episode[0]["seed"]
    lines = [line(None, env.reset(seed=start), 0.0, False) | {"seed": start}]
    for one in episode[1:]:
        before = env.get_reward() or 0.0
        obs = env.act(one["action"])
        lines.append(line(one["action"], obs, (env.get_reward() or 0.0) - before, env._over))
    return lines


@pytest.mark.slow
@pytest.mark.trl
@pytest.mark.skipif(find_spec("trl") is None, reason="needs trl, in an environment of its own")
def test_trl_trains_on_it_for_a_step(tmp_path: Path) -> None:
    from functools import partial

    from turngym.envs import factory

    Recorded.episodes.clear()
    first, *_ = trained(partial(Recorded, factory(CORRIDOR)), tmp_path)
    assert len(Recorded.episodes) == 8
    seeds = [episode[0]["seed"] for episode in Recorded.episodes]
    assert len({*seeds[:4]}) == len({*seeds[4:]}) == 1, "a group plays one episode"
    assert any(len(episode) > 1 for episode in Recorded.episodes), "tools were called"
    assert all(played(episode) == episode for episode in Recorded.episodes)
    returns = [sum(one["reward"] for one in episode) for episode in Recorded.episodes]
    assert first["reward"] == pytest.approx(sum(returns) / 8)


def test_it_replays_its_recorded_run() -> None:
    recorded = load("trl_corridor")
    assert played(recorded) == recorded


if __name__ == "__main__":
    import tempfile
    from functools import partial

    from turngym.envs import factory

    with tempfile.TemporaryDirectory() as scratch:
        print(trained(partial(Recorded, factory(CORRIDOR)), Path(scratch)))
    save("trl_corridor", max(Recorded.episodes, key=lambda episode: sum(one["reward"] for one in episode)))
