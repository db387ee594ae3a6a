"""Text to search words, as Lucene's English analysis makes them: tokens, no stop words, stems.

Tokens follow Unicode's word boundaries (UAX 29) as Lucene's StandardTokenizer does: letters and digits hold
together, also across `.`, `'` and `:` between letters and `.`, `,` and `;` between digits; an ideograph or an
emoji is a token of its own; everything else parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from turngym.envs.webshop.porter import stem

LONGEST = 255
"""Letters after which a token is broken."""

_STOP_WORDS = """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these
    they this to was will with
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}\N{FULLWIDTH APOSTROPHE}"

# Between letters, between digits, and between both.
_MID_LETTER = ":\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a"
_MID_NUMBER = ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b"
_MID_BOTH = "'.\u2018\u2019\u2024\ufe52\uff07\uff0e"

# What Python's `unicodedata` does not tell: scripts, and emoji (Extended_Pictographic of Unicode 12.1 without
# copyright, registered and trade mark signs). First and last character of each range.
_HAN = "2e80-2fd5 3005-3005 3007-3007 3021-3029 3038-303b 3400-4dbf 4e00-9fff f900-faff 20000-3fffd"
_HIRAGANA = "3041-3096 309d-309f 1b001-1b11e 1f200-1f200"
_KATAKANA = "3031-3035 309b-309c 30a0-30fa 30fc-30ff 31f0-31ff 32d0-32fe 3300-3357 ff66-ff9d 1b000-1b000"
_COMPLEX = """
    e01-e3a e40-e4e e81-eb9 ebb-ec9 edc-edf 1000-103f 1050-108f 109a-109f 1780-17d3 17d7-17d7 17dc-17dd
    1950-1974 1980-19c9 1a20-1aad aa60-aac2 aadb-aadf
"""
_CIRCLED = "24b6-24e9 1f130-1f149 1f150-1f169 1f170-1f189"
_EMOJI = """
    203c-203c 2049-2049 2139-2139 2194-2199 21a9-21aa 231a-231b 2328-2328 2388-2388 23cf-23cf 23e9-23f3
    23f8-23fa 24c2-24c2 25aa-25ab 25b6-25b6 25c0-25c0 25fb-25fe 2600-2605 2607-2612 2614-2685 2690-2705
    2708-2712 2714-2714 2716-2716 271d-271d 2721-2721 2728-2728 2733-2734 2744-2744 2747-2747 274c-274c
    274e-274e 2753-2755 2757-2757 2763-2767 2795-2797 27a1-27a1 27b0-27b0 27bf-27bf 2934-2935 2b05-2b07
    2b1b-2b1c 2b50-2b50 2b55-2b55 3297-3297 3299-3299 1f000-1f0ff 1f10d-1f10f 1f12f-1f12f 1f16c-1f171
    1f17e-1f17f 1f18e-1f18e 1f191-1f19a 1f1ad-1f1e5 1f201-1f20f 1f21a-1f21a 1f22f-1f22f 1f232-1f23a
    1f23c-1f23f 1f249-1f3fa 1f400-1f53d 1f546-1f64f 1f680-1f6ff 1f774-1f77f 1f7d5-1f7ff 1f80c-1f80f
    1f848-1f84f 1f85a-1f85f 1f888-1f88f 1f8ae-1f8ff 1f90c-1f93a 1f93c-1f945 1f947-1fffd
"""
_MODIFIERS = "1f3fb-1f3ff"
_FLAGS = "1f1e6-1f1ff"


def words(text: str) -> list[str]:
    """The search words of a text, in order, with repeats."""
    return [stem(token) for token in map(_bare, _tokens(text.lower())) if token not in STOP_WORDS]


def _bare(token: str) -> str:
    """Without a possessive 's."""
    return token[:-2] if token.endswith("s") and token[-2:-1] in _APOSTROPHES and len(token) > 1 else token


def _tokens(text: str) -> Iterator[str]:
    pattern = _ASCII if text.isascii() else _unicode()
    for token in pattern.findall(text):
        yield from (token[at : at + LONGEST] for at in range(0, len(token), LONGEST))


def _pattern(letter: str, digit: str, kana: str, mid: tuple[str, str], joint: str, rest: str = "") -> str:
    """A word of letters and digits, or of kana; `joint` holds any of them together."""
    letters = f"{letter}+(?:{mid[0]}{letter}+)*"
    digits = f"{digit}+(?:{mid[1]}{digit}+)*"
    part = f"(?:(?:{letters}|{digits})+{f'|{kana}+' if kana else ''})"
    return f"{joint}*{part}(?:{joint}+{part})*{joint}*{rest}"


_ASCII = re.compile(_pattern("[a-z]", "[0-9]", "", ("[.:']", "[.,;']"), "_"))


@cache
def _unicode() -> re.Pattern[str]:
    """The pattern for all of Unicode, compiled when a text needs it."""
    classes = _classes()
    extend = f"(?:{_set(classes['extend'])})*"
    letter, digit, joint = (f"(?:{_set(classes[name])}{extend})" for name in ("letter", "digit", "joint"))
    kana, han, hiragana, complex_ = (
        f"(?:[{_ranges(ranges)}]{extend})" for ranges in (_KATAKANA, _HAN, _HIRAGANA, _COMPLEX)
    )
    mid_letter = f"(?:[{_MID_LETTER}{_MID_BOTH}]{extend})"
    mid_digit = f"(?:[{_MID_NUMBER}{_MID_BOTH}]{extend})"
    modifier, flag = (f"[{_ranges(ranges)}]{extend}" for ranges in (_MODIFIERS, _FLAGS))
    picture = f"[{_ranges(_EMOJI)}]{extend}(?:{modifier})?"
    emoji = f"\u200d*{picture}(?:(?<=\u200d){picture})*|{modifier}|(?:{flag}){{2}}"
    word = _pattern(letter, digit, kana, (mid_letter, mid_digit), joint)
    return re.compile(f"{emoji}|{word}|{complex_}+|{han}|{hiragana}")


def _classes() -> dict[str, list[int]]:
    """The characters that Unicode's categories decide about, by the part they play in a word."""
    scripts = " ".join((_HAN, _HIRAGANA, _KATAKANA, _COMPLEX, _EMOJI, _MODIFIERS, _FLAGS))
    apart = {*_members(scripts)}
    found = defaultdict(list, letter=[*_members(_CIRCLED)])
    for code in range(0x20000):
        part = _PARTS.get(unicodedata.category(chr(code)))
        if part and (code not in apart or part == "extend"):
            found[part].append(code)
    return found


_PARTS = (
    dict.fromkeys(("Lu", "Ll", "Lt", "Lm", "Lo", "Nl"), "letter")
    | dict.fromkeys(("Mn", "Me", "Mc", "Cf"), "extend")
    | {"Nd": "digit", "Pc": "joint"}
)


def _set(codes: list[int]) -> str:
    """A character class of these characters, neighbours written as a range."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in spans) + "]"


def _members(text: str) -> Iterator[int]:
    return (code for first, last in _pairs(text) for code in range(first, last + 1))


def _ranges(text: str) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _pairs(text))


def _pairs(text: str) -> list[tuple[int, int]]:
    return [(int(first, 16), int(last, 16)) for first, last in (pair.split("-") for pair in text.split())]
