"""Episodes as data sets that `datasets` and TRL load, and other people's trajectories as episodes.

`episodes.py` reads what is exported, `dialogue.py` says what the model was asked, `sft.py`, `preference.py` and
`steps.py` make the rows, `files.py` writes them; `foreign.py` and `imports.py` go the other way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from turngym.agents import Agent
from turngym.benchmarks.export.dialogue import Dialogue, Mismatch, as_seen, player, rehearsed
from turngym.benchmarks.export.episodes import Episode, read
from turngym.benchmarks.export.files import KINDS, Row, check_out, write
from turngym.benchmarks.export.preference import preferences
from turngym.benchmarks.export.sft import conversations, replies
from turngym.benchmarks.export.steps import stepwise
from turngym.core.errors import ConfigError

__all__ = ["Summary", "export", "player"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What an export did."""

    written: int
    """Rows of the data set."""
    left_out: int
    """Episodes that were asked to stay out: failed ones and, unless all are wanted, those that were not won."""
    faults: list[str]
    """A sentence for everything that could not be used, which is left out too."""


def export(
    source: Path,
    out: Path,
    kind: str = "sft",
    *,
    agent: Callable[[], Agent] | None = None,
    form: str = "{action}",
    rows: str | None = None,
    method: str | None = None,
    everything: bool = False,
) -> Summary:
    """Write the episodes of `source` as a data set of one kind: `sft`, `preference` or `steps`.

    `source` is a file of episodes, the folder of a result or of a training run. `agent` makes who asks the
    model; without one, prompts are the texts that the model saw, which only results with a tokenizer store.
    `form` writes an action as a reply where no reply is stored. `rows`: one per `episode` or one per `turn`;
    without it an episode, where the agent's conversation grows, and else a turn. `method` is the credit method
    of `steps`. `everything` keeps episodes that were lost in `sft`, which clones.

    Raises `ConfigError` for a kind or a combination that does not exist, and where nothing is left to write.
    """
    check_out(out)
    if kind not in KINDS:
        raise ConfigError(f"there is no kind of data set {kind!r}; choose one of {', '.join(KINDS)}")
    episodes, faults = read(source)
    counted = [episode for episode in episodes if not episode.trajectory.status.failed]
    if kind == "steps":
        table = stepwise(counted, method)
        return _written(table, kind, out, left_out=len(episodes) - len(counted), faults=faults)
    kept = [e for e in counted if everything or kind != "sft" or e.trajectory.success is not False]
    dialogues, mismatches = _dialogues(kept, agent, form)
    table, kind = _rows(dialogues, kind, rows)
    return _written(table, kind, out, left_out=len(episodes) - len(kept), faults=faults + mismatches)


def _dialogues(
    episodes: list[Episode], agent: Callable[[], Agent] | None, form: str
) -> tuple[list[Dialogue], list[str]]:
    dialogues, faults = [], []
    for episode in episodes:
        try:
            dialogues.append(as_seen(episode) if agent is None else rehearsed(episode, agent(), form))
        except Mismatch as mismatch:
            faults.append(f"{episode.where}: {mismatch}")
    return dialogues, faults


def _rows(dialogues: list[Dialogue], kind: str, rows: str | None) -> tuple[list[Row], str]:
    """The rows, and the kind of file that holds them."""
    if rows not in (None, "episode", "turn"):
        raise ConfigError(f"a row is {rows!r}; choose episode or turn")
    growing = all(dialogue.growing for dialogue in dialogues)
    whole = growing if rows is None else rows == "episode"
    if whole and not growing:
        raise ConfigError(
            "this agent writes a new prompt at every turn, so a row is a turn; give --rows turn"
        )
    if kind == "preference":
        return preferences(dialogues, whole=whole), _exact(kind, dialogues)
    if whole:
        return conversations(dialogues), "conversation"
    return replies(dialogues), _exact("reply", dialogues)


def _exact(kind: str, dialogues: list[Dialogue]) -> str:
    """The kind of file where messages are texts with the template's special tokens."""
    return f"{kind}_text" if any(dialogue.exact for dialogue in dialogues) else kind


def _written(table: list[Row], kind: str, out: Path, *, left_out: int, faults: list[str]) -> Summary:
    if not table:
        nothing = (
            "no two episodes of one task differ in reward" if "preference" in kind else "no episode gives one"
        )
        raise ConfigError(
            f"there is no row to write: {faults[0] if faults else nothing} ({left_out} episodes left out)"
        )
    write(out, table, kind)
    return Summary(written=len(table), left_out=left_out, faults=faults)
