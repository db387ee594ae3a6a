"""Environments that fail in every way, importable by the worker processes of a pool under test."""

from __future__ import annotations

import os
import time
from itertools import count
from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv

_built = count(1)


class Obedient(TextEnv):
    """Does what the action says: raises, dies, hangs, dawdles or answers."""

    def __init__(self) -> None:
        self.number = next(_built)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        super().reset(seed=seed)
        self.seed, self.heard = seed, 0
        if options:
            self.step(options["do"])
        return f"seed {seed}", {"pid": os.getpid(), "environment": self.number}

    def step(self, action: str) -> Step:
        self.heard += 1
        info: Info = {"pid": os.getpid(), "environment": self.number, "heard": self.heard}
        match action:
            case "raise":
                raise ValueError("told to")
            case "die":
                os._exit(7)
            case "hang":
                time.sleep(3600)
            case "dawdle":
                time.sleep(0.3)
            case "secret":
                info["secret"] = lambda: None
        return f"{self.seed}: {action}", 0.0, False, False, info


class Unbuildable(TextEnv):
    """Raises when built."""

    def __init__(self) -> None:
        raise OSError("no such house")


class Fatal(TextEnv):
    """Takes its process down when built."""

    def __init__(self) -> None:
        os._exit(3)
