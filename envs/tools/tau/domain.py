"""A tau-bench domain with one split of its tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from turngym.envs.tasks import check_split, digest
from turngym.envs.tools.database import Database, Record
from turngym.envs.tools.domain import Call, Part, Request
from turngym.envs.tools.tau import airline, retail
from turngym.envs.tools.tau.files import TauData, load
from turngym.envs.tools.tau.script import script_of
from turngym.envs.tools.tau.tools import Function, TauToolbox, toolbox

FUNCTIONS: Mapping[str, Mapping[str, Function]] = {"retail": retail.FUNCTIONS, "airline": airline.FUNCTIONS}

PUBLISHED: Mapping[tuple[str, str], tuple[int, str]] = {
    ("retail", "test"): (115, "c6612e09fbb2b8a1d835d66c86474832e14765ea569270eed5e352f5bed15e01"),
    ("retail", "train"): (500, "57385b2e906ad9844da1911e3fe84b40fe06e442472588761f9cf81b3f9d7194"),
    ("retail", "dev"): (20, "e9eb2c6585bbd9b8a4c6f347067374b196ac84310beb1e654d7ee724a2cfa048"),
    ("airline", "test"): (50, "7326c2ede3a8c597dbc49ef3fd30483e2d38745e8cc8e522f57fba4535e33157"),
}
"""Number of tasks and digest by domain and split, of commit 59a200c."""


class TauDomain:
    """The tools of `retail` or `airline` and the tasks of one split. Raises what `load` and `check_split` raise."""

    closing = frozenset({"transfer_to_human_agents"})

    def __init__(self, data: TauData, split: str) -> None:
        self.data = data
        self.split = check_split(split, data.tasks)
        self.policy = data.policy
        self._tasks: Sequence[Record] = data.tasks[split]
        self.ids = [f"{split}-{number:03}" for number in range(len(self._tasks))]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the split's tasks."""
        texts = (json.dumps(_plain(task), sort_keys=True) for task in self._tasks)
        return digest(zip(self.ids, texts, strict=True))

    def request(self, number: int) -> Request:
        """The task of that number."""
        task = self._tasks[number]
        return Request(
            id=self.ids[number],
            instruction=task["instruction"],
            script=script_of(task["instruction"], self.data.tables["users"].get(task["user_id"])),
            parts=(_answer(task),),
        )

    def database(self, request: Request) -> Database:
        """The domain's tables, the same for every task."""
        return Database(self.data.tables)

    def toolbox(self, database: Database) -> TauToolbox:
        """The domain's tools."""
        return toolbox(self.data.schemas, FUNCTIONS[self.data.name], database)


def _answer(task: Record) -> Part:
    calls = tuple(Call(name=action["name"], arguments=action["kwargs"]) for action in task["actions"])
    words = " ".join(["This is done.", *task["outputs"]])
    return Part(calls=calls, words=words, outputs=tuple(task["outputs"]))


def _plain(task: Record) -> Record:
    return {key: task[key] for key in ("user_id", "instruction", "actions", "outputs")}


@lru_cache(maxsize=8)
def domain(name: str, root: Path, split: str) -> TauDomain:
    """A domain, shared by the environments of this process."""
    return TauDomain(load(name, root), split)
