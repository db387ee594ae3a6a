"""ALFWorld's published games, read from ALFWorld's own folders or from one compact file a split."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from turngym.envs.household.problem import Problem, ProblemError

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
"""In ALFWorld's order, 1 to 6."""

PUBLISHED: dict[str, tuple[int, str]] = {
    "train": (3553, "5bb3ba01213659fa345f0a3c5af9af821acc119f5bf72d9839a7486366eef45f"),
    "valid_seen": (140, "219e8519731c4acbafc08b81bc2d70b6a1aefa523be68c4f50eb1ba648bb5140"),
    "valid_unseen": (134, "ab4bd869f5758d888e49259d7b66756273636ffc05a59baa2b10449b6854a975"),
}
"""Number of games and digest of the splits of json_2.1.1."""

_TASK = re.compile(r'"Your task is to: (.*)\."')


class GameFileError(ValueError):
    """A file that should hold games does not; the message names it and says what to do."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PublishedGame:
    """One game. Its problem is kept compressed: a split holds 190 MB of them."""

    id: str
    """Task folder and trial folder, joined by a slash."""
    task: str
    """The goal sentence."""
    source: Path
    """The file it was read from."""
    digest: str
    """SHA-256 of goal sentence and problem."""
    packed: bytes = field(repr=False)
    annotations: tuple[str, ...] = field(default=(), repr=False)
    """Goal sentences that people wrote, where the file with the game holds them; see `human_goals`."""

    @property
    def task_type(self) -> str:
        return task_type_of(self.id)

    @property
    def pddl_problem(self) -> str:
        return zlib.decompress(self.packed).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class GameSet:
    """The games of a split in order of their ids, and what identifies them."""

    split: str
    folder: Path
    games: tuple[PublishedGame, ...]
    digest: str
    """SHA-256 of the list of their ids and digests."""

    @property
    def canonical(self) -> bool:
        """Whether these are exactly the published games of the split."""
        return (len(self.games), self.digest) == PUBLISHED[self.split]


def task_type_of(id: str) -> str:
    """The task type that a game's id begins with."""
    return id.partition("-")[0]


@lru_cache(maxsize=6)
def load_split(split: str, data: str | os.PathLike[str]) -> GameSet:
    """Read a split from the folder `data`, which holds one of

    - `json_2.1.1/<split>/<task>/<trial>/game.tw-pddl` or `<split>/<task>/...`, as ALFWorld's download does;
    - `games_<split>.jsonl.xz`, one game a line.

    Games are filtered as ALFWorld filters them: solvable, one of the six task types, no movable receptacle,
    nothing sliced. Raises `ValueError` for an unknown split, `FileNotFoundError` for a folder without it and
    `GameFileError` for a file that is not what its name says.
    """
    if split not in PUBLISHED:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(PUBLISHED)}")
    folder = Path(data).expanduser()
    games = sorted(_read(split, folder), key=lambda game: game.id)
    listing = "".join(f"{game.id} {game.digest}\n" for game in games)
    digest = hashlib.sha256(listing.encode()).hexdigest()
    return GameSet(split=split, folder=folder, games=tuple(games), digest=digest)


@lru_cache(maxsize=256)
def problem_of(game: PublishedGame) -> Problem:
    """The parsed problem of a game, kept for its next episode. Raises `GameFileError` if it is none."""
    try:
        return Problem.parse(game.pddl_problem)
    except ProblemError as error:
        raise _no_game(game.source, f"the problem of {game.id}: {error}") from error


@lru_cache(maxsize=4096)
def human_goals(game: PublishedGame) -> tuple[str, ...]:
    """The goal sentences that people wrote for a game, in ALFRED's order, without the full stop at their end.

    From the compact file's `anns`, or `turk_annotations` of the `traj_data.json` beside a `game.tw-pddl`. Raises
    `GameFileError` where there is none.
    """
    written = game.annotations or _beside(game.source.with_name("traj_data.json"))
    goals = tuple(" ".join(text.split()).rstrip(". ") for text in written)
    if not all(goals) or not goals:
        raise GameFileError(
            f"{game.source} has no goal sentence by a person for {game.id}; play it with goal='template'"
        )
    return goals


