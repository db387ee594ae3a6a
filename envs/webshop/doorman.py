"""Who may come into the shop in a browser, and what every answer carries."""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

COOKIE = "turngym_token"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Next = Callable[[Request], Awaitable[Response]]


class Doorman:
    """Lets in who asks under a known name and shows the token, if there is one.

    hosts: the names under which the shop may be asked for; any if there are none. A page of another site could
        otherwise point a name of its own at a shop on this machine (DNS rebinding).
    """

    def __init__(self, token: str | None, hosts: tuple[str, ...]) -> None:
        self._token, self._hosts = token, hosts

    async def __call__(self, request: Request, following: Next) -> Response:
        response = await self._answer(request, following)
        response.headers.update(HEADERS)
        return response

    async def _answer(self, request: Request, following: Next) -> Response:
        if self._hosts and _host(request) not in self._hosts:
            return PlainTextResponse("this shop is not known under that name", 421)
        if self._token is None or self._knows(_shown(request)):
            return await following(request)
        if self._knows(request.query_params.get("token", "")):
            return self._let_in(request)
        return PlainTextResponse("this shop asks for a token: add ?token=TOKEN to its address", 401)

    def _knows(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), (self._token or "").encode())

    def _let_in(self, request: Request) -> Response:
        """Once more without the token in the address, which is now in a cookie."""
        here = "/" + quote(request.scope["path"]).lstrip("/")  # two slashes would lead to another site
        response = RedirectResponse(here, 303)
        response.set_cookie(COOKIE, self._token or "", httponly=True, samesite="strict")
        return response


def _host(request: Request) -> str:
    """The name under which the shop is asked for, without the port."""
    return re.sub(r":\d*$", "", request.headers.get("host", "")).strip("[]")


def _shown(request: Request) -> str:
    """The token in the header or the cookie."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
