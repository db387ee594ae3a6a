"""Questions and passages from a file in HotpotQA's form (Yang et al. 2018, arXiv 1809.09600).

Read are the official file, whose context is a list of [title, [sentence, ...]] and whose id is `_id`, and the form in
which the `datasets` library gives it, whose context is {"title": [...], "sentences": [[...], ...]}; both as one JSON
list or a record a line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from turngym.core.errors import UserError
from turngym.envs.searchqa.corpus import Corpus, Fact, Question
from turngym.envs.tasks import split_of

Passages = dict[str, tuple[str, ...]]


class CorpusFileError(UserError, ValueError):
    """A file that holds no questions; the message names the file, the record and the remedy."""


def load_hotpot(data: str | os.PathLike[str]) -> Corpus:
    """`read_hotpot`, once for all environments of the process while the file is not written to."""
    file = Path(data).expanduser()
    return _read_once(file, file.stat().st_mtime_ns if file.exists() else 0)


@lru_cache(maxsize=4)
def _read_once(file: Path, written: int) -> Corpus:
    return read_hotpot(file)


def read_hotpot(data: str | os.PathLike[str]) -> Corpus:
    """The questions of a file over all its passages together.

    A quarter of them, told by a digest of the id, are `test`, the others `train`, and `all` has both. Questions whose
    ids differ may share passages. Of passages with one title the first is kept.

    Raises `CorpusFileError` where the file is missing or a record is damaged.
    """
    file = Path(data).expanduser()
    passages: Passages = {}
    questions: dict[str, Question] = {}
    for number, record in enumerate(_records(file)):
        try:
            question = _question(record, passages)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(file, f"record {number} ({_named(record)}): {_told(error)}") from error
        if question.id in questions:
            raise _damaged(file, f"record {number} has the id {question.id!r} of an earlier one")
        questions[question.id] = question
    return Corpus(name=file.name, passages=passages, splits=_splits(questions))


def _splits(questions: Mapping[str, Question]) -> dict[str, tuple[Question, ...]]:
    everything = tuple(questions[id] for id in sorted(questions))
    test = {id for id in questions if split_of(id) == "test"}
    return {
        "train": tuple(question for question in everything if question.id not in test),
        "test": tuple(question for question in everything if question.id in test),
        "all": everything,
    }


def _records(file: Path) -> list[Any]:
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if text.lstrip().startswith("[") else _lines(text)
    except OSError as error:
        raise CorpusFileError(
            f"{file} cannot be read ({error.strerror}); give the path of a HotpotQA file (JSON or JSON lines)"
        ) from error
    except ValueError as error:
        raise _damaged(file, f"it is not JSON ({error})") from error
    if not found:
        raise _damaged(file, "it holds no record")
    return list(found)


def _lines(text: str) -> list[Any]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    return found


def _question(record: Mapping[str, Any], passages: Passages) -> Question:
    """The question of a record, whose passages are added."""
    here = {str(title): tuple(map(str, sentences)) for title, sentences in _context(record["context"])}
    for title, sentences in here.items():
        if not sentences:
            raise ValueError(f"the passage {title!r} has no sentence")
        passages.setdefault(title, sentences)
    text = _text(record, "question")
    facts = [(str(title), int(at)) for title, at in _pairs(record["supporting_facts"], "sent_id")]
    missing = [title for title, _ in facts if title not in here]
    if missing:
        raise ValueError(f"the supporting passage {missing[0]!r} is not in its context")
    return Question(
        id=_text(record, "_id" if "_id" in record else "id"),
        text=text,
        answers=(_text(record, "answer"),),
        kind=str(record.get("type", "bridge")),
        facts=tuple(Fact(title, min(at, len(passages[title]) - 1), text) for title, at in facts),
    )


def _text(record: Mapping[str, Any], key: str) -> str:
    if isinstance(value := record[key], str) and value.strip():
        return value
    raise ValueError(f"its {key!r} is {str(value)[:100]!r}, not a text")


def _context(context: Any) -> Iterable[tuple[Any, list[Any]]]:
    for title, sentences in _pairs(context, "sentences"):
        if not isinstance(sentences, list):
            raise TypeError(f"the sentences of {title!r} are no list")
        yield title, sentences


def _pairs(table: Any, second: str) -> Iterable[tuple[Any, Any]]:
    """The pairs of a list of pairs, or of two columns, `title` and `second`."""
    if isinstance(table, Mapping):
        return zip(table["title"], table[second], strict=True)
    return [(first, other) for first, other in table]


def _named(record: Any) -> str:
    id = (record.get("_id") or record.get("id")) if isinstance(record, Mapping) else None
    return f"id {str(id)[:60]!r}" if id else "without an id"


def _told(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _damaged(file: Path, what: str) -> CorpusFileError:
    return CorpusFileError(f"{file} is no HotpotQA file: {what}; mend it or download the file anew")
