"""`turngym/ScienceWorld-v0`: elementary-school science in a simulated house (Wang et al., 2022) on Java."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any, NamedTuple

from scienceworld.constants import JAR_PATH

from turngym.core.errors import UserError, suggest
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.draw import Draw
from turngym.envs.java import Lease
from turngym.envs.samples import Samples
from turngym.envs.tasks import check_split, chosen

SPLITS = ("train", "dev", "test")
OPTIONS = ("-Xmx3g", "-XX:+UseSerialGC", "-XX:+UnlockExperimentalVMOptions", "-XX:hashCode=2")
"""The simulator keeps objects in sets ordered by Java's identity hash, which is random: with one hash for all of them
they stand in the order in which they came, and equal episodes read the same."""

LONGEST = 300
REFUSED = "No known action matches that input."
"""The simulator's own words, used for what is not sent to it too."""

_NOT_DONE = (REFUSED, "Unknown action.", "Ambiguous request", "It's not clear")
GRAMMAR = (
    "open/close X, activate/deactivate X, connect X to Y, use X on Y, pick up X, put down X, move X to Y, pour X in Y, "
    "dunk X in Y, mix X, go to X, look around, look at X, look in X, read X, focus on X, eat X, flush X, inventory, "
    "task, wait, wait1"
)
VERBS = (
    *(
        "open X",
        "close X",
        "activate X",
        "deactivate X",
        "connect X to X",
        "use X on X",
        "pick up X",
        "put down X",
    ),
    *(
        "move X to X",
        "pour X in X",
        "dunk X in X",
        "mix X",
        "go to X",
        "look around",
        "look at X",
        "look in X",
    ),
    *("read X", "focus on X", "eat X", "flush X", "inventory", "wait1"),
)
"""What `info["sample"]` is made of, with things that are seen for X."""

_THING = re.compile(r"\b(?:an?|the|called) (?!door to|substance)([a-z][a-z -]*?)(?= is\b| \(|[,.:;)\n]|$)")
_ROOM = re.compile(r"\bdoor to the ([a-z ]+?) \(")


class Variations(NamedTuple):
    """How many variations of a task the package gives to each fold; their numbers follow each other."""

    train: int
    dev: int
    test: int


TASKS = {
    "boil": Variations(14, 7, 9),
    "change-the-state-of-matter-of": Variations(14, 7, 9),
    "chemistry-mix": Variations(16, 8, 8),
    "chemistry-mix-paint-secondary-color": Variations(18, 9, 9),
    "chemistry-mix-paint-tertiary-color": Variations(18, 9, 9),
    "find-animal": Variations(150, 75, 75),
    "find-living-thing": Variations(150, 75, 75),
    "find-non-living-thing": Variations(150, 75, 75),
    "find-plant": Variations(150, 75, 75),
    "freeze": Variations(14, 7, 9),
    "grow-fruit": Variations(62, 31, 33),
    "grow-plant": Variations(62, 31, 33),
    "identify-life-stages-1": Variations(6, 3, 5),
    "identify-life-stages-2": Variations(4, 2, 4),
    "inclined-plane-determine-angle": Variations(84, 42, 42),
    "inclined-plane-friction-named-surfaces": Variations(692, 346, 348),
    "inclined-plane-friction-unnamed-surfaces": Variations(80, 40, 42),
    "lifespan-longest-lived": Variations(62, 31, 32),
    "lifespan-longest-lived-then-shortest-lived": Variations(62, 31, 32),
    "lifespan-shortest-lived": Variations(62, 31, 32),
    "measure-melting-point-known-substance": Variations(218, 109, 109),
    "measure-melting-point-unknown-substance": Variations(150, 75, 75),
    "melt": Variations(14, 7, 9),
    "mendelian-genetics-known-plant": Variations(60, 30, 30),
    "mendelian-genetics-unknown-plant": Variations(240, 120, 120),
    "power-component": Variations(10, 5, 5),
    "power-component-renewable-vs-nonrenewable-energy": Variations(10, 5, 5),
    "test-conductivity": Variations(450, 225, 225),
    "test-conductivity-of-unknown-substances": Variations(300, 150, 150),
    "use-thermometer": Variations(270, 135, 135),
}
"""The 30 tasks; 7,207 variations in all."""


class UnknownTaskName(UserError, ValueError):
    """A task or simplification that ScienceWorld does not have."""


