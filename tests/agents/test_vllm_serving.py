"""The engine of a running vLLM server, for real; skipped where vLLM is absent."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("vllm")

import psutil

from turngym.agents.endpoint import EndpointFailure
from turngym.agents.engines import specimen, weights
from turngym.agents.engines.check import rules
from turngym.agents.engines.vllm_server import VLLMServer
from turngym.agents.llm import Sampling

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(900)]

OPTIONS = (
    "--host 127.0.0.1 --served-model-name policy --skip-tokenizer-init --tokens-only --dtype float32 --enforce-eager "
    "--logprobs-mode processed_logprobs --generation-config vllm --max-model-len 1024 --no-enable-chunked-prefill "
    "--max-num-batched-tokens 4096 --block-size 32 --kv-cache-memory-bytes 268435456"
)
VARIABLES = {"VLLM_SERVER_DEV_MODE": "1", "HF_HUB_OFFLINE": "1", "TORCHDYNAMO_DISABLE": "1"}


@dataclass
class Served:
    """A server of this test's own."""

    url: str
    process: subprocess.Popen[bytes]
    engine: VLLMServer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = weights.write(specimen.llama(5), tmp_path_factory.mktemp("served"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    module = "vllm.entrypoints.openai.api_server"
    command = [sys.executable, "-m", module, "--model", str(folder), "--port", str(port), *OPTIONS.split()]
    process = subprocess.Popen(command, env=os.environ | VARIABLES)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        url = f"http://127.0.0.1:{port}/v1"
        yield Served(
            url, process, VLLMServer(specimen.llama(0), stop_ids=specimen.STOP_IDS, url=url, retries=1)
        )
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the server and its workers, which outlive a server that is killed alone."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    for one in [process, *children]:
        one.kill()
    process.wait(60)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 600
    while time.monotonic() < until:
        assert process.poll() is None, "vLLM's server has ended"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    pytest.fail("vLLM's server does not answer")


@pytest.mark.parametrize("rule", rules)
def test_it_keeps_the_contract_of_engines(served: Served, rule: Any) -> None:
    def engine(model: Any, *, stop_ids: list[int]) -> VLLMServer:
        served.engine.model = model
        served.engine.updated(0)
        return served.engine

    rule(engine, 0)


def test_a_server_that_is_killed_is_an_engine_failure_in_one_sentence(served: Served) -> None:
    asked = Sampling(max_tokens=2)
    served.engine.updated(3)
    assert asyncio.run(served.engine.generate([5, 6], asked)).version == 3
    end(served.process)
    with pytest.raises(
        EndpointFailure, match=r"the model 'policy' at http://127.* failed: .* \(2 attempts\)"
    ):
        asyncio.run(served.engine.generate([5, 6], asked))
    with pytest.raises(weights.PushFailed, match="the weights of version 4 did not reach the server at http"):
        served.engine.updated(4)
    assert served.engine.version == 3
