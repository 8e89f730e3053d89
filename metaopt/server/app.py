"""The application: pages, their changes and events; all read-only, and nothing outside of the studies."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metaopt.report.page.html import PLOTLY, SCRIPTS, STYLES, asset, policy, served, to_json
from metaopt.server.catalogue import Catalogue
from metaopt.server.feed import StudyFeed
from metaopt.server.overview import Overview
from metaopt.values.json_values import dump_json

EVENT_S = 1.0
"""Seconds between two looks for changes, which a browser is told of."""

_LIVE, _OVERVIEW = "live.js", "overview.js"
_STATIC = {
    **dict.fromkeys((*SCRIPTS, PLOTLY, _LIVE, _OVERVIEW), "text/javascript"),
    STYLES: "text/css",
}
_SELF = "'self'"
_RECORD = re.compile(r"[\w.]+_(\d{6,})\.json")
_HEADERS = {
    "Content-Security-Policy": f"{policy(_SELF, _SELF, _SELF)}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def make_app(catalogue: Catalogue, hosts: Sequence[str]) -> Starlette:
    """Return the application.

    Args:
        catalogue: the studies.
        hosts: names under which a browser may ask: another one is a page of a stranger that was made to point here.
    """
    views = Views(catalogue)
    routes = [
        Route("/", views.start),
        Route("/overview", views.overview),
        Route("/studies/{slug}/", views.page),
        Route("/studies/{slug}/changes", views.changes),
        Route("/studies/{slug}/events", views.events),
        Route("/studies/{slug}/records/{name}", views.record),
        Route("/static/{name}", views.static),
    ]
    middleware = [
        Middleware(SafeHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        Middleware(GZipMiddleware, compresslevel=1),
    ]
    return Starlette(routes=routes, middleware=middleware)


class Views:
    """The answers to requests."""

    def __init__(self, catalogue: Catalogue):
        self._catalogue = catalogue
        self._overview = Overview()

    async def start(self, _: Request) -> Response:
        """The overview, or the page of the only study."""
        if self._catalogue.is_single:
            (feed,) = self._catalogue.feeds()
            return RedirectResponse(f"studies/{feed.slug}/")
        return HTMLResponse(served("Studies", "static/", (PLOTLY, *_without_page(SCRIPTS), _OVERVIEW)))

    async def overview(self, _: Request) -> Response:
        """The document of the overview."""
        return _json(await run_in_threadpool(lambda: to_json(self._overview.document(self._catalogue.feeds()))))

    async def page(self, request: Request) -> Response:
        """The page of a study, which asks for its content itself."""
        feed = self._feed(request)
        back = "" if self._catalogue.is_single else '<p class="note"><a href="../../">All studies</a></p>'
        return HTMLResponse(served(feed.slug, "../../static/", (PLOTLY, *SCRIPTS, _LIVE), back))

    async def changes(self, request: Request) -> Response:
        """Return the changes in the page of a study."""
        feed = self._feed(request)
        since, generation = (_count(request.query_params.get(name, "0")) for name in ("since", "generation"))
        return _json(await run_in_threadpool(feed.changes, since, generation))

    async def events(self, request: Request) -> Response:
        """A stream of server-sent events: the version of the page, each time that it changes."""
        feed = self._feed(request)

        async def stream() -> AsyncIterator[str]:
            last = -1
            while True:
                version = await run_in_threadpool(feed.version)
                # A comment keeps the connection open, and shows when the browser is gone.
                yield f"data: {version}\n\n" if version != last else ": \n\n"
                last = version
                await asyncio.sleep(EVENT_S)

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def record(self, request: Request) -> Response:
        """The record of a trial, from memory: no file is read by a name in an address."""
        feed, match = self._feed(request), _RECORD.fullmatch(request.path_params["name"])
        record = None if match is None else await run_in_threadpool(feed.record, int(match[1]))
        if record is None:
            raise HTTPException(404)
        return Response(dump_json(record.to_json(), indent=1), media_type="application/json")

    async def static(self, request: Request) -> Response:
        """A script or the styles, by name."""
        name = request.path_params["name"]
        if name not in _STATIC:
            raise HTTPException(404)
        return Response(asset(name), media_type=_STATIC[name], headers={"Cache-Control": "max-age=60"})

    def _feed(self, request: Request) -> StudyFeed:
        feed = self._catalogue.find(request.path_params["slug"])
        if feed is None:
            raise HTTPException(404)
        return feed


class SafeHeaders:
    """Adds headers to every answer that keep a browser from running or embedding anything else."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _without_page(scripts: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in scripts if name in ("dom.js", "theme.js", "figures.js"))


def _count(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else 0


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
