"""Episodes of adapted environments, written down once: whether the package underneath still plays them the same.

`python -m tests.envs.recordings ID FILE SEED ACTIONS [ARGUMENT=JSON ...]` plays the actions, a JSON list, or where that
is `null` the expert's, or at random where there is none, and adds the episode to FILE.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

from turngym import envs
from turngym.envs.walk import Seen, choice, reset, step

FOLDER = Path(__file__).with_name("recorded")

TURNS = 40


def play(env: str, arguments: dict[str, Any], seed: int, actions: list[str] | None = None) -> dict[str, Any]:
    """One episode; with the actions given or, without any, the expert's."""
    game = envs.make(env, **arguments)
    chance = random.Random(seed)
    seen = [reset(game, seed)]
    while not seen[-1].over and len(seen) <= (TURNS if actions is None else len(actions)):
        info = seen[-1].info
        action = info.get("expert") or choice(info, chance) if actions is None else actions[len(seen) - 1]
        seen.append(step(game, action))
    game.close()
    return {"env": env, "arguments": arguments, "seed": seed, **_written(seen)}


def _written(seen: list[Seen]) -> dict[str, Any]:
    return {
        "actions": [one.action for one in seen[1:]],
        "observations": [hashlib.sha256(one.obs.encode()).hexdigest() for one in seen],
        "rewards": [one.reward for one in seen[1:]],
        "success": seen[-1].info.get("success"),
    }


def check(name: str) -> None:
    """Play every recorded episode of `recorded/NAME.jsonl` again and compare."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        record = json.loads(line)
        again = play(record["env"], record["arguments"], record["seed"], record["actions"])
        assert json.loads(json.dumps(again)) == record


if __name__ == "__main__":
    ID, FILE, SEED, ACTIONS, *ARGUMENTS = sys.argv[1:]
    given = {key: json.loads(value) for key, _, value in (one.partition("=") for one in ARGUMENTS)}
    with open(FILE, "a", encoding="utf-8") as file:
        file.write(json.dumps(play(ID, given, int(SEED), json.loads(ACTIONS))) + "\n")
