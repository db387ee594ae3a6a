"""The tasks by id, and the splits."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from random import Random

from turngym.envs.datatasks.questions import KINDS, Question
from turngym.envs.tasks import digest

PER_KIND = {"train": range(0, 100), "valid": range(100, 110), "test": range(110, 135)}
"""Numbers of the tasks of each kind."""

DIGESTS = {
    "train": "f10b3d115745a742eaf29edc4b73d876cd98722fd6253a272379ec01aef85d10",
    "valid": "bb08c3538bf845ed78e23f9daec62bb3b2a492fb22ce14d054d67f464d57c4e0",
    "test": "7ec89a17f84fe722ce66c9ed2841aac83538e0d65900b3182953897007cb9b2a",
}
"""SHA-256 of what the splits hold, see `turngym.envs.tasks.digest`."""


@lru_cache(maxsize=4096)
def question(id: str) -> Question:
    """The task of that id, `KIND-NUMBER`; the id alone decides it."""
    seed = int.from_bytes(hashlib.sha256(id.encode()).digest())
    return KINDS[id.partition("-")[0]](Random(seed))


@lru_cache
def ids(split: str) -> tuple[str, ...]:
    """The sorted ids of a split."""
    return tuple(sorted(f"{kind}-{number:03}" for kind in KINDS for number in PER_KIND[split]))


def split_digest(split: str) -> str:
    """The digest of a split as it is made here."""
    return digest((id, _deciding(question(id))) for id in ids(split))


def _deciding(asked: Question) -> str:
    return json.dumps([asked.text, str(asked.answer), str(asked.tolerance), asked.program, asked.files])
