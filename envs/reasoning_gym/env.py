"""`turngym/ReasoningGym-v0`: the tasks of reasoning-gym (Stojanovski et al. 2025, arXiv 2505.24760)."""

from __future__ import annotations

import difflib
import os
import re
from typing import Any

import reasoning_gym
from reasoning_gym.factory import DATASETS

from turngym.core.errors import PrerequisiteError, UserError
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.chance import Chance
from turngym.envs.draw import Draw
from turngym.envs.experts import NoExpert
from turngym.envs.reasoning_gym.scoring import score
from turngym.envs.samples import Samples, words
from turngym.envs.seeded import SEEDS, chosen_seed
from turngym.envs.tasks import check_split

GRAMMAR = "Write the answer alone, or anywhere between <answer> and </answer>."
"""What `info["grammar"]` says."""

UNANSWERED = frozenset({"boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"})
"""Tasks that come without an answer; theirs is checked by rules."""

UNSTABLE = frozenset(
    {"isomorphic_strings", "knight_swap", "polynomial_multiplication", "ransom_note", "word_ladder"}
)
"""Tasks that reasoning-gym draws from sets of strings, whose order is another in every process."""

_MARKED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


class ReasoningGym(TextEnv):
    """reasoning-gym's procedural tasks: one question, one answer, a score in [0, 1] from the task's own verifier.

    The first answer ends the episode; its score is the reward, and `success` a score of 1.

    `reset(options={"task": ...})` asks what this seed of the split makes. `info` has `state`, `grammar`, `sample`
    (words of the question), `valid` (False for an empty answer, which is not counted), `success`, `score`, `expert` if
    asked for and, at the reset, `task`.

    Args:
        task: a name of reasoning-gym's, `chain_sum` or `sudoku`.
        config: settings of that task, such as `{"max_terms": 3}`.
        split: `train`, `valid` or `test`: ranges of seeds, see `turngym.envs.seeded`.
        expert: put the task's own answer into `info["expert"]`; raises `NoExpert` for the tasks that have none.
    """

    def __init__(
        self,
        task: str = "chain_sum",
        config: dict[str, Any] | None = None,
        split: str = "train",
        expert: bool = False,
    ) -> None:
        self.name = _known(task)
        self.config = config or {}
        self.split = check_split(split, SEEDS)
        self.expert = expert
        if task in UNSTABLE and not os.environ.get("PYTHONHASHSEED", "random").isdecimal():
            raise PrerequisiteError(
                f"one seed makes another {task} in every process; start Python with PYTHONHASHSEED=0 to play it"
            )
        if expert and task in UNANSWERED:
            raise NoExpert(f"reasoning-gym stores no answers for {task}: leave out expert=True")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Ask the question."""
        super().reset(seed=seed)
        self.task = chosen_seed(options, self.split, self.np_random)
        with Chance(self.task).lent():
            self._data: Any = reasoning_gym.create_dataset(self.name, seed=self.task, size=1, **self.config)
            self._entry: dict[str, Any] = self._data[0]
        self._over, self._score = False, 0.0
        self._samples = Samples(self.task)
        return self._entry["question"], self._info(valid=True) | {"task": str(self.task)}

    def step(self, action: str) -> Step:
        """Score the answer."""
        if self._over:
            return "The question is answered.", 0.0, True, False, self._info(valid=False)
        marked = _MARKED.findall(action)
        answer = (marked[-1] if marked else action).strip()
        if not answer:
            return f"This is no answer. {GRAMMAR}", 0.0, False, False, self._info(valid=False)
        self._over = True
        with Chance(self.task).lent():
            self._score = score(self.name, self.config, self._data, self._entry, answer)
        return "Answered.", self._score, True, False, self._info(valid=True)

    def _info(self, valid: bool) -> Info:
        info: Info = {
            "state": (self.name, self.task, self._over, self._score),
            "grammar": GRAMMAR,
            "sample": self._samples(self._word),
            "valid": valid,
            "success": self._score >= 1,
            "score": self._score,
        }
        if self.expert and not self._over:
            info["expert"] = f"<answer>{self._entry['answer']}</answer>"
        return info

    def _word(self, draw: Draw) -> str:
        return f"<answer>{draw.one(words(self._entry['question']))}</answer>"


def _known(task: str) -> str:
    names = sorted(set(DATASETS) - {"composite"})
    if task in names:
        return task
    near = difflib.get_close_matches(task[:100], names, n=1, cutoff=0)
    raise UserError(f"reasoning-gym has no task {task[:100]!r} for one dataset; the nearest is {near[0]!r}")
