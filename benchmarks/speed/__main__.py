"""Speed of playing, decoding and training on this machine, beside others' in one run.

    python -m turngym.benchmarks.speed --out runs/speed --trl-python PATH --vllm-python PATH

Writes `speed.json` and `speed.md`. Every measurement is a process of its own; those that are compared alternate,
`--rounds` times, and the best of each counts. On a CPU the seconds are the process's own CPU seconds, so that a machine
that others use too gives nearly the same ratios; on a GPU (`--device cuda --shape 0.5b`) they are wall seconds.
Weights are random; the text is the household's. TRL and vLLM do not install together with all else: give the
interpreters of environments that have them, with turngym installed in each; what is missing is left out with a word.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from turngym.benchmarks.speed.shapes import SHAPES
from turngym.benchmarks.speed.tables import report

OURS, TRL, VLLM = "ours", "trl", "vllm"
FAMILIES: dict[str, dict[str, tuple[str, str, str, dict[str, Any]]]] = {
    "update": {
        "turngym, tree": (OURS, "turngym.trainers.timing", "update", {"packing": "tree"}),
        "turngym, rows": (OURS, "turngym.trainers.timing", "update", {"packing": "rows"}),
        "TRL GRPOTrainer": (TRL, "turngym.benchmarks.speed.by_trl", "update", {}),
    },
    "decode": {
        "turngym hf engine": (OURS, "turngym.benchmarks.speed.rollout", "decode", {}),
        "vLLM": (VLLM, "turngym.benchmarks.speed.by_vllm", "decode", {}),
    },
    "rollout": {
        "turngym": (OURS, "turngym.benchmarks.speed.rollout", "ours", {}),
        "lock-step loop": (OURS, "turngym.benchmarks.speed.rollout", "lockstep", {}),
        "TRL environment_factory": (TRL, "turngym.benchmarks.speed.by_trl", "rollout", {}),
    },
    "exactness": {"tree against rows": (OURS, "turngym.trainers.timing", "exactness", {})},
    "step": {"one step": (OURS, "turngym.trainers.timing", "step", {})},
}
"""What is measured: interpreter, module, part and what is special to it."""
REPEATED = ("update", "decode", "rollout")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for and write both files after every family."""
    chosen = parsed(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    pythons = {OURS: sys.executable, TRL: chosen.trl_python, VLLM: chosen.vllm_python}
    settings = settings_of(chosen)
    found: dict[str, Any] = {"command": " ".join(sys.argv[1:]), "machine": machine(chosen.device)}
    settings |= {"vocabulary": SHAPES[chosen.shape]["vocab_size"]}
    found["model"] = measured(sys.executable, "turngym.trainers.timing", "model", settings)
    found["batch"] = measured(sys.executable, "turngym.trainers.timing", "batch", settings)
    found["settings"] = {name: value for name, value in settings.items() if name != "folder"}
    for family in chosen.parts:
        found[family] = compared(family, settings, pythons, chosen.rounds if family in REPEATED else 1)
        (chosen.out / "speed.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        (chosen.out / "speed.md").write_text(report(found), encoding="utf-8")
    print(report(found))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m turngym.benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/speed"))
    parser.add_argument("--shape", choices=SHAPES, default="smollm2")
    parser.add_argument("--layers", type=int, help="so many layers of the shape, for a quick try")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2, help="within a process")
    parser.add_argument("--episodes", type=int, default=16)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--samples", type=int, default=64, help="sequences of an update")
    parser.add_argument("--noise", type=float, default=0.3, help="of the expert that plays them")
    parser.add_argument("--max-tokens", type=int, default=4096, help="of a forward pass of an update")
    parser.add_argument("--trl-python", help="an interpreter that has TRL and turngym")
    parser.add_argument("--vllm-python", help="an interpreter that has vLLM and turngym")
    return parser.parse_args(arguments)


def settings_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """What all parts are told."""
    shared = (
        "shape",
        "layers",
        "device",
        "precision",
        "threads",
        "repeats",
        "episodes",
        "turns",
        "samples",
        "noise",
    )
    told = {name: getattr(chosen, name) for name in shared}
    return told | {
        "max_tokens": chosen.max_tokens,
        "groups": 4,
        "reply": 16,
        "exact": 6,
        "folder": str(chosen.out.resolve()),
    }


def compared(
    family: str, settings: dict[str, Any], pythons: dict[str, str | None], rounds: int
) -> dict[str, Any]:
    """The best of several rounds for every side of a comparison, or why there is none."""
    best: dict[str, Any] = {}
    for _ in range(rounds):
        for name, (side, module, part, own) in FAMILIES[family].items():
            python = pythons[side]
            if python is None:
                best[name] = {"left out": f"give --{side}-python"}
            elif "left out" not in best.get(name, {}):
                numbers = measured(python, module, part, settings | own)
                best[name] = min(best.get(name, numbers), numbers, key=seconds)
    return best


def seconds(numbers: dict[str, Any]) -> float:
    """What a measurement took; of decoding, per token."""
    took: float = numbers.get("seconds", 1 / numbers.get("tokens_per_second", 1.0))
    return took


def measured(python: str, module: str, part: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The numbers of one part, measured in a process of its own, or its last words."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(settings["threads"]),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    print(f"{part}: {module}", file=sys.stderr, flush=True)
    command = [python, "-m", module, part, json.dumps(settings)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        words = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        print(done.stderr[-2000:], file=sys.stderr)
        return {"left out": words[-1][:200]}
    numbers: dict[str, Any] = json.loads(lines[-1])
    return numbers


def machine(device: str) -> dict[str, Any]:
    """What the numbers were measured on."""
    told = {"processor": " ".join(processor()), "cores": os.cpu_count(), "python": platform.python_version()}
    if device != "cpu":
        import torch

        told["gpu"] = torch.cuda.get_device_name(device)
    return told


def processor() -> Iterator[str]:
    """The processor's name and those of its units that matter here."""
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    yield names[0] if names else platform.processor() or platform.machine()
    yield from (unit for unit in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {unit} " in f"{text} ")


if __name__ == "__main__":
    main()
