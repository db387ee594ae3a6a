"""One recorded run of a bridge as JSONL, a line a call: action (`null` for the reset), observation, reward, end.

Written by `PYTHONPATH=. python tests/envs/bridges/test_<bridge>.py`, replayed by the test of that module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gymnasium

FOLDER = Path(__file__).parent / "recorded"

Line = dict[str, Any]


def played(env: gymnasium.Env[Any, Any], seed: int, actions: Iterable[str]) -> list[Line]:
    """What an environment answers to a reset and these actions."""
    obs, _ = env.reset(seed=seed)
    lines = [line(None, obs, 0.0, False)]
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(action)
        lines.append(line(action, obs, reward, terminated or truncated))
    return lines


def line(action: str | None, obs: str, reward: float, done: bool) -> Line:
    digest = hashlib.sha256(obs.encode()).hexdigest()
    return {"action": action, "observation": digest, "reward": reward, "done": done}


def load(name: str) -> list[Line]:
    text = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(one) for one in text.splitlines()]


def save(name: str, lines: Sequence[Line]) -> None:
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (FOLDER / f"{name}.jsonl").write_text(text, encoding="utf-8")


def actions(lines: Sequence[Line]) -> list[str]:
    return [one["action"] for one in lines if one["action"] is not None]
