"""`turngym/VirtualHome-v0`: household activities that people described and programmed, as a text environment."""

from __future__ import annotations

from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.tasks import check_split, chosen
from turngym.envs.virtualhome.engine import engine_of
from turngym.envs.virtualhome.expert import plan
from turngym.envs.virtualhome.glance import Glance
from turngym.envs.virtualhome.questions import room
from turngym.envs.virtualhome.sight import NOTHING, entered, in_sight, introduction, stayed
from turngym.envs.virtualhome.splits import SPLITS
from turngym.envs.virtualhome.tasks import load
from turngym.envs.virtualhome.words import GRAMMAR, Command

LISTINGS = ("all", "room")


class VirtualHome(TextEnv):
    """VirtualHome's household activities, 448 tasks, by an own engine equal to its simulator.

    Reward 1 and the end of the episode when all that a person's program changed is so; turns are not limited.
    `reset(options={"task": ...})` plays the task of that id (`file1003_2`), or of that index in `tasks`; without it a
    task is drawn with the seed.

    `info` has `state` (a fingerprint of the flat), `admissible`, `grammar`, `valid` (False where nothing happens),
    `success`, `score` (the share of the goal's conditions that hold), `task_type` (the activity), `task` (the id) and,
    if asked for and as long as the person's program still leads to the goal, `expert`.

    Args:
        split: `train`, `test_seen` (other programs of the same activities) or `test_unseen` (other activities).
        engine: `fast`, our own, or `original`, the simulator, which says the same and is slower.
        expert: put the next command of the person's program into `info["expert"]`.
        listing: what `info["admissible"]` lists: `all` that can be done with anything in the flat, or only what can be
            done with the things in the `room` and with other rooms.

    Raises:
        ValueError: an argument that names nothing known.
        DataError: files of the package virtualhome-eval that are missing or damaged.
    """

    def __init__(
        self, split: str = "train", engine: str = "fast", expert: bool = False, listing: str = "all"
    ) -> None:
        if listing not in LISTINGS:
            raise ValueError(f"unknown listing {listing!r}: choose one of {', '.join(LISTINGS)}")
        self.tasks = SPLITS[check_split(split, SPLITS)]
        self.split, self.engine, self.expert, self.listing = split, engine, expert, listing
        self._engine = engine_of(engine)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Start a task; the first observation says what to do, and what is in the room."""
        super().reset(seed=seed)
        self.task = load(self.tasks[chosen(options, self.tasks, self.np_random)])
        self._flat = self._engine(self.task.home)
        self._plan: list[Command] = []
        self._look()
        self._replan()
        text = introduction(self._glance, self.task.names, self.task.title, self.task.description)
        return text, self._info(valid=True)

    def step(self, action: str) -> Step:
        """Do an action. What is not understood or not possible changes nothing, and after the end nothing does."""
        command = None if self._won else self.task.names.understand(action)
        if command is None or not self._flat.execute(*command):
            return NOTHING, 0.0, self._won, False, self._info(valid=False)
        left = self._room
        self._look()
        self._replan(command)
        sees = self._room != left or self._room in command[1]
        obs = (entered if sees else stayed)(self._glance, self.task.names)
        return obs, float(self._won), self._won, False, self._info(valid=True)

    def _look(self) -> None:
        """Take in what an action has changed."""
        self._graph = self._flat.graph
        self._glance = Glance(self._graph)
        self._room = room(self._glance, self._graph.me)
        self._reached = self.task.goal.reached(self._glance)

    @property
    def _won(self) -> bool:
        return self._reached == len(self.task.goal)

    def _replan(self, done: Command | None = None) -> None:
        """Go on with the expert's plan, or make another after a detour."""
        if done is not None and self._plan[:1] == [done]:
            self._plan = self._plan[1:]
        elif self.expert and not self._won:
            left = len(self._plan) or len(self.task.program)
            self._plan = plan(self._graph, self.task.goal, self.task.program, left)

    def _info(self, valid: bool) -> Info:
        info: Info = {
            "state": f"{self.task.id} {self._graph.fingerprint()}",
            "admissible": [] if self._won else self._admissible(),
            "grammar": GRAMMAR,
            "valid": valid,
            "success": self._won,
            "score": self._reached / len(self.task.goal),
            "task_type": self.task.title,
            "task": self.task.id,
        }
        if self._plan and not self._won:
            info["expert"] = self.task.names.say(*self._plan[0])
        return info

    def _admissible(self) -> list[str]:
        names = self.task.names
        if self.listing == "all":
            return self.task.options.listed(self._glance, names.told)
        sight = {*in_sight(self._glance, names), *self._glance.reach}
        shown = [id for id in names.told if id in sight or self._glance.home.is_room(id)]
        return self.task.options.listed(self._glance, shown)
