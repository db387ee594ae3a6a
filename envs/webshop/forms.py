"""The forms that a browser sends: bounded in size and time."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

LONGEST = 16_384
"""Bytes of the longest request body that is taken."""

PATIENCE = 10.0
"""Seconds in which a request's body has to arrive."""


class Refused(Exception):
    """A request that is answered with a status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status, self.sentence = status, sentence


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form that a browser sent, the last of each name."""
    text = (await _body(request)).decode("utf-8", "replace")
    try:
        fields = parse_qs(text, max_num_fields=10, keep_blank_values=True)
    except ValueError:
        raise Refused(400, "That form has more fields than any of this shop.") from None
    return {name: values[-1] for name, values in fields.items()}


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LONGEST:
                    raise Refused(413, f"That is over the limit of {LONGEST} bytes.")
    except (TimeoutError, ClientDisconnect):
        raise Refused(408, "The request did not arrive in time.") from None
    return bytes(body)


def action(form: dict[str, str]) -> str:
    """The text environment's action; brackets in a search would end it, and no product is found by them."""
    if form.get("action") != "search":
        return form.get("action", "")
    return f"search[{form.get('words', '').translate(str.maketrans('[]', '  '))}]"
