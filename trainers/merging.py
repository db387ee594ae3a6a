"""The newest policy of a run with adapters, as a plain model: `python -m turngym.trainers.merging RUN FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from turngym.core.config import load_run
from turngym.trainers import checkpoint, lora
from turngym.trainers.checkpoint import CheckpointError
from turngym.trainers.setup import policy_of


def merge_run(run: Path, folder: Path) -> None:
    """Write the policy of the run's newest checkpoint to `folder`, its adapters added into the weights.

    Raises `CheckpointError` where the run has no checkpoint or no adapters.
    """
    last = checkpoint.newest(run / "checkpoints")
    if last is None:
        raise CheckpointError(f"{run} has no checkpoint; give the folder of a run that saved one")
    table = load_run(run / "run.toml")
    if "lora" not in table["model"]:
        raise CheckpointError(f"{run} trained no adapters; {last / 'policy'} is a plain model already")
    lora.merged(policy_of(table, table["loop"].get("seed", 0), str(last / "policy"))).save(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    merge_run(arguments.run, arguments.folder)
