"""A tau-bench instruction as a script: who the user is and what the user wants, told in the first person."""

from __future__ import annotations

import re

from turngym.envs.tools.database import Record
from turngym.envs.tools.domain import Fact, Script

IDENTITY = frozenset({"name", "zip", "email", "identity", "identify", "authenticate", "verify", "user", "id"})
"""What an agent asks for that wants to know who the user is."""

_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-Z'\"#(])")
_WHO = re.compile(
    r"^You(?:r|'re)? (?:name|user id|email)|^You are (?:[A-Z]\w+ [A-Z]\w+|\w+_\w+_\d+)|zip code is"
)
_AND_WANTS = re.compile(
    r",? and (?=you (?:want|wish|would like|need|just|received|ordered|have))", re.IGNORECASE
)
_MANNER = re.compile(
    r"^(?:you are|you're|you seem|you like to|you tend to|you do not want to reveal|be |try to |act |make sure |"
    r"do not |don't |your personality|you will not say|you only )"
    r"(?!.*(?:#W\d|order|return|cancel|exchange|flight|reservation|refund|modif|want|need|willing|fine with))"
    r"|reactive to the agent|detail-oriented|things? (?:in pieces|at a time)|private person|paraphrase"
    r"|briefly mention",
    re.IGNORECASE,
)  # fmt: skip
_TELLING = re.compile(
    r"^(?:mention|insist|say|emphasi[sz]e|explain|complain|make sure to mention) that ", re.IGNORECASE
)
_SECRET = re.compile(r" ?\([^)]*\b(?:reveal|mention)[^)]*\)", re.IGNORECASE)
_CONDITION = re.compile(r"^if (?:and only if )?the agent ([^,]+), (?:then )?(.+)", re.IGNORECASE | re.DOTALL)
_QUALIFIER = re.compile(
    r"^(?:if|but|you prefer|you'd prefer|you are (?:fine|willing|happy)|you do not|you don't|\()", re.I
)
_FIRST_PERSON = [
    (re.compile(pattern, re.IGNORECASE), word)
    for pattern, word in (
        (r"^you name is\b", "My name is"),
        (r"\byou are\b", "I am"),
        (r"\byou're\b", "I'm"),
        (r"\byou've\b", "I've"),
        (r"\byou'd\b", "I'd"),
        (r"\byou'll\b", "I'll"),
        (r"\byourself\b", "myself"),
        (r"\byours\b", "mine"),
        (r"\byour\b", "my"),
        (r"(?<=\b(?:to|of) )you\b", "me"),
        (r"(\b(?:for|with|asks?|helps?|gives?|tells?|lets?|offers?|charges?|about) )you\b", r"\1me"),
        (r"\byou\b", "I"),
        (r"\b(?:the|an) agent\b", "you"),
    )
]  # fmt: skip


def script_of(instruction: str, user: Record | None) -> Script:
    """The script of a user with this instruction and this record.

    Wishes are told in order, each with the preferences that follow it. Who the user is, and what holds only
    if the agent asks or says something, is kept for that; how the user behaves is left out.
    """
    sentences = [
        part for sentence in _SENTENCE.split(instruction.strip()) for part in _AND_WANTS.split(sentence)
    ]
    who = [part for part in sentences if _WHO.search(part)]
    said = [part for part in sentences if part not in who and part.strip() and not _MANNER.search(part)]
    conditions = [found for part in said if (found := _CONDITION.match(part))]
    wishes = _wishes([part for part in said if not _CONDITION.match(part)])
    facts = [Fact(words=IDENTITY, text=_introduction(who, user))]
    facts += [Fact(words=_words(found[1]), text=first_person(found[2])) for found in conditions]
    facts += [Fact(words=_words(wish), text=wish) for wish in wishes]
    second = [first_person(found[2]) for found in conditions if "confirm" in found[1].lower()]
    return Script(wishes=tuple(wishes) or ("Hello.",), facts=tuple(facts), second_thought="".join(second[:1]))


def _wishes(sentences: list[str]) -> list[str]:
    """What to say one after another: a preference goes with the wish before it."""
    wishes: list[str] = []
    for sentence in sentences:
        if wishes and _QUALIFIER.match(sentence):
            wishes[-1] += f" {first_person(sentence)}"
        else:
            wishes.append(first_person(sentence))
    return wishes


def first_person(sentence: str) -> str:
    """What is written to the user, as the user says it."""
    sentence = _SECRET.sub("", _TELLING.sub("", sentence.strip()))
    for pattern, word in _FIRST_PERSON:
        sentence = pattern.sub(word, sentence)
    return sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "!", "?", ";")) else ".")


def _introduction(who: list[str], user: Record | None) -> str:
    if who:
        return " ".join(map(first_person, who))
    if user is None:
        return "I do not remember."
    name = user["name"]
    return f"My name is {name['first_name']} {name['last_name']} and my zip code is {user['address']['zip']}."


_COMMON = frozenset(
    re.findall(
        "[a-z]+",
        """
        a about all also an and any are as at be but by can could do does for from had has have help how i if in
        is it its like may me more my no not of on one only or other our please same so some than that the their
        them then there these they this to up us want was we were what when which who will with would yes you your
        """,
    )
)


def _words(sentence: str) -> frozenset[str]:
    """The words by which a question is known to be about this."""
    words = re.findall("[a-z]+", sentence.lower())
    return frozenset(word for word in words if len(word) > 2) - _COMMON - IDENTITY
