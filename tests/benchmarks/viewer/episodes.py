"""Episodes that the viewer's tests write and look at."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from turngym.core.episodes import to_record
from turngym.core.types import Call, Status, Task, Trajectory, Turn

HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
    "&lt;b&gt; &amp; </pre></script><!-- --><style>* { display: none }</style>"
)
"""What would be more than text if a page let it."""
TRICKY = "right\u202eto left, \u2066isolated\u2069, bell\x07, escape\x1b[31m, zero\u200bwidth"
"""What a browser would obey or hide."""
SPELT = "rightU+202Eto left, U+2066isolatedU+2069, bellU+0007, escapeU+001B[31m, zeroU+200Bwidth"
"""The same as a page shows it."""


def turn(state: object, action: str = "wait", reward: float = 0.0, **more: Any) -> Turn:
    told = {"obs": f"room {state}", "state": state, "admissible": ["wait", action]} | more
    return Turn(action=action, reward=reward, **told)


def episode(seed: int, member: int, *turns: Turn, **more: Any) -> Trajectory:
    won = sum(each.reward for each in turns) > 0
    told = {"success": won, "status": Status.DONE} | more
    return Trajectory(task=Task(env="test", seed=seed), member=member, turns=list(turns), **told)


def sampled(*logprobs: float) -> Call:
    """A call whose reply is `w0 w1 ...`, a token each."""
    return Call(prompt_ids=[7, 8, 9], action_ids=[*range(len(logprobs))], logprobs=[*logprobs])


WALKS = [
    episode(1, 0, turn("a", "left"), turn("b", "on"), turn("c", "out", 1.0)),
    episode(1, 1, turn("a", "right"), turn("b", "on", valid=False), turn("b", "back")),
    episode(1, 2, turn("d"), turn("b", "on"), turn("c", "out", 1.0)),
    episode(1, 3, turn("a"), status=Status.ENV_ERROR, success=None, error="the house burnt down\nTraceback"),
    episode(2, 0, turn("a", "go", 0.5), success=None, status=Status.TURN_LIMIT),
]
"""A group of three with one that failed, and another task."""


def record(trajectory: Trajectory) -> dict[str, Any]:
    """As a result keeps it: with tokens, and the text of prompts and tokens."""
    stored = to_record(trajectory, tokens=True)
    for each in stored["turns"]:
        for call in each["calls"]:
            call["prompt"] = f"<|user|>\n{each['obs']}\n<|assistant|>"
            call["pieces"] = [f"w{number} " for number in range(len(call["action_ids"]))]
    return stored


def lines(trajectories: list[Trajectory]) -> list[str]:
    return [json.dumps(record(each), ensure_ascii=False) for each in trajectories]


def write(path: Path, trajectories: list[Trajectory]) -> Path:
    content = "".join(f"{line}\n" for line in lines(trajectories)).encode("utf-8", "surrogatepass")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


METRICS = [
    {"stage": "warm start", "step": 1, "cloning_loss": 0.5},
    {"stage": "train", "step": 1, "success": 0.25, "credit": "hgpo", "odd": None},
    {"stage": "train", "step": 2, "success": 0.5, "loss": 0.125},
    {"stage": "eval", "step": 2, "success": 0.75, "low": 0.5, "high": 1.0},
]


def training(folder: Path) -> Path:
    """A folder as training leaves it."""
    write(folder / "episodes.jsonl", WALKS)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in METRICS))
    final = {"success": 0.75, "low": 0.5, "high": 1.0}
    (folder / "summary.json").write_text(json.dumps({"credit": "hgpo", "seed": 3, "final": final}))
    return folder
