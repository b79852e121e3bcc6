"""The question in a request, in the three ways of the SPARQL 1.1 Protocol.

Source: https://www.w3.org/TR/sparql11-protocol/, 2.1.1 to 2.1.4: GET with `query`, POST of a form, POST of the query itself.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from kg.sparql_endpoint.media_types import GRAPH_TYPES, RESULT_TYPES, choose
from kg.sparql_endpoint.question import Question
from pipeline.errors import MateriaError

__all__ = ["RequestError", "read_question", "refuse_other_sites"]

_MOST_QUERY_BYTES: Final = 1 << 20


class RequestError(MateriaError):
    """A request that asks no question this endpoint could answer, with the HTTP status that says so."""

    def __init__(self, status: int, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy=remedy)
        self.status = status


def refuse_other_sites(request: Request) -> None:
    """Raise RequestError where a browser says that a page of another site asks: it could not read, but it could load us."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise RequestError(403, "a page of another site asks", "Serve with --any-origin, or ask from here")


async def read_question(request: Request) -> Question | None:
    """The question of a request in one of the three ways of the protocol; None where there is none to a GET.

    Raises:
        RequestError: the request asks for an update, asks nothing, asks twice, or cannot be read.
    """
    fields = _fields(request.scope["query_string"])
    if request.method == "POST":
        media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
        charset = parameters.partition("charset=")[2].strip(' "')
        if request.headers.get("content-encoding", "identity") != "identity" or charset not in ("", "utf-8"):
            raise RequestError(415, "the body is not plain UTF-8", "Send it as UTF-8, not compressed")
        match media_type.strip():
            case "application/x-www-form-urlencoded":
                fields = _fields(await _body(request))
            case "application/sparql-query":
                fields.append(("query", _text(await _body(request))))
            case "application/sparql-update":
                fields.append(("update", ""))
            case other:
                raise RequestError(
                    415, f"the body is {other or 'of no type'}", "Send a form, or application/sparql-query"
                )
    if any(name == "update" for name, _ in fields):
        raise RequestError(403, "this endpoint changes nothing", "Ask with query=")
    queries = [value for name, value in fields if name == "query"]
    if not queries and request.method in ("GET", "HEAD"):
        return None
    if len(queries) != 1:
        raise RequestError(400, f"the request asks {len(queries)} questions", "Send query= once")
    accept = ",".join(request.headers.getlist("accept"))
    return Question(
        queries[0],
        choose(accept, RESULT_TYPES),
        choose(accept, GRAPH_TYPES),
        tuple(value for name, value in fields if name == "default-graph-uri"),
        tuple(value for name, value in fields if name == "named-graph-uri"),
    )


def _fields(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise RequestError(400, "the fields of the request cannot be read", "Encode them as URLs do") from error


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(400, f"the query is not UTF-8 (byte {error.start})", "Send it as UTF-8") from error


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_QUERY_BYTES:
            raise RequestError(413, f"the query has more than {_MOST_QUERY_BYTES >> 20} MiB", "Ask a shorter one")
    return bytes(body)