def _beside(file: Path) -> list[str]:
    if not file.is_file():
        return []
    try:
        annotations = json.loads(file.read_text(encoding="utf-8"))["turk_annotations"]["anns"]
        return [str(one["task_desc"]) for one in annotations]
    except (ValueError, KeyError, TypeError) as error:
        raise _no_game(
            file, f"its turk_annotations cannot be read ({type(error).__name__}: {error})"
        ) from error


def _read(split: str, folder: Path) -> Iterator[PublishedGame]:
    compact = folder / f"games_{split}.jsonl.xz"
    if compact.is_file():
        return _compact(compact)
    for root in (folder / "json_2.1.1" / split, folder / split):
        if root.is_dir():
            return _folders(root)
    raise FileNotFoundError(
        f"no ALFWorld games of split {split!r} in {folder}, which should hold json_2.1.1/{split}/ or "
        f"{compact.name}; run `alfworld-download` or point ALFWORLD_DATA (or data=) at the right folder"
    )


def _compact(file: Path) -> Iterator[PublishedGame]:
    number = 0
    try:
        with lzma.open(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007 (told by the error)
                game = json.loads(line)
                if game["solvable"] and _is_wanted(game["id"]):
                    said = tuple(map(str, game.get("anns", ())))
                    yield _packed(game["id"], game["task"], game["pddl_problem"], file, said)
    except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise _no_game(file, f"reading stopped at line {number} ({type(error).__name__}: {error})") from error


def _folders(root: Path) -> Iterator[PublishedGame]:
    for file in root.glob("*/*/game.tw-pddl"):
        id = file.parent.relative_to(root).as_posix()
        if not _is_wanted(id):
            continue
        game = game_file(file)
        if game.get("solvable"):
            yield _packed(id, _goal_sentence(file, game["grammar"]), game["pddl_problem"], file)


def _packed(
    id: str, task: str, problem: str, source: Path, annotations: tuple[str, ...] = ()
) -> PublishedGame:
    digest = hashlib.sha256(f"{task}\n{problem}".encode()).hexdigest()
    packed = zlib.compress(problem.encode(), 1)
    return PublishedGame(
        id=id, task=task, source=source, digest=digest, packed=packed, annotations=annotations
    )


def _is_wanted(id: str) -> bool:
    return task_type_of(id) in TASK_TYPES and "movable" not in id and "Sliced" not in id


def game_file(file: Path) -> dict[str, Any]:
    """The content of a `game.tw-pddl`. Raises `GameFileError` if it is none."""
    try:
        game = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _no_game(file, f"it is not JSON ({error})") from error
    if not isinstance(game, dict):
        raise _no_game(file, f"it holds a {type(game).__name__}, not an object")
    for key in ("pddl_domain", "grammar", "pddl_problem"):
        if not isinstance(game.get(key), str):
            raise _no_game(file, f"it has no text {key!r}")
    return game


def with_goal(grammar: str, task: str) -> str:
    """A game file's grammar with another goal sentence."""
    sentence = json.dumps(f"Your task is to: {task}.", ensure_ascii=False)
    return _TASK.sub(lambda _: sentence, grammar, count=1)


def _goal_sentence(file: Path, grammar: str) -> str:
    found = _TASK.search(grammar)
    if found is None:
        raise _no_game(file, "its grammar states no task ('Your task is to: ...')")
    return str(json.loads(f'"{found[1]}"'))


def _no_game(file: Path, what: str) -> GameFileError:
    return GameFileError(f"{file} is no ALFWorld game: {what}; download it anew or take it out of the folder")
