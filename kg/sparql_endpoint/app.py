"""The SPARQL 1.1 Protocol over HTTP, for reading only, with a query page: a Starlette application.

Source: https://www.w3.org/TR/sparql11-protocol/ (2.1 query operation) and https://www.w3.org/TR/sparql11-service-description/.
The page is YASGUI (npm @zazuko/yasgui 4.6.2, MIT, 1.1 MB), served from the package; a policy keeps it from other hosts.
Rejected: @triply/yasgui 4.2.28 (it carries jQuery 3.5 and DOMPurify 2.0 of 2020).

Rejected: Oxigraph's own server (`oxigraph serve-read-only` 0.5.13): no limit on memory or on the size of an answer, its
`--timeout-s 3` did not end a COUNT over a cross product in 30 seconds, SERVICE questions go out to other machines, it knows
none of the project's prefixes, and it goes on serving the store it opened. rdflib-endpoint: it evaluates a question in the
event loop of its server, where nothing can stop it and everybody else waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from kg.generations import state_version
from kg.sparql_endpoint.description import describe_service
from kg.sparql_endpoint.examples import Example
from kg.sparql_endpoint.media_types import GRAPH_TYPES, choose
from kg.sparql_endpoint.pool import Pool
from kg.sparql_endpoint.question import Answer, Limits, NoAnswerError, Question
from kg.sparql_endpoint.request import RequestError, read_question, refuse_other_sites
from pipeline.curies import PREFIXES
from pipeline.errors import MateriaError

__all__ = ["LOOPBACK", "VERSION_HEADER", "make_app"]

#: The names by which a browser may mean this machine. Any other is a page elsewhere whose name was pointed here.
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
VERSION_HEADER: Final = "Materia-Data-Version"
_PAGE: Final = Path(__file__).parent / "page"
_CHUNK: Final = 1 << 16
_LARGEST_HEAD: Final = 1 << 16
#: The page loads what this server sends and nothing else; YASGUI writes style attributes.
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
#: SPARQL 1.1 Protocol, 2.1.7, where it says something; the limits of the server are its own affair (503).
_STATUS: Final = {
    "malformed": 400,
    "refused": 403,
    "form": 406,
    "limit": 503,
    "busy": 503,
    "missing": 503,
    "failed": 500,
}


def make_app(
    store: Path,
    limits: Limits | None = None,
    *,
    hosts: Sequence[str] = LOOPBACK,
    any_origin: bool = False,
    examples: Sequence[Example] = (),
) -> Starlette:
    """The endpoint as an ASGI application: `/sparql`, `/health` and the query page at `/`.

    Args:
        store: folder of the store; it may be replaced by a build at any time.
        limits: what a question may cost.
        hosts: names by which it may be addressed (`*` for any), against DNS rebinding.
        any_origin: whether pages of other sites may ask (CORS).
        examples: questions the page offers.
    """
    pool = Pool(store, limits or Limits())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    async def sparql(request: Request) -> Response:
        try:
            if not any_origin:
                refuse_other_sites(request)
            question = await read_question(request)
            if question is None:
                return _description(request, store)
            return _send(await _ask_while_connected(pool, question, request))
        except RequestError as error:
            return _refusal(error.status, error)
        except NoAnswerError as error:
            return _refusal(_STATUS[error.reason], error, {"Retry-After": "1"} if error.reason == "busy" else {})
        except ClientDisconnect:
            return Response(status_code=499)  # nobody is there to read it
        except asyncio.CancelledError:
            return _refusal(503, RequestError(503, "the server was stopped", "Start it again"))

    def health(_: Request) -> Response:
        version = state_version(store)
        state = "ok" if version else "no index"
        figures = {"status": state, "data_version": version, "workers": pool.limits.workers, "idle": pool.idle}
        return JSONResponse(figures, status_code=200 if version else 503)

    def page(_: Request) -> Response:
        return FileResponse(_PAGE / "index.html", headers=_PAGE_HEADERS)

    def page_data(_: Request) -> Response:
        prefixes = dict(sorted(PREFIXES.items(), key=lambda item: -len(item[1])))  # the page takes the first that fits
        asked = [{"question": example.question, "sparql": example.sparql} for example in examples]
        limit = {"seconds": pool.limits.timeout_s, "answer_mib": pool.limits.answer_mib}
        data = {"prefixes": prefixes, "examples": asked, "data_version": state_version(store), "limits": limit}
        return JSONResponse(data)

    middleware = [
        Middleware(_SmallHeads),
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
    ]
    if any_origin:
        middleware.append(
            Middleware(
                CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], expose_headers=[VERSION_HEADER]
            )
        )
    routes = [
        Route("/sparql", sparql, methods=["GET", "POST"]),
        Route("/health", health),
        Route("/page.json", page_data),
        Route("/", page),
        Mount("/page", _PageFiles(directory=_PAGE)),
    ]
    return Starlette(routes=routes, middleware=middleware, lifespan=lifespan)


class _SmallHeads:
    """Refuses a request whose head is larger than 64 KiB.

    uvicorn bounds a head that is still incomplete when it looks, so one that arrives in a single piece would pass.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http":
            fields = sum(len(name) + len(value) for name, value in scope["headers"])
            if fields + len(scope["query_string"]) + len(scope["raw_path"]) > _LARGEST_HEAD:
                app = _refusal(431, RequestError(431, "the head of the request is too large", "Ask with POST"))
        await app(scope, receive, send)


class _PageFiles(StaticFiles):
    """The parts of the query page."""

    def file_response(self, *words: Any, **named: Any) -> Response:
        response = super().file_response(*words, **named)
        response.headers.update(_PAGE_HEADERS)
        return response


async def _ask_while_connected(pool: Pool, question: Question, request: Request) -> Answer:
    """The answer; where the client goes away first, its question is stopped and ClientDisconnect raised."""
    asking = asyncio.create_task(pool.ask(question))
    leaving = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise ClientDisconnect
        return asking.result()
    finally:
        for task in (asking, leaving):
            task.cancel()
        await asyncio.gather(asking, leaving, return_exceptions=True)


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _send(answer: Answer) -> Response:
    text = answer.media_type.startswith("text/")
    headers = {
        "Content-Type": f"{answer.media_type}; charset=utf-8" if text else answer.media_type,
        VERSION_HEADER: answer.version,
        "Vary": "Accept",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if answer.size <= _CHUNK:
        with answer.body as body:
            return Response(body.read(), headers=headers)

    def chunks() -> Iterator[bytes]:
        with answer.body as body:
            while chunk := body.read(_CHUNK):
                yield chunk

    return StreamingResponse(chunks(), headers=headers | {"Content-Length": str(answer.size)})


def _description(request: Request, store: Path) -> Response:
    accept = ",".join(request.headers.getlist("accept"))
    media_type = choose(accept, (*GRAPH_TYPES, "text/html"))
    if media_type == "text/html":
        return RedirectResponse("/", status_code=303)
    if media_type is None:
        raise RequestError(406, "the description has no such form", f"Accept one of {', '.join(GRAPH_TYPES)}")
    endpoint = str(request.url.replace(query="", fragment=""))
    try:
        text = describe_service(endpoint, media_type)
    except ValueError as error:
        raise RequestError(400, "the Host header gives no IRI", "Send the address of this server") from error
    headers = {VERSION_HEADER: state_version(store) or "", "Vary": "Accept"}
    return Response(text, media_type=media_type, headers=headers)


def _refusal(status: int, error: MateriaError, headers: dict[str, str] | None = None) -> Response:
    plain = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(f"{error}\n", status, plain | (headers or {}), "text/plain")
