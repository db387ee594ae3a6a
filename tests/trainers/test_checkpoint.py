"""Checkpoints are complete or absent, whatever happens while one is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from turngym.trainers import checkpoint


def write(root: Path, step: int) -> Path:
    def model(folder: Path) -> None:
        folder.mkdir()
        (folder / "weights").write_text(str(step))

    return checkpoint.save(
        root, step, {"run": "r"}, {"trainer": {"x": torch.ones(2) * step, "n": step}}, model
    )


def test_what_was_saved_is_read_back(tmp_path):
    progress, parts = checkpoint.read(write(tmp_path, 3))
    assert progress == {"run": "r", "step": 3}
    assert parts["trainer"]["n"] == 3
    assert parts["trainer"]["x"].tolist() == [3.0, 3.0]


def test_the_newest_complete_checkpoint_is_found_and_drafts_are_not(tmp_path):
    assert checkpoint.newest(tmp_path) is None
    write(tmp_path, 2)
    write(tmp_path, 10)
    (tmp_path / ".step-000011.part").mkdir()
    (tmp_path / "step-000012").mkdir()
    newest = checkpoint.newest(tmp_path)
    assert newest is not None
    assert newest.name == "step-000010"


def test_pruning_keeps_the_newest(tmp_path):
    for step in (1, 2, 3):
        write(tmp_path, step)
    checkpoint.prune(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000002", "step-000003"]


FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from turngym.trainers import checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the kernel refuses longer files, as a full disk would
try:
    checkpoint.save(Path(sys.argv[1]), 2, {}, {"trainer": {"x": torch.zeros(100_000)}}, lambda folder: folder.mkdir())
except checkpoint.CheckpointError as error:
    print(error)
"""


def test_a_disk_that_refuses_gives_one_sentence_and_keeps_the_earlier_checkpoint(tmp_path):
    write(tmp_path, 1)
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "checkpoint of step 2 could not be written" in result.stdout
    assert "step-000001, is kept" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]
    assert checkpoint.read(tmp_path / "step-000001")[0]["step"] == 1


def test_a_damaged_checkpoint_is_named_and_not_executed(tmp_path):
    folder = write(tmp_path, 1)
    (folder / "trainer.pt").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(checkpoint.CheckpointError, match="step-000001 cannot be read"):
        checkpoint.read(folder)
