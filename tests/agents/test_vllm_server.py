"""The engine of a running `vllm serve`, against a server that speaks its routes and breaks on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("httpx")

import torch
from safetensors.torch import load_file
from tests.agents.vllm_servers import State, vllm_server

from turngym.agents.chat import ChatAgent
from turngym.agents.endpoint import EndpointFailure, Refused
from turngym.agents.engines.specimen import llama
from turngym.agents.engines.vllm_server import VLLMServer
from turngym.agents.engines.vocabulary import VocabularyMismatch
from turngym.agents.engines.weights import PushFailed
from turngym.agents.llm import Completion, Sampling
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler, TooManyFailures
from turngym.core.config import find_run, load_run
from turngym.core.errors import ConfigError
from turngym.core.types import Task
from turngym.envs.pool import Pool
from turngym.trainers.run import rehearse
from turngym.trainers.setup import prepare

PUSH = [
    "pause",
    "update_weight_version",
    "collective_rpc",
    "update_weight_version",
    "reset_prefix_cache",
    "resume",
]


def engine(url: str, **settings: Any) -> VLLMServer:
    quick = {"stop_ids": [2], "timeout": 30.0, "retries": 1, "pause": 0.01, "tolerance": 0.0}
    return VLLMServer(llama(0), url=url, **(quick | settings))


def said(made: VLLMServer, **options: Any) -> Completion:
    sampling = Sampling(**({"temperature": 0.5, "max_tokens": 3, "seed": 2**40 + 3} | options))
    return asyncio.run(made.generate([1, 9], sampling))


def test_weights_are_pushed_by_vllms_own_routes_and_the_answer_carries_their_version(tmp_path: Path) -> None:
    with vllm_server() as (url, held):
        made = engine(url, folder=str(tmp_path))
        made.updated(4)
        answer = said(made)
    assert held.routes == ["v1/models", *PUSH, "inference/v1/generate"]
    assert held.bodies[3] == {"method": "reload_weights", "kwargs": {"weights_path": str(tmp_path)}}
    assert [held.bodies[2], held.bodies[4]] == [{"new_version": "unfinished"}, {"new_version": "4"}]
    assert answer == Completion(token_ids=[5, 5, 2], logprobs=[-0.5] * 3, stop="stop", version=4)
    asked = held.bodies[-1]
    assert (asked["model"], asked["token_ids"]) == ("policy", [1, 9])
    wanted = {"temperature": 0.5, "max_tokens": 3, "seed": 3, "stop_token_ids": [2], "top_p": 1.0, "top_k": 0}
    assert wanted.items() <= asked["sampling_params"].items()


def test_the_folder_holds_the_modules_weights_with_an_output_layer_of_its_own(tmp_path: Path) -> None:
    with vllm_server() as (url, _):
        made = engine(url, folder=str(tmp_path))
        made.updated(1)
    written = load_file(tmp_path / "model.safetensors")
    assert written.keys() == made.model.state_dict().keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in made.model.state_dict().items())
    assert '"tie_word_embeddings": false' in (tmp_path / "config.json").read_text()


def test_nothing_is_sampled_before_the_first_push() -> None:
    with vllm_server() as (url, _), pytest.raises(PushFailed, match="has not been given any weights yet"):
        said(engine(url))


@pytest.mark.parametrize(
    "route", ["pause", "collective_rpc", "update_weight_version", "reset_prefix_cache", "resume"]
)
@pytest.mark.parametrize("status", [500, 0], ids=["refuses", "hangs up"])
def test_a_push_that_fails_half_way_leaves_an_engine_that_answers_nothing_until_one_succeeds(
    route: str, status: int
) -> None:
    with vllm_server() as (url, held):
        made = engine(url)
        made.updated(1)
        held.broken = {route: status}
        with pytest.raises(
            PushFailed, match="the weights of version 2 did not reach the server at http://127"
        ):
            made.updated(2)
        asked = len(held.routes)
        with pytest.raises(PushFailed, match="resume from the last checkpoint"):
            said(made)
        assert (len(held.routes), made.version) == (asked, 1)
        held.broken = {}
        made.updated(2)
        assert said(made).version == 2


def test_a_server_that_came_back_with_its_first_weights_is_refused() -> None:
    with vllm_server() as (url, held):
        made = engine(url)
        made.updated(3)
        held.restart()
        with pytest.raises(Refused, match="answered from weights 'default' and not from version 3"):
            said(made)
        made.updated(3)
        assert said(made).version == 3


def test_tokens_of_two_versions_are_refused() -> None:
    class Mixes(State):
        def completion(self, body: dict[str, Any]) -> dict[str, Any]:
            reply = super().completion(body)
            choice = reply["choices"][0]
            choice["weight_versions"][0]["end"] = 1
            choice["weight_versions"].append({"version": "unfinished", "start": 1, "end": 3})
            return reply

    with vllm_server(kind=Mixes) as (url, _):
        made = engine(url)
        made.updated(3)
        with pytest.raises(Refused, match="answered from weights 'unfinished'"):
            said(made)


def test_weights_that_did_not_really_arrive_are_found_out_by_a_probe() -> None:
    with vllm_server(logprob=-40.0) as (url, _):
        made = engine(url, tolerance=0.5)
        with pytest.raises(
            PushFailed, match=r"are \d+\.?\d* nats from the module's, more than tolerance = 0.5"
        ):
            made.updated(1)
        with pytest.raises(PushFailed, match="do not train on it"):
            said(made)


def test_a_server_without_the_routes_says_how_to_start_it() -> None:
    with vllm_server(broken={"pause": 404}) as (url, _):
        made = engine(url)
        with pytest.raises(PushFailed, match="VLLM_SERVER_DEV_MODE=1"):
            made.updated(1)


def test_no_server_is_one_sentence_at_the_start() -> None:
    with vllm_server() as (url, _):
        pass
    with pytest.raises(Refused, match=r"no vLLM server answers at http://127.* start one with `vllm serve`"):
        engine(url)


def encoder(tokenizer: Any) -> Callable[[str], list[int]]:
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False))


def test_the_servers_tokenizer_has_to_be_the_trainers(
    make_tokenizer: Callable[..., Any], tokenizer: Any
) -> None:
    with vllm_server(encode=encoder(tokenizer)) as (url, _):
        engine(url, tokenizer=tokenizer)
    other = encoder(make_tokenizer("<|other|>{{ messages }}"))
    with (
        vllm_server(encode=lambda text: [*other(text), 7]) as (url, _),
        pytest.raises(
            VocabularyMismatch,
            match=r"digest [0-9a-f]{16}\) is not that of the server at http.* \(digest [0-9a-f]{16}\)",
        ),
    ):
        engine(url, tokenizer=tokenizer)


def test_a_server_without_a_tokenizer_has_nothing_to_compare(tokenizer: Any) -> None:
    with vllm_server() as (url, held):
        engine(url, tokenizer=tokenizer)
    assert held.routes.count("tokenize") == 1


def test_a_name_instead_of_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="to play a served one, use 'http_tokens'"):
        VLLMServer("a-name", stop_ids=[2], url="http://localhost:1/v1")


def test_adapters_are_loaded_under_a_new_name_each_time_and_old_ones_go(tmp_path: Path) -> None:
    with vllm_server(adapters=["policy-v1"]) as (url, held):  # left there by a run that broke off
        made = engine(url, folder=str(tmp_path), transfer="adapter")
        for version, loaded in ((1, [1]), (2, [1, 2]), (3, [2, 3]), (3, [3])):
            made.updated(version)
            assert said(made).version == version
            assert held.adapters == [f"policy-v{number}" for number in loaded]
            assert held.bodies[-1]["model"] == f"policy-v{version}"
    folders = [body["lora_path"] for body in held.bodies if "lora_path" in body]
    assert folders == [str(tmp_path / f"v{version}") for version in (1, 2, 3, 3)]


def test_a_server_that_dies_in_the_middle_of_a_step_is_told_once_and_no_episode_is_lost(
    tokenizer: Any,
) -> None:
    async def play(made: VLLMServer, held: State) -> list[Any]:
        with Pool("turngym/Corridor-v0", workers=0, slots=2, length=3) as pool:
            sampler = Sampler(
                pool=pool,
                agent=ChatAgent,
                engine=made,
                renderer=Renderer(tokenizer),
                max_turns=2,
                max_tokens=3,
            )
            task = [Task(env="turngym/Corridor-v0", seed=0)]
            whole = await sampler.collect(task, 2, 0)
            held.broken = {"inference/v1/generate": 0}
            with pytest.raises(
                TooManyFailures, match="engine_error: EndpointFailure: the model 'policy' at http"
            ):
                await sampler.collect(task, 2, 0)
            return whole

    with vllm_server() as (url, held):
        made = engine(url)
        made.updated(1)
        (group,) = asyncio.run(play(made, held))
    assert len(group.trajectories) == 2
    with vllm_server(broken={"inference/v1/generate": 503}) as (url, held):
        made = engine(url)
        made.updated(1)
        with pytest.raises(EndpointFailure, match=r"503.*\(2 attempts\)"):
            said(made)


def test_a_run_compares_its_tokenizer_with_the_servers_before_the_first_episode() -> None:
    run = {
        "env": {"name": "turngym/Corridor-v0"},
        "pool": {"workers": 0, "slots": 1},
        "agent": {"name": "chat"},
        "model": {"name": "tiny", "hidden": 32, "layers": 1, "heads": 2, "feed_forward": 32},
        "credit": {"name": "grpo"},
        "trainer": {"name": "policy"},
        "loop": {"steps": 1, "tasks_per_step": 1, "group_size": 2},
    }
    with (
        vllm_server(encode=lambda text: [1, 2, 3]) as (url, _),
        ExitStack() as stack,
        pytest.raises(VocabularyMismatch, match="serve the model with the trainer's own tokenizer"),
    ):
        prepare(run | {"engine": {"name": "vllm_server", "url": url}}, stack)
    with vllm_server() as (url, held), ExitStack() as stack:
        prepare(run | {"engine": {"name": "vllm_server", "url": url, "tolerance": 0.0}}, stack)
    assert held.version == "0"


def test_a_rehearsal_sends_no_weights_and_still_checks_the_engines_arguments() -> None:
    run = load_run(
        find_run("quickstart"), ['engine={name="vllm_server"}', "engine.url=http://127.0.0.1:1/v1"]
    )
    rehearse(run | {"eval": {"tasks": 2}})
    with pytest.raises(ConfigError, match=r"\[engine\] has no key 'transfers'; did you mean 'transfer'"):
        rehearse(run | {"engine": run["engine"] | {"transfers": "nccl"}})