class ScienceWorld(TextEnv):
    """Thirty science tasks in ScienceWorld's simulated house: boil water, grow fruit, test what conducts.

    The reward of a turn is the change of the score, in [0, 1] (the original's 0 to 100), so an episode's sum is its
    last `score` less the one at the reset, which is above 0 only where something wanted is so from the start. A wrong
    final answer, for which the original gives -100, ends the episode with score 0. Success is the full score. Turns are
    not limited.

    `reset(options={"task": ...})` plays the variation of that id (`boil/0003`) or index; without it one is drawn, task
    first, so that large tasks do not crowd out small ones.

    `info` has `state` (a fingerprint of what look and inventory show, and the score), `grammar`, `sample`, `valid`,
    `success`, `score`, `game` (the id), if asked for `admissible` and, until a turn leaves the gold path, `expert`.

    Args:
        tasks: names of the tasks to play; all 30 if `None`.
        split: the package's folds of the variations: `train`, `dev` or `test`.
        simplifications: the package's own, as in `"easy"` or `"teleportAction,openDoors"`; none if empty.
        admissible: tell all valid actions, some 400, which costs several times the turn itself.
        expert: put the next action of the package's gold path into `info["expert"]`; resets become slower.

    Raises:
        ValueError: an argument that names nothing known.
        JavaError: no Java, or its process died.
    """

    def __init__(
        self,
        tasks: list[str] | tuple[str, ...] | None = None,
        split: str = "train",
        simplifications: str = "",
        admissible: bool = False,
        expert: bool = False,
    ) -> None:
        self.names = tuple(sorted(TASKS if tasks is None else tasks))
        for name in self.names:
            if name not in TASKS:
                raise UnknownTaskName(f"ScienceWorld has no task {name!r}: {suggest(name, [*TASKS])}")
        self.tasks = task_ids(self.names, check_split(split, SPLITS))
        self.simplifications = simplifications
        self.admissible = admissible
        self.expert = expert
        self._lease: Lease | None = None
        self._connect()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Start a variation; the first observation is the task and a look around."""
        super().reset(seed=seed)
        self._connect()
        self.game = self._drawn() if (options or {}).get("task") is None else self._named(options)
        name, _, variation = self.game.partition("/")
        self._samples = Samples(self.tasks.index(self.game))
        self._ask("load", name, int(variation), self.simplifications, self.expert)
        self._gold = list(self._ask("getGoldActionSequence")) if self.expert else []
        self._ask("step", "inventory")  # score and completion are still the gold path's before a first action
        self._listed = self._actions()
        self._look()
        return f"{self._ask('getTaskDescription').strip()}\n\n{self._seen[0].strip()}", self._info(valid=True)

    def step(self, action: str) -> Step:
        """Do an action. One that the simulator does not know, or finds ambiguous, is not valid."""
        if self._over or len(action) > LONGEST:
            return REFUSED, 0.0, self._over, False, self._info(valid=False)
        command, before = " ".join(action.encode(errors="replace").decode().split()), self.score
        obs = self._ask("step", command).strip()
        valid = command in (self._listed or ()) or not obs.startswith(_NOT_DONE)
        if valid or [command] == self._gold[:1]:
            self._gold = self._gold[1:] if self._gold[:1] == [command] else []
        self._listed = self._actions()
        self._look()
        return obs, self.score - before, self._over, False, self._info(valid)

    def close(self) -> None:
        """Give the share in the Java process back; the last one ends it."""
        if self._lease is not None:
            self._lease.give_back()
        self._lease = None

    @property
    def score(self) -> float:
        """How much of the task is done, in [0, 1]; 0 after a wrong answer."""
        return min(max(self._points, 0.0), 1.0)

    @property
    def _over(self) -> bool:
        return self._completed or self._points < 0

    def _look(self) -> None:
        """What is to be seen, and how far the task is."""
        self._seen = self._ask("freeActionLook"), self._ask("freeActionInventory")
        self._points = round(float(self._ask("getScore")), 2)  # hundredths, as the package's own score
        self._completed = bool(self._ask("getCompleted"))

    def _actions(self) -> list[str] | None:
        if not self.admissible:
            return None
        return sorted({*self._ask("getValidActionObjectCombinations")})

    def _info(self, valid: bool) -> Info:
        shown = "\n".join([*self._seen, str(self._points)])
        info: Info = {
            "state": hashlib.blake2b(shown.encode(), digest_size=12).hexdigest(),
            "grammar": GRAMMAR,
            "sample": self._samples(self._command),
            "valid": valid,
            "success": self._points >= 1,
            "score": self.score,
            "game": self.game,
        }
        if self._listed is not None:
            info["admissible"] = [*self._listed]
        return {**info, "expert": self._gold[0]} if self._gold and not self._over else info

    def _command(self, draw: Draw) -> str:
        """An action on things that are in sight, not all of which make sense together."""
        verb = draw.one(VERBS)
        things = _ROOM.findall(self._seen[0]) if verb.startswith("go") else _things(*self._seen)
        return re.sub("X", lambda _: draw.one(things or ["air"]), verb)

    def _drawn(self) -> str:
        name = self.names[int(self.np_random.integers(len(self.names)))]
        own = [id for id in self.tasks if id.partition("/")[0] == name]
        return own[int(self.np_random.integers(len(own)))]

    def _named(self, options: dict[str, Any] | None) -> str:
        return self.tasks[chosen(options, self.tasks, self.np_random)]

    def _connect(self) -> None:
        """Take a share in a living Java process, and a simulator in it."""
        if self._lease is not None and self._lease.machine.alive:
            return
        self._lease = Lease("ScienceWorld", JAR_PATH, OPTIONS)
        self._server = self._lease.machine.new("scienceworld.runtime.pythonapi.PythonInterface")
        known = ["easy", *self._ask("getPossibleSimplifications").split(", ")]
        for one in filter(None, self.simplifications.split(",")):
            if one not in known:
                raise UnknownTaskName(f"ScienceWorld has no simplification {one!r}: {suggest(one, known)}")

    def _ask(self, method: str, *arguments: Any) -> Any:
        if self._lease is None:
            raise UserError("the environment was closed; call reset() first")
        return self._lease.machine.call(self._server, method, *arguments)


def _things(*texts: str) -> list[str]:
    """What a look and the inventory name."""
    return list(dict.fromkeys(name for text in texts for name in _THING.findall(text)))


@lru_cache(maxsize=64)
def task_ids(names: tuple[str, ...], split: str) -> tuple[str, ...]:
    """The variations of a fold in order: task and number."""
    return tuple(f"{name}/{number:04}" for name in names for number in numbers(name, split))


def numbers(name: str, split: str) -> range:
    """The variations of a task in a fold."""
    train, dev, test = TASKS[name]
    first = {"train": 0, "dev": train, "test": train + dev}[split]
    return range(first, first + {"train": train, "dev": dev, "test": test}[split])
