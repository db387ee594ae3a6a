"""Which tasks are for training and which for testing: explicit lists, sorted, shipped beside this file.

Of the 518 programs 68 change nothing but places, and 2 end with one thing in both hands, which no action brings about.
The other 448 are the tasks. The activities in `HELD_OUT` make up `test_unseen`. Of the other activities about every
seventh program is in `test_seen`; programs with one description stay together.
"""

from __future__ import annotations

import json
from importlib.resources import files

HELD_OUT = (
    "Brush teeth",
    "Go to sleep",
    "Listen to music",
    "Make coffee",
    "Put groceries in Fridge",
    "Wash teeth",
)

SPLITS: dict[str, tuple[str, ...]] = {
    split: tuple(ids)
    for split, ids in json.loads(
        files("turngym.envs.virtualhome").joinpath("splits.json").read_text(encoding="utf-8")
    ).items()
}
"""Task ids by split."""

DIGESTS = {
    "train": "ea7d123588038a111da965ab1dc472e9120e11192187fbd3d1a7eb59f2184bed",
    "test_seen": "70578e5cf7df4c971bcc02307d330e678a2d7d53f9c694d8e3e43e06592cd9c9",
    "test_unseen": "bdbda41cb07c395bce08b8aab79b1e3e79cc94f3d6ef9c27474022354e4d55d6",
}
"""SHA-256 of the files of each split's tasks in virtualhome-eval 0.1.1 (`tasks.split_digest`)."""
