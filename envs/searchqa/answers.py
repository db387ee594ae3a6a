"""Exact match and F1 of a short answer, as SQuAD and HotpotQA compute them.

Rajpurkar et al. 2016 (arXiv 1606.05250) define both and the normalisation; Yang et al. 2018 (arXiv 1809.09600) add that
yes, no and noanswer match only themselves.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CLOSED = {"yes", "no", "noanswer"}


def normalised(text: str) -> str:
    """In small letters, without ASCII punctuation and articles, single spaces between words."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, accepted: Iterable[str]) -> bool:
    """Whether the answer equals one of the accepted ones after normalisation."""
    said = normalised(answer)
    return any(said == normalised(one) for one in accepted)


def f1(answer: str, accepted: Iterable[str]) -> float:
    """Harmonic mean of precision and recall of the words, the best over the accepted answers; in [0, 1]."""
    return max((_f1(normalised(answer), normalised(one)) for one in accepted), default=0.0)


def _f1(said: str, wanted: str) -> float:
    if said == wanted:
        return 1.0
    if said in _CLOSED or wanted in _CLOSED:
        return 0.0
    ours, theirs = Counter(said.split()), Counter(wanted.split())
    same = (ours & theirs).total()
    return 2 * same / (ours.total() + theirs.total()) if same else 0.0
