"""What passes between player and game: commands that may be sent, and answers without their trimmings."""

from __future__ import annotations

import re

LONGEST = 190
"""Characters of a command; the interpreter cuts off what is longer."""

REFUSED = "That is not a command of this game. Say one plain command a turn."

_WORDS = re.compile(r"[A-Za-z0-9' \-]*")
_CHAIN = re.compile(r"\bthen\b", re.IGNORECASE)
_ABOUT_THE_GAME = frozenset(
    [
        "save",
        "restore",
        "restart",
        "quit",
        "q",
        "script",
        "transcript",
        "unscript",
        "noscript",
        "verify",
        "undo",
        "record",
        "recording",
        "replay",
    ]
)
"""These would write files, leave the game or start it again behind the environment's back."""

_BANNER = re.compile(r"^[ _|\\/$<>]+\n", re.MULTILINE)
_STATUS = re.compile(r"\s*>?[ ]{20,}[^\n]*\Z|\n\s*>\s*\Z")
_TRACE = re.compile(r"\[[^\]]+\]\n?")
_ENDING = "Would you like to RESTART, RESTORE a saved game, QUIT or UNDO the last command?"


def plain(action: str) -> str | None:
    """The command to send: one line, one command, in letters that the game knows; `None` if it is refused.

    A full stop at the end is dropped. Several commands in one ("north. take coin") are refused: a turn is one
    command.
    """
    command = action[: 2 * LONGEST].strip().rstrip(".!").strip()
    words = command.lower().split(" ")
    if len(action) > 2 * LONGEST or len(command) > LONGEST or not _WORDS.fullmatch(command):
        return None
    if words[0] in _ABOUT_THE_GAME or words[0].startswith("tw-") or _CHAIN.search(command):
        return None
    return command


def told(feedback: str) -> str:
    """An answer without banner, prompt, status line and the question after the end; the words stay."""
    text = _STATUS.sub("", _TRACE.sub("", _BANNER.sub("", f"{feedback}")))
    lines = (line.rstrip() for line in text.replace(_ENDING, "").split("\n"))
    text = "\n".join(line.lstrip() if line.startswith(" " * 10) else line for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
