"""All that can be said in a household of a size, in few and long entries: an entity is one, a phrase is one.

A tokenizer built from them reads every observation, goal sentence and command of that size without an
unknown, and a command is its tokens joined by single spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from turngym.envs.household.catalog import LAMP
from turngym.envs.household.logic import logic_of
from turngym.envs.household.sizes import Size, find, furniture, goals, things

_COMMANDS = {
    "both": "go to|open|close|take|from|examine|use|heat|clean|cool|slice|with|look|inventory",
    "0.4": "move|to|help",
    "2.1.1": "put|in/on",
}
_GOALS = (
    "put a|put some|put two|put a clean|put a hot|put a cool|find two|clean some|heat some|cool some|look at|"
    "examine the|in|on|and put it in|and put them in|under the|with the"
)
_REPLIES = {
    "both": (
        "-= Welcome to TextWorld, ALFRED! =-|Your task is to:|You are in the middle of a room.|"
        "Looking quickly around you, you see a|Looking quickly around you, you see nothing.|"
        ", a|, and a|.|You arrive at|The|is closed.|is open.|In it, you see a|In it, you see nothing.|"
        "On the|, you see a|, you see nothing.|You are facing the|Next to it, you see nothing.|You open the|"
        "You close the|You pick up the|from the|You clean the|You heat the|You cool the|using the|"
        "You sliced the|with the|You turn on the|You are carrying: a|You are not carrying anything.|"
        "There's nothing special about|This|is on.|This is a normal|This is a hot|This is a clean|"
        "This is a cold|This is a sliced|This is a hot and clean|This is a cool and clean|"
        "This is a hot sliced|This is a clean sliced|This is a cool sliced|This is a hot and clean sliced|"
        "This is a cool and clean sliced|Nothing happens."
    ),
    "0.4": "You move the|to the",
    "2.1.1": "You put the|in/on the",
}


def vocabulary(size: str | Size = "small", logic: str = "0.4") -> list[str]:
    """Every entity name, kind and phrase of that size and text version, each once, in a fixed order.

    Raises:
        ValueError: an unknown size or text version.
    """
    size, answer = find(size), logic_of(logic).help
    phrases = [table[key] for table in (_COMMANDS, _REPLIES) for key in ("both", logic)]
    words = [word for phrase in (*phrases, _GOALS) for word in phrase.split("|")]
    manual = [answer.strip()] if answer else []
    return list(dict.fromkeys([*words, *manual, *_kinds(size), *entities(size), *_locations(size, logic)]))


def entities(size: str | Size) -> list[str]:
    """Every receptacle and object that can occur in a household of that size, as it is called there."""
    size = find(size)
    most: dict[str, int] = {}
    for room in size.rooms:
        for kind, count in [
            *furniture(size, room).items(),
            *((kind, size.copies) for kind in things(size, room)),
        ]:
            most[kind] = max(most.get(kind, 0), count)
    if "look_at_obj_in_light" in size.task_types:
        most[LAMP] = 1
    return [f"{kind.lower()} {number}" for kind, count in most.items() for number in range(1, count + 1)]


def _kinds(size: Size) -> list[str]:
    asked = [goal for name in size.task_types for listed in goals(size, name).values() for goal in listed]
    return sorted({kind.lower() for goal in asked for kind in (goal.target, goal.place)})


def _locations(size: Size, logic: str) -> list[str]:
    """Version 2.1.1 names the location one arrives at; one location more is where one begins."""
    return [f"loc {number}" for number in range(1, size.receptacles[1] + 2)] if logic == "2.1.1" else []


def split_words(text: str, words: Iterable[str]) -> list[str]:
    """The text as entries of the vocabulary: always the longest that fits, skipping white space between them.

    Raises:
        ValueError: some of the text is in no entry.
    """
    pattern = _pattern(tuple(words))
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = pattern.match(text, at)
        if match is None:
            raise ValueError(f"no entry of the vocabulary begins {text[at : at + 40]!r}")
        found.append(match[1])
        at = match.end()
    return found


@lru_cache(maxsize=16)
def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"\s*({'|'.join(_whole(word) for word in longest_first)})")


def _whole(word: str) -> str:
    """An entry ends where a word ends: `drawer 1` is not the beginning of `drawer 12`."""
    return re.escape(word) + (r"(?!\w)" if word[-1].isalnum() else "")
