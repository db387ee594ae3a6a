"""How alike two phrases are, whatever the order of their words: the token-set ratio, from 0 to 100.

Equal to `token_set_ratio` of thefuzz 0.20 and later, which WebShop's reward is made of.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz import fuzz

_BREAK = re.compile(r"[\W_]")
# Letter for letter, where `str.lower` looks at the neighbours or makes two of one.
_PREPARE = dict.fromkeys(range(128, 256)) | str.maketrans("İΣ", "iσ")


@lru_cache(maxsize=65_536)
def token_set_ratio(one: str, other: str) -> int:
    """100 where the words of one phrase are among those of the other; 0 where either has no word.

    The texts are lower-cased; characters 128 to 255 are dropped.
    """
    return round(fuzz.token_set_ratio(_prepared(one), _prepared(other)))


def _prepared(text: str) -> str:
    return _BREAK.sub(" ", text.translate(_PREPARE)).lower()
