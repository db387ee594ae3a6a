"""Checkpoints: a folder that is either complete or not there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from turngym.core.errors import UserError


class CheckpointError(UserError, RuntimeError):
    """A checkpoint that could not be written or read; earlier ones are untouched."""


def save(
    root: Path, step: int, progress: dict[str, Any], parts: dict[str, Any], model: Callable[[Path], None]
) -> Path:
    """Write `root/step-<step>` with the model's own format under `policy/`, tensors and plain values of each part
    in `<part>.pt`, and `progress.json`.

    Everything is written and flushed under a temporary name, then renamed. Raises `CheckpointError` where the
    disk refuses; the half-written folder is removed.
    """
    final, draft = root / f"step-{step:06d}", root / f".step-{step:06d}.part"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        model(draft / "policy")
        for name, state in parts.items():
            torch.save(state, draft / f"{name}.pt")
        (draft / "progress.json").write_text(json.dumps({**progress, "step": step}, indent=1))
        _flush(draft)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
    except (OSError, RuntimeError) as error:  # torch reports a failed write as RuntimeError
        shutil.rmtree(draft, ignore_errors=True)
        raise CheckpointError(
            f"the checkpoint of step {step} could not be written to {root} ({error}); "
            f"{_kept(root)}, free space on that disk and save again"
        ) from error
    return final


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _kept(root: Path) -> str:
    last = newest(root)
    return f"the last complete one, {last.name}, is kept" if last else "no complete one exists yet"


def newest(root: Path) -> Path | None:
    """The complete checkpoint with the highest step, or `None`."""
    complete = [path for path in root.glob("step-*") if (path / "progress.json").is_file()]
    return max(complete, default=None, key=lambda path: path.name)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Progress and parts of a checkpoint. Tensors and plain values only: nothing is unpickled into code."""
    try:
        progress: dict[str, Any] = json.loads((folder / "progress.json").read_text())
        parts = {
            path.stem: torch.load(path, weights_only=True, map_location="cpu") for path in folder.glob("*.pt")
        }
    except (OSError, ValueError, RuntimeError, UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"checkpoint {folder} cannot be read ({reason}); resume from an older one"
        ) from error
    return progress, parts


def prune(root: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints."""
    complete = sorted(path for path in root.glob("step-*") if path.is_dir())
    for path in complete[: max(len(complete) - keep, 0)]:
        shutil.rmtree(path, ignore_errors=True)
