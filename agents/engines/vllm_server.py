"""A running `vllm serve` as a training engine: token ids both ways, and weights pushed by vLLM's own routes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from turngym.agents import background
from turngym.agents.endpoint import Passing, Refused, Server, first_choice
from turngym.agents.engines import vocabulary, weights
from turngym.agents.engines.http import PLAIN, SEEDS
from turngym.agents.engines.weights import PushFailed
from turngym.agents.llm import Completion, Sampling

Transfer = Literal["disk", "nccl", "adapter"]

PUSH_S = 600.0
"""Seconds that one step of a push may take."""
RL_ROUTES = "start the server with VLLM_SERVER_DEV_MODE=1, without which it has no routes for weights"


class VLLMServer:
    """Samples from a `vllm serve` at `url` and gives it the weights of a transformers module after every update.

    The server has to run with `VLLM_SERVER_DEV_MODE=1`, `--enable-scale-out` (or `--tokens-only`) and
    `--logprobs-mode processed_logprobs`. `transfer` says how weights travel: `disk` writes them to `folder`, which the
    server must be able to read, and lets its workers reload; `nccl` broadcasts them from this GPU by vLLM's own trainer
    engine (server: `--weight-transfer-config '{"backend": "nccl"}'`; `address` and `port` are this machine's, for the
    meeting); `adapter` saves LoRA adapters to `folder` and loads them under a new name (server: `--enable-lora` and
    `VLLM_ALLOW_RUNTIME_LORA_UPDATING=1`).

    Every token's weight version is read back: an answer from any other weights than the last ones pushed is refused.
    `tokenizer`, the policy's, is compared with the server's at the start, unless that serves without one.
    `stop_ids` end a reply, `gather_s` is taken as by `vllm`. After a push the server's log-probabilities may differ
    from the module's by `tolerance` nats at a few probed tokens; 0 does not probe.

    Raises `Refused` where the server lacks what is needed, `VocabularyMismatch` where its tokenizer is another.
    """

    def __init__(
        self,
        model: Any,
        *,
        stop_ids: Iterable[int],
        url: str,
        tokenizer: Any = None,
        served_name: str | None = None,
        transfer: Transfer = "disk",
        folder: str | None = None,
        address: str = "127.0.0.1",
        port: int = 29_600,
        tolerance: float = 0.5,
        key_env: str = "VLLM_API_KEY",
        timeout: float = 120.0,
        retries: int = 4,
        pause: float = 0.5,
        concurrency: int = 512,
        gather_s: float = 0.0,
    ) -> None:
        if isinstance(model, str):
            raise ValueError(
                "vllm_server trains a model that is here too; to play a served one, use 'http_tokens'"
            )
        self.model, self.version = model, 0
        self._stop_ids, self._tolerance = sorted(set(stop_ids)), tolerance
        self._root = _root(url)
        self._transfer = transfer
        self._own = None if folder else TemporaryDirectory(prefix="turngym-vllm-")
        self._folder = Path(self._own.name if self._own else str(folder))
        key = os.environ.get(key_env, "").strip()
        self._control = httpx.Client(
            base_url=self._root,
            timeout=max(timeout, PUSH_S),
            trust_env=False,
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )
        self._name = self._base = served_name or self._only_model()
        self._server = Server(
            url=self._root,
            model=self._name,
            key_env=key_env,
            timeout=timeout,
            retries=retries,
            pause=pause,
            concurrency=concurrency,
        )
        self._pushed: set[str] = set()
        self._shapes = weights.shapes(model)
        self._doubt: str | None = f"the server at {self._root} has not been given any weights yet"
        self._meeting = (address, port)
        self._sender: Any = None
        if tokenizer is not None:
            vocabulary.compare_server(tokenizer, self._server)

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        """A completion from the weights of the last successful push.

        Raises `EndpointFailure` where the server does not answer, `Refused` where it answers from other weights,
        `PushFailed` where the last push failed.
        """
        if self._doubt:
            raise PushFailed(self._doubt)
        request = {"model": self._name, "token_ids": prompt_ids, "sampling_params": self._params(sampling)}
        return await self._server.post(
            "inference/v1/generate", request, self._completion, answer_tokens=sampling.max_tokens
        )

    def updated(self, version: int) -> None:
        """The module's weights have changed: the server gets them, forgets prefixes, and completions carry `version`.

        Raises `PushFailed` where that did not go through; nothing is answered then until a push succeeds.
        """
        self._doubt = f"the push of version {version} to {self._root} is not finished"
        try:
            weights.check_shapes(self.model, self._shapes)
            self._pushed.add(str(version))  # first, since what is under way goes on before the push returns
            self._pushes[self._transfer](version)
        except Exception as error:
            self._doubt = (
                f"the weights of version {version} did not reach the server at {self._root} "
                f"({type(error).__name__}: {_first_line(error)}); nothing is sampled until they do, so mend the server "
                "and resume from the last checkpoint"
            )
            raise PushFailed(self._doubt) from error
        self.version, self._doubt = version, None
        self._probe()

    @property
    def _pushes(self) -> dict[str, Callable[[int], None]]:
        return {"disk": self._by_disk, "nccl": self._by_nccl, "adapter": self._by_adapter}

    def _by_disk(self, version: int) -> None:
        folder = str(weights.write(self.model, self._folder).resolve())
        self._held()
        self._ask("collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": folder}})
        self._ask("update_weight_version", {"new_version": str(version)})
        self._going_on()

    def _by_nccl(self, version: int) -> None:
        self._held()
        if self._sender is None:
            self._sender = self._met()
        self._sender.send_weights()
        self._ask("update_weight_version", {"new_version": str(version)})
        self._going_on()

    def _by_adapter(self, version: int) -> None:
        """A new name for each version: `load_inplace` would read the disk at every request.

        The version before stays, for what is under way; older ones go, also those of a run that this one resumes.
        """
        folder, name = self._folder / f"v{version}", f"{self._base}-v{version}"
        kept = {self._name} - {name}
        for one in self._models():
            if one.get("parent") and one["id"] not in kept:
                self._ask("v1/unload_lora_adapter", {"lora_name": one["id"]})
        self.model.save_pretrained(folder)
        load_adapter(self._ask, folder, name)
        self._ask("update_weight_version", {"new_version": str(version)})
        self._name = name

    def _held(self) -> None:
        """Requests under way wait; the weights are nobody's version until the push is over."""
        self._ask("pause?mode=keep&clear_cache=false", None)
        self._ask("update_weight_version", {"new_version": "unfinished"})

    def _going_on(self) -> None:
        self._ask("reset_prefix_cache?reset_running_requests=true", None)
        self._ask("resume", None)

    def _met(self) -> Any:
        """The trainer's side of vLLM's NCCL transfer; the server's workers join it here."""
        from vllm.distributed.weight_transfer.base import ModuleSource
        from vllm.distributed.weight_transfer.clients import HTTPVLLMWeightSyncClient
        from vllm.distributed.weight_transfer.factory import WeightTransferTrainerFactory
        from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo

        weights.need_plain(self.model, "nccl")
        workers = self._read("get_world_size")["world_size"]
        address, port = self._meeting
        return WeightTransferTrainerFactory.trainer_init(
            NCCLTrainerInitInfo(master_address=address, master_port=port, world_size=workers + 1, rank=0),
            client=HTTPVLLMWeightSyncClient(self._root),
            source=ModuleSource(self.model),
        )

    def _probe(self) -> None:
        if not self._tolerance:
            return
        gap = background.submit(weights.disagreement(self, self.model)).result()
        if gap > self._tolerance:
            self._doubt = weights.far_apart(f"the server at {self._root}", gap, self._tolerance, self.version)
            raise PushFailed(self._doubt)

    def _ask(self, route: str, body: dict[str, Any] | None) -> None:
        """One of vLLM's routes for training. Raises `Refused` where the server says no."""
        response = self._control.post(route, json=body)
        if response.status_code == 404:
            raise Refused(f"{self._root} answered 404 to /{route.partition('?')[0]}; {RL_ROUTES}")
        if response.status_code != 200:
            raise Refused(f"/{route.partition('?')[0]} answered {response.status_code}: {_shown(response)}")

    def _only_model(self) -> str:
        """The name of the one model that the server serves, adapters aside."""
        names = [str(one["id"]) for one in self._models() if not one.get("parent")]
        if len(names) != 1:
            raise Refused(f"the server at {self._root} serves {', '.join(names)}; say which with served_name")
        return names[0]

    def _models(self) -> list[dict[str, Any]]:
        models: list[dict[str, Any]] = self._read("v1/models")["data"]
        return models

    def _read(self, route: str) -> Any:
        try:
            response = self._control.get(route)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Refused(
                f"no vLLM server answers at {self._root} ({type(error).__name__}: {_first_line(error)}); start one "
                "with `vllm serve`, as docs/engines.md says, or put its address into engine.url"
            ) from error

    def _params(self, sampling: Sampling) -> dict[str, Any]:
        return {
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed % SEEDS,
            "stop_token_ids": self._stop_ids,
            "ignore_eos": True,  # what ends a reply is in stop_ids
            "detokenize": False,
            "logprobs": 0,
            **PLAIN,
        }

    def _completion(self, reply: Any) -> Completion:
        said = first_choice(reply)
        ids, ending = first_choice(reply, "token_ids"), said.get("finish_reason")
        if ending not in ("stop", "length"):
            raise Passing(f"{self._server.place} broke off with finish_reason {ending!r}")
        logprobs = _logprobs(first_choice(reply, "logprobs", "content"))
        if not ids or len(logprobs) != len(ids) or not all(map(math.isfinite, logprobs)):
            raise Passing(f"{self._server.place} gave token ids and not a log-probability for each")
        versions = weights.by_token(said.get("weight_versions") or [], len(ids))
        if strange := sorted({*versions} - self._pushed):
            raise Refused(
                f"{self._server.place} answered from weights {', '.join(map(repr, strange))} and not from version "
                f"{self.version}, which was pushed: it was restarted, or others push to it too; resume from the last "
                "checkpoint to push again"
            )
        return weights.completed(ids, logprobs, ending, versions)


def load_adapter(ask: Callable[[str, dict[str, Any]], None], folder: Path, name: str) -> None:
    """Load the LoRA adapters in `folder` into a server under a new name, by which requests then ask for them."""
    ask("v1/load_lora_adapter", {"lora_name": name, "lora_path": str(folder.resolve())})


def _root(url: str) -> str:
    """The address above `/v1`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url is {url!r}; write it as http://host:port/v1")
    return vocabulary.root(url)


def _logprobs(content: Any) -> list[float]:
    """Raises `Passing` where the answer holds none."""
    try:
        return [float(entry["logprob"]) for entry in content]
    except (TypeError, KeyError, ValueError) as error:
        raise Passing("the server's answer holds no log-probabilities") from error


def _shown(response: httpx.Response) -> str:
    return " ".join(response.text[:300].split())


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "it says nothing more").splitlines()[0]
