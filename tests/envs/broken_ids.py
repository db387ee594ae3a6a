"""The environments that fail in every way, under one id, for servers and actors to find."""

from __future__ import annotations

from turngym.core.registry import load
from turngym.envs import TextEnv, register


def broken(kind: str = "Obedient", timeout: float = 0.0) -> TextEnv:
    """One of `broken_envs`."""
    return load(f"broken_envs:{kind}")()


register("tests/Broken-v0", "broken_ids:broken")
