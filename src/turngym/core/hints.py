"""What would be faster: a machine, and a run file if there is one, against what was measured or is known to hold."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from turngym.core.doctor import Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What of a machine decides speed."""

    cores: int
    threads: int
    """Of torch."""
    units: frozenset[str] = frozenset()
    """The processor's flags, as Linux names them."""
    gpus: int = 0


def this_machine() -> Machine | None:
    """The one that this runs on; `None` without torch, since nothing then trains here."""
    if find_spec("torch") is None:
        return None
    import torch

    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        units=_units(Path("/proc/cpuinfo")),
        gpus=torch.cuda.device_count(),
    )


def hints(machine: Machine, run: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """What would be faster on the machine, for a run file's sections or, without one, in general."""
    sections = dict(run or {})
    trainer, pool = sections.get("trainer", {}), sections.get("pool", {})
    on_gpu = str(trainer.get("device", "cpu")).startswith("cuda")
    yield from _threads(machine, sections.get("loop", {}).get("threads", machine.threads))
    yield from _half_precision(machine, sections, on_gpu)
    if run is not None:
        yield from _workers(machine, pool.get("workers", 2))
        yield from _attention(sections.get("model", {}), on_gpu)
        yield from _prefixes(sections.get("agent", {}), trainer)
        if machine.gpus and not on_gpu:
            yield _hint("a GPU is idle: the trainer's device is the CPU", 'trainer.device = "cuda"')


def _threads(machine: Machine, threads: int) -> Iterator[Finding]:
    if threads > machine.cores:
        yield _hint(
            f"{threads} threads share {machine.cores} cores; their barriers wait for threads that do not run, which "
            "was measured to cost 5 to 100 times the time",
            f"loop.threads = {machine.cores}, or 1 where others use the machine too",
        )


def _half_precision(machine: Machine, sections: Mapping[str, Any], on_gpu: bool) -> Iterator[Finding]:
    """Matmuls in bfloat16 are faster by 4 (AVX512_BF16, measured), 8 (AMX, measured) or more (tensor cores)."""
    fast = sorted(machine.units & {"amx_bf16", "avx512_bf16"})
    if not (machine.gpus if on_gpu else fast):
        return
    where = "this GPU" if on_gpu else f"this processor ({', '.join(fast)})"
    if sections.get("trainer", {}).get("precision", "fp32") == "fp32":
        found = f"{where} multiplies bfloat16 several times faster than fp32"
        yield _hint(found, 'trainer.precision = "bf16"')
    engine = sections.get("engine", {})
    if engine.get("name", "hf") == "hf" and "autocast" not in engine:
        yield _hint(f"the engine samples in fp32 on {where}", 'engine.autocast = "bfloat16"')


def _workers(machine: Machine, workers: int) -> Iterator[Finding]:
    if workers > 2 * machine.cores:
        found = f"{workers} processes of environments share {machine.cores} cores"
        yield _hint(found, f"pool.workers = {machine.cores}, and more pool.slots in each")
    if machine.cores >= 8 and 0 < workers <= machine.cores // 8:
        found = f"{workers} processes step all environments while {machine.cores} cores are there"
        yield _hint(found, f"pool.workers = {machine.cores // 2}, where a step of the environment takes long")


def _attention(model: Mapping[str, Any], on_gpu: bool) -> Iterator[Finding]:
    if on_gpu and model.get("attention") == "eager":
        yield _hint("eager attention on a GPU writes all scores to memory", 'model.attention = "sdpa"')


def _prefixes(agent: Mapping[str, Any], trainer: Mapping[str, Any]) -> Iterator[Finding]:
    if trainer.get("name") == "policy" and agent.get("name") == "window" and trainer.get("packing") != "tree":
        found = (
            "a prompt written afresh each turn shares its beginning with others, and each is computed anew"
        )
        yield _hint(found, 'trainer.packing = "tree"')


def _hint(found: str, remedy: str) -> Finding:
    return Finding(subject="faster", found=found, remedy=remedy)


def _units(information: Path) -> frozenset[str]:
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    flags = (line.partition(":")[2].split() for line in text.splitlines() if line.startswith("flags"))
    return frozenset(next(flags, []))
