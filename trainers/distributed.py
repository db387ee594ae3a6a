"""Ranks: processes that train one policy together, each doing its share of the same work.

`torchrun` or `accelerate launch` starts them and says in the environment who is who. Alone, every function here answers
at once. All ranks call them in the same order, since what one waits for the others must send.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain, zip_longest
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from turngym.core.errors import UserError
from turngym.core.samples import Sample

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")

BUCKET = 25_000_000
"""Numbers that are summed in one message: 100 MB of fp32."""


START = timedelta(minutes=10)
"""How long ranks wait for all of them to be started."""


class RankLost(UserError, RuntimeError):
    """Another rank died, or did not answer in time."""


def launched() -> bool:
    """Whether a launcher started this process as one of several."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def world() -> int:
    """How many ranks there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this one."""
    return dist.get_rank() if world() > 1 else 0


def leads() -> bool:
    """Whether this is the rank that writes files and speaks."""
    return rank() == 0


def place(device: str) -> str:
    """The device of this rank: of several GPUs its own."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if device == "cuda" and world() > 1 else device


@contextmanager
def joined(device: str = "cpu", timeout: float = 1800.0) -> Iterator[None]:
    """While open, the ranks that were launched together can talk: over gloo, and between GPUs over nccl.

    Who waits longer than `timeout` seconds for another rank, or sees it die, raises `RankLost`.
    """
    if not launched() or dist.is_initialized():
        yield
        return
    gpu = device.startswith("cuda")
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    with _heard(timeout):
        _join("cpu:gloo,cuda:nccl" if gpu else "gloo", timedelta(seconds=timeout))
    try:
        with _heard(timeout):
            yield
    finally:
        dist.destroy_process_group()


def _join(backend: str, timeout: timedelta) -> None:
    """Begin to talk once all ranks are there, which may take much longer than an answer may take later."""
    store, rank, count = next(rendezvous("env://", timeout=START))
    store.set(f"started/{rank}", "")
    store.wait([f"started/{other}" for other in range(count)], START)
    dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=timeout)


@contextmanager
def _heard(timeout: float) -> Iterator[None]:
    """Tell in one sentence what a broken connection means, wherever in torch it was noticed."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, UserError) or not _broken(error):
            raise
        reason = str(error).partition("\n")[0].partition(". ")[0].rpartition("] ")[2]
        raise RankLost(
            f"rank {os.environ.get('RANK')} lost the others: one ended, or was silent for {timeout:g} s ({reason}); "
            "start all of them again with --resume, which goes on from the last checkpoint"
        ) from error


def _broken(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(
        word in text for word in ("connection", "timed out", "peer")
    )


def mine(things: Sequence[Thing]) -> Sequence[Thing]:
    """This rank's share: thing i belongs to rank i modulo the number of ranks."""
    return things[rank() :: world()]


def portion(amount: int) -> int:
    """What falls to each rank, rounded up."""
    return math.ceil(amount / world())


def woven(shares: Iterable[Sequence[Thing]]) -> list[Thing]:
    """All things in order again, from what `mine` gave each rank."""
    nothing = object()
    rounds = chain.from_iterable(zip_longest(*shares, fillvalue=nothing))
    return [thing for thing in rounds if thing is not nothing]  # type: ignore[misc]


def gather(thing: Thing) -> list[Thing]:
    """What every rank gave, in the order of ranks."""
    if world() == 1:
        return [thing]
    found: list[Any] = [None] * world()
    dist.all_gather_object(found, thing)
    return found


def of_first(thing: Thing) -> Thing:
    """What rank 0 gave."""
    if world() == 1:
        return thing
    held = [thing]
    dist.broadcast_object_list(held, src=0)
    return held[0]


def any_of(flag: bool) -> bool:
    """Whether any rank says so."""
    return any(gather(flag))


def same(what: str, thing: Any) -> None:
    """Raise `RankLost` where ranks differ in something that they must share."""
    found = gather(thing)
    if any(other != found[0] for other in found):
        raise RankLost(f"ranks differ in {what} ({found}); give all of them the same files and settings")


def total(sums: Mapping[str, float]) -> dict[str, float]:
    """The sums of all ranks, name by name."""
    added: dict[str, float] = {}
    for one in gather(dict(sums)):
        for name, number in one.items():
            added[name] = added.get(name, 0.0) + number
    return added


def limit(samples: Sequence[Sample], max_tokens: int) -> int:
    """Tokens of a forward pass: `max_tokens`, or fewer where not every rank would have one."""
    padded = len(samples) * max((len(sample.token_ids) for sample in samples), default=0)
    return min(max_tokens, portion(padded))


def rounds(things: Sequence[Thing]) -> Iterator[tuple[Thing, bool]]:
    """This rank's share, and whether each counts: a rank with less to do repeats the first thing for nothing.

    So all ranks make equally many passes through a model, which sharded weights ask for and others do not mind.
    """
    share = list(mine(things))
    yield from ((thing, True) for thing in share)
    yield from ((things[0], False) for _ in range(portion(len(things)) - len(share)))


def shared(things: Sequence[Thing], compute: Callable[[Thing], Answer]) -> list[Answer]:
    """`compute` of every thing in order, each computed by one rank and told to all."""
    answers = [(compute(thing), counts) for thing, counts in rounds(things)]
    return woven(gather([answer for answer, counts in answers if counts]))


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Make every gradient the sum of the ranks' gradients; what no rank has a gradient for keeps none.

    Sharded parameters are left alone: their gradients are summed as they are made.
    """
    if world() == 1:
        return
    whole = [parameter for parameter in parameters if parameter.requires_grad and not is_shard(parameter)]
    for parameter in _with_gradient(whole):
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    for bucket in buckets([parameter.grad for parameter in whole if parameter.grad is not None], BUCKET):
        flat = torch.cat([gradient.flatten() for gradient in bucket])
        dist.all_reduce(flat)
        for gradient, total in zip(bucket, torch.split(flat, [each.numel() for each in bucket]), strict=True):
            gradient.copy_(total.view_as(gradient))


def _with_gradient(parameters: Sequence[nn.Parameter]) -> list[nn.Parameter]:
    """Those that any rank has a gradient for."""
    if not parameters:
        return []
    known = torch.tensor([p.grad is not None for p in parameters], dtype=torch.uint8)
    known = known.to(parameters[0].device)
    dist.all_reduce(known, dist.ReduceOp.MAX)
    return [parameter for parameter, has in zip(parameters, known.tolist(), strict=True) if has]


def buckets(tensors: Iterable[Tensor], size: int) -> Iterator[list[Tensor]]:
    """Runs of tensors of one type with at most `size` numbers together, or single ones that have more."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        full = sum(each.numel() for each in bucket) + tensor.numel() > size
        if bucket and (full or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def is_shard(tensor: Tensor) -> bool:
    """Whether a rank holds only a part of it."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may be sharded; every rank asks for it."""
    full: Tensor = tensor.full_tensor() if is_shard(tensor) else tensor  # type: ignore[attr-defined]
    return full


def start_alike(module: nn.Module) -> None:
    """Give all ranks the weights of rank 0."""
    if world() == 1:
        return
    with torch.no_grad():
        for tensor in chain(module.parameters(), module.buffers()):
            dist.broadcast(tensor, src=0)
