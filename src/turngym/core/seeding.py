"""Seeds that follow from what they are for, so a resumed run needs no generator state."""

from __future__ import annotations

import hashlib


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on the parts, their order and their types, and on nothing else.

    Equal on every machine and in every process (strings go through SHA-256, never through `hash()`).
    """
    text = "".join(
        f"{type(part).__name__}{len(str(part))}:{part}" for part in parts
    )  # lengths keep parts apart
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1
