"""Generated games as files in ALFWorld's layout, which the real engine and every ALFWorld loader play."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from turngym.envs.household.generator import Game

_GOAL = "UNKNOWN GOAL"


def write_game(
    game: Game, folder: str | Path, *, domain: str | Path | None = None, grammar: str | Path | None = None
) -> Path:
    """Write `folder/<task>/<trial>/game.tw-pddl` with its `traj_data.json`; returns the game file's path.

    A game file carries ALFWorld's rules and text grammar; they come from the files given (`alfred.pddl` and
    `alfred.twl2`), else from the package alfworld.

    Raises:
        ModuleNotFoundError: a file is not given and alfworld is not installed.
        ValueError: the grammar has no place for the goal sentence.
    """
    rules = Path(domain or _packaged("alfred.pddl")).read_text()
    text = Path(grammar or _packaged("alfred.twl2")).read_text()
    if _GOAL not in text:
        raise ValueError(
            f"the grammar has no {_GOAL!r} to put the goal sentence in; give one that comes with ALFWorld"
        )
    trial = Path(folder) / game.id
    trial.mkdir(parents=True, exist_ok=True)
    (trial / "traj_data.json").write_text(json.dumps(_trajectory(game), indent=1))
    file = trial / "game.tw-pddl"
    data = {
        "pddl_domain": rules,
        "grammar": text.replace(_GOAL, game.task),
        "pddl_problem": game.pddl_problem,
    }
    file.write_text(json.dumps({**data, "solvable": True}))
    return file


def _packaged(name: str) -> Path:
    spec = find_spec("alfworld")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"writing a game needs ALFWorld's {name}: give its path or pip install 'turngym[alfworld]'",
            name="alfworld",
        )
    return Path(spec.origin).parent / "data" / name


def _trajectory(game: Game) -> dict[str, Any]:
    """What loaders ask of ALFRED's record of a game: the task and its parameters."""
    task, trial = game.id.split("/")
    _, target, _, place, room = task.split("-")
    lamp = game.task_type == "look_at_obj_in_light"
    return {
        "task_id": trial,
        "task_type": game.task_type,
        "pddl_params": {
            "object_target": target,
            "parent_target": "" if lamp else place,
            "toggle_target": place if lamp else "",
            "mrecep_target": "",
            "object_sliced": False,
        },
        "scene": {"floor_plan": room},
        "turk_annotations": {"anns": [{"task_desc": game.task}]},
    }
