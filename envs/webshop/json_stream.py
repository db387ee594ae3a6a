"""Reads a JSON array or object an element at a time, so a file of gigabytes needs little memory.

What is damaged is named by file, element and line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from turngym.envs.webshop.products import CatalogueError

_CHUNK = 1 << 20
_LONGEST = 1 << 26
"""Characters of the longest element that is read before the file is called damaged."""
_BLANK = " \t\r\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element of the file and where it was found."""

    path: Path
    number: int
    """From 1."""
    line: int
    """From 1."""
    key: str
    """The name it has in the object; empty in an array."""
    text: str
    """As it is in the file."""
    value: Any

    @property
    def place(self) -> str:
        named = f" ({self.key!r})" if self.key else ""
        return f"{self.path}, record {self.number}{named}, line {self.line}"


def elements(path: Path) -> Iterator[Element]:
    """The elements of the array or the members of the object that is the whole file.

    Raises:
        CatalogueError: not UTF-8, not JSON, cut off, or something else than arrays and objects in an array or object.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8") as file:
        yield from _Reader(path, file).elements()


class _Reader:
    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file
        self._text, self._at, self._line, self._count = "", 0, 1, 0
        self._decode = json.JSONDecoder().raw_decode

    def elements(self) -> Iterator[Element]:
        opening = self._next()
        if opening not in ("[", "{"):
            raise self._damaged("it starts as no JSON array or object does")
        close = "]" if self._take() == "[" else "}"
        if self._next() != close:
            yield self._element(close)
            while self._next() == ",":
                self._take()
                yield self._element(close)
        if self._next() != close:
            raise self._damaged(
                f"there is no ',' or '{close}' behind it" if self._next() else "the file is cut off"
            )
        self._take()
        if self._next():
            raise self._damaged("the file goes on behind its end")

    def _element(self, close: str) -> Element:
        self._count += 1
        key = self._key() if close == "}" else ""
        if self._next() not in ("{", "["):
            raise self._damaged("it is no object or array, or cut off")
        line = self._line
        value, text = self._value()
        return Element(path=self._path, number=self._count, line=line, key=key, text=text, value=value)

    def _key(self) -> str:
        if self._next() != '"':
            raise self._damaged("it has no name, or is cut off")
        key, _ = self._value()
        if self._next() != ":":
            raise self._damaged("there is no ':' behind its name")
        self._take()
        return str(key)

    def _value(self) -> tuple[Any, str]:
        """The value that starts here, however many chunks it takes."""
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except ValueError as error:
                if len(self._text) - self._at > _LONGEST or not self._more(max(_CHUNK, len(self._text))):
                    raise self._damaged(
                        f"it is no JSON, or cut off ({getattr(error, 'msg', error)})"
                    ) from error
            else:
                text = self._text[self._at : end]
                self._line += text.count("\n")
                self._at = end
                return value, text

    def _next(self) -> str:
        """The next character that is no blank, not taken; empty at the end of the file."""
        while True:
            while self._at < len(self._text):
                if (char := self._text[self._at]) not in _BLANK:
                    return char
                self._line += char == "\n"
                self._at += 1
            if not self._more(_CHUNK):
                return ""

    def _take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _more(self, size: int) -> bool:
        """Reads on, and forgets what is behind."""
        try:
            chunk = self._file.read(size)
        except UnicodeDecodeError as error:
            raise self._damaged(f"the text is not UTF-8 ({error.reason})") from error
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)

    def _damaged(self, what: str) -> CatalogueError:
        where = f"record {self._count}, line {self._line}" if self._count else f"line {self._line}"
        return CatalogueError(f"{self._path} is damaged at {where}: {what}; get or make the file again")
