"""The same decoding by vLLM: `python -m turngym.benchmarks.speed.by_vllm decode SETTINGS`, where vLLM is installed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from turngym.benchmarks.speed.rollout import Numbers, Settings, decoding, random_prompts


def decode(settings: Settings) -> Numbers:
    """As `rollout.decode`, with vLLM's engine in this process and one thread of computation on a CPU."""
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # in this process, whose CPU time is measured
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(settings["threads"]),
    }
    import torch
    import vllm

    torch.set_num_threads(settings["threads"])
    engine = vllm.LLM(
        model=str(Path(settings["folder"]) / "model"),
        dtype={"bf16": "bfloat16", "fp32": "float32"}[settings["precision"]],
        max_model_len=2048,
        enforce_eager=True,
        enable_prefix_caching=False,
    )

    def answer(length: int) -> Any:
        chosen = [
            vllm.SamplingParams(temperature=1.0, seed=seed, max_tokens=length, ignore_eos=True, logprobs=0)
            for seed in range(settings["episodes"])
        ]
        prompts = [{"prompt_token_ids": prompt} for prompt in random_prompts(settings)]
        return engine.generate(prompts, chosen, use_tqdm=False)

    answer(2)
    return {"vllm": vllm.__version__} | decoding(answer, settings)


def main() -> None:
    """Measure and print."""
    print("\n" + json.dumps(decode(json.loads(sys.argv[2]))))


if __name__ == "__main__":
    main()
