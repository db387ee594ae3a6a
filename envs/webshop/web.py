"""The shop in a browser: `turngym serve webshop`. The same pages, turns and score as the text environment.

Every turn is an action of the text environment, sent by a plain form and taken by the same `Shop`, so a person,
a browser agent and a text agent play the same episodes. Needs the extra `serve`.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import jinja2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from turngym.core.errors import UserError
from turngym.envs.serving import check_open, is_loopback, running, serve_until_interrupted
from turngym.envs.tasks import UnknownTask
from turngym.envs.webshop.doorman import Doorman
from turngym.envs.webshop.forms import Refused, action, fields
from turngym.envs.webshop.goals import Goal
from turngym.envs.webshop.layout import layout
from turngym.envs.webshop.session import Shop
from turngym.envs.webshop.splits import Tasks
from turngym.envs.webshop.store import Catalogue, catalogue
from turngym.envs.webshop.visits import ShopFull, Visit, Visits

SPARE = 64
"""Connections that are taken beside one for every visit."""

_TEMPLATES = Path(__file__).parent / "templates"


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    data: Path | str | None = None,
    goals: str = "synthetic",
    split: str = "train",
    token: str | None = None,
    visits: int = 200,
    idle: float = 1800.0,
) -> None:
    """Serve the shop until Ctrl-C; the arguments are those of `serving`."""
    with serving(
        host, port, data=data, goals=goals, split=split, token=token, visits=visits, idle=idle
    ) as url:
        serve_until_interrupted(f"WebShop at {url} ({visits} visits at a time)")


@contextlib.contextmanager
def serving(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    data: Path | str | None = None,
    goals: str = "synthetic",
    split: str = "train",
    token: str | None = None,
    visits: int = 200,
    idle: float = 1800.0,
) -> Iterator[str]:
    """Serve the shop in a thread, and tell its address.

    host, port: where to listen; port 0 takes a free one.
    data, goals, split: the catalogue and the tasks, as the environment `turngym/WebShop-v0` takes them.
    token: what a visitor has to show, once as `?token=...` or always as `Authorization: Bearer ...`. Required
        where `host` is not this machine alone.
    visits: how many episodes are under way at a time; who comes then is told that there is no room.
    idle: seconds after which a visit ends that nobody looks at.

    Raises:
        PrerequisiteError: an open host without a token, a port that is taken, files that are missing.
        UserError: files that cannot be read, a split without goals.
    """
    check_open(host, token)
    shop = catalogue(None if data is None else Path(data))
    tasks = shop.tasks(goals, split, "goal")
    if not len(tasks):
        raise UserError(
            f"the catalogue has no {goals} goals in split {split!r}: choose another split or other goals"
        )
    application = app(
        shop,
        tasks,
        token=token,
        visits=Visits(visits, idle),
        hosts=("localhost", "127.0.0.1", "::1", host) if is_loopback(host) else (),
    )
    with running(application, host, port, limit=visits + SPARE) as url:
        yield url


def app(
    catalogue: Catalogue,
    tasks: Tasks,
    *,
    visits: Visits,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
) -> Starlette:
    """The shop as an ASGI application; see `serving`.

    hosts: the names under which it may be asked for; any if there are none.
    """
    house = _House(catalogue, tasks, visits)
    routes = [
        Route("/", house.welcome),
        Route("/start", house.start, methods=["POST"]),
        Route("/task/{id}", house.task),
        Route("/visit/{id}", house.show),
        Route("/visit/{id}", house.act, methods=["POST"]),
        Route("/shop.css", house.style),
    ]
    guard = Middleware(BaseHTTPMiddleware, dispatch=Doorman(token, hosts))
    handlers = {Refused: house.refuse, 404: house.nowhere, 405: house.nowhere}
    application = Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)
    application.router.redirect_slashes = False
    return application


class _House:
    """The pages, one method a route."""

    def __init__(self, catalogue: Catalogue, tasks: Tasks, visits: Visits) -> None:
        self._catalogue, self._tasks, self._visits = catalogue, tasks, visits
        self._shop = Shop(catalogue)
        loader = jinja2.FileSystemLoader(_TEMPLATES)
        self._templates = jinja2.Environment(
            loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._css = (_TEMPLATES / "shop.css").read_text(encoding="utf-8")

    async def welcome(self, request: Request) -> Response:
        """What this is, and the way in."""
        products, tasks = len(self._catalogue), len(self._tasks)
        return self._page("welcome.html", products=products, tasks=tasks, example=self._drawn().id)

    async def start(self, request: Request) -> Response:
        """A new visit: with the task that the form names, else with one that is drawn."""
        task = (await fields(request)).get("task", "").strip()
        return self._begin(self._goal(task) if task else self._drawn())

    async def task(self, request: Request) -> Response:
        """A new visit with the task of this address."""
        return self._begin(self._goal(request.path_params["id"]))

    async def show(self, request: Request) -> Response:
        """The page where the visit is; `?view=text` and `?view=rich` are what the text environment says."""
        visit = self._visit(request)
        page, view = visit.session.page, request.query_params.get("view")
        if view in ("text", "rich"):
            return PlainTextResponse(page.text if view == "text" else page.text_rich)
        return self._page(
            "shop.html",
            visit=visit,
            address=_address(request.path_params["id"]),
            stale="stale" in request.query_params,
            **layout(visit.session, self._catalogue),
        )

    async def act(self, request: Request) -> Response:
        """One turn, unless the form is from a page that was left since; then the page where the visit is."""
        form, visit = await fields(request), self._visit(request)
        where = _address(request.path_params["id"])
        if form.get("turn") != str(visit.turn):
            return RedirectResponse(f"{where}?stale", 303)
        visit.session = self._shop.act(visit.session, action(form))
        visit.turn += 1
        return RedirectResponse(where, 303)

    async def style(self, request: Request) -> Response:
        """How it looks."""
        return Response(self._css, media_type="text/css")

    async def refuse(self, request: Request, error: Exception) -> Response:
        """One sentence, and the way back."""
        assert isinstance(error, Refused), "registered for nothing else"
        return self._page("refusal.html", error.status, sentence=error.sentence)

    async def nowhere(self, request: Request, error: Exception) -> Response:
        """No such page."""
        return self._page("refusal.html", 404, sentence="There is no such page in this shop.")

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(**values), status)

    def _begin(self, goal: Goal) -> Response:
        try:
            id = self._visits.begin(self._shop.start(goal))
        except ShopFull as error:
            raise Refused(503, _sentence(error)) from error
        return RedirectResponse(_address(id), 303)

    def _visit(self, request: Request) -> Visit:
        if visit := self._visits.find(request.path_params["id"]):
            return visit
        raise Refused(404, "This visit is over or never was: start another one.")

    def _drawn(self) -> Goal:
        return self._tasks.goal(secrets.randbelow(len(self._tasks)))

    def _goal(self, task: str) -> Goal:
        """The task of an id or an index."""
        is_index = task.isascii() and task.isdecimal() and len(task) < 10
        try:
            return self._tasks.find(int(task) if is_index else task)
        except UnknownTask as error:
            raise Refused(404, _sentence(error)) from error


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _address(id: str) -> str:
    return f"/visit/{quote(id, safe='')}"
