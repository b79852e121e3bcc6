"""The graph in a SPARQL 1.1 server of the user's instead of the index in the home: filled by difference, asked over HTTP.

Nothing is used but the SPARQL 1.1 Protocol and SPARQL 1.1 Update, so that any server will do. Statements travel as INSERT
DATA and DELETE DATA in batches; both do the same when they are repeated, so a request without an answer is sent again (with
growing pauses, half a minute together, and each try as long as the server may be silent), and a load that was killed is taken
up by the next one. What a server may hold is kept beside the home as N-Quads: the last state that was reached, and every one
that was begun after it; the server itself says which it is (`kg.server_mark`). A reader may see a load half done, because no
protocol has a transaction of several requests.

Credentials come from the environment and from nowhere else: MATERIA_SPARQL_USER and MATERIA_SPARQL_PASSWORD.
Rejected: the Graph Store HTTP Protocol (it loads a graph, and here each document is one), rdflib's SPARQLUpdateStore (it
sends each batch as it is told and hides what the server answered; its SPARQLStore is what readers get, with our HTTP below).

Protocol: https://www.w3.org/TR/sparql11-protocol/
"""

from __future__ import annotations

import os
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit

from pipeline.errors import MateriaError

__all__ = ["SparqlServer", "update_blocks"]

#: Bytes of N-Quads in one request.
_BATCH: Final = 1 << 20
_RESULTS: Final = "application/sparql-results+json, application/n-triples;q=0.9"

#: Subject, predicate and object of a canonical N-Quad; then its graph.
_NAMED: Final = re.compile(
    rb'^(<[^>]*> <[^>]*> (?:<[^>]*>|"(?:[^"\\]|\\.)*"(?:@[A-Za-z0-9-]+|\^\^<[^>]*>)?)) (<[^>]*>) \.$', re.MULTILINE
)


#: Too many requests, a gateway without a server behind it, a server that starts or stops.
_PASSING_CODES: Final = (429, 502, 503, 504)


class _PassingError(MateriaError):
    """Something that may be over in a moment: no answer, a connection that breaks, a server that is just starting."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection is an error: credentials and statements go to the server that the user named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class SparqlServer:
    """A SPARQL 1.1 server.

    Attributes:
        query_url: where it answers queries.
        update_url: where it takes updates.
        timeout_s: seconds of silence after which a request is given up.
        pauses_s: seconds between tries of an update, and of a question that an update rests on.
    """

    query_url: str
    update_url: str

    timeout_s: float = 60
    pauses_s: tuple[float, ...] = (0.5, 1, 2, 4, 8, 16)

    def rdflib_store(self) -> Any:
        """The server as a store of rdflib, read only."""
        from rdflib.plugins.stores.sparqlstore import SPARQLStore

        class Store(SPARQLStore):  # type: ignore[misc]
            def _query(_, sparql: str, default_graph: str | None = None, named_graph: str | None = None) -> Any:  # noqa: N805
                return self.ask(sparql)

        return Store(self.query_url)

    def ask(self, sparql: str, *, patient: bool = False) -> Any:
        """The answer to a query, as an `rdflib.query.Result`.

        Args:
            patient: try again, as `update` does, where the server does not answer.

        Raises:
            MateriaError: the server is down, refuses, is silent for too long, or answers with something else; as `update`.
        """
        from rdflib.query import Result

        kind, body = self._post(
            self.query_url, sparql.encode(), "application/sparql-query", self.pauses_s if patient else ()
        )
        try:
            return Result.parse(BytesIO(body), content_type=kind)
        except Exception as error:  # whatever a parser raises on what is no answer
            raise MateriaError(
                f"gave no SPARQL answer, but {kind or 'something'}",
                file=shown(self.query_url),
                remedy="Check that graph.store is the query endpoint",
            ) from error

    def update(self, sparql: bytes) -> None:
        """Run a SPARQL update that does the same when it is repeated: after what passes (`_PassingError`) it is tried again."""
        self._post(self.update_url, sparql, "application/sparql-update", self.pauses_s)

    def is_empty(self) -> bool:
        """Whether the server holds no statement at all."""
        return not self.ask("ASK { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }", patient=True).askAnswer

    def _post(self, url: str, body: bytes, kind: str, pauses_s: tuple[float, ...]) -> tuple[str, bytes]:
        for pause in pauses_s:
            try:
                return self._post_once(url, body, kind)
            except _PassingError:
                time.sleep(pause)
        try:
            return self._post_once(url, body, kind)
        except _PassingError as error:
            if not pauses_s:
                raise
            problem = f"{error.problem}; tried {len(pauses_s) + 1} times"
            raise MateriaError(problem, file=error.file, remedy=error.remedy) from error

    def _post_once(self, url: str, body: bytes, kind: str) -> tuple[str, bytes]:
        handlers: list[Any] = [_NoRedirect()]
        user, password = os.environ.get("MATERIA_SPARQL_USER"), os.environ.get("MATERIA_SPARQL_PASSWORD")
        if user is not None and password is not None:
            known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            known.add_password(None, url, user, password)
            handlers += [urllib.request.HTTPBasicAuthHandler(known), urllib.request.HTTPDigestAuthHandler(known)]
        request = urllib.request.Request(url, body, {"Content-Type": kind, "Accept": _RESULTS})  # noqa: S310
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=self.timeout_s) as answer:
                return answer.headers.get_content_type(), answer.read()
        except HTTPError as error:
            said = " ".join(error.read(2000).decode(errors="replace").split())[:200]
            raise _refused(url, error.code, said) from error
        except TimeoutError as error:
            raise _silent(url, self.timeout_s) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise _silent(url, self.timeout_s) from error
            said = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
            raise _PassingError(
                f"cannot be reached ({said})", file=shown(url), remedy="Start the server, or correct the configuration"
            ) from error


def _silent(url: str, timeout_s: float) -> MateriaError:
    return _PassingError(
        f"did not answer within {timeout_s:g} seconds", file=shown(url), remedy="Ask for less, or allow more time"
    )


def _refused(url: str, code: int, said: str) -> MateriaError:
    if code in (401, 403):
        remedy = "Set MATERIA_SPARQL_USER and MATERIA_SPARQL_PASSWORD to an account that may do this"
        return MateriaError(f"does not let us in (HTTP {code})", file=shown(url), remedy=remedy)
    kind = _PassingError if code in _PASSING_CODES else MateriaError
    return kind(
        f"refused (HTTP {code}: {said or 'no reason given'})",
        file=shown(url),
        remedy="Correct the query, or the endpoints in the configuration",
    )


def shown(url: str) -> str:
    """A URL without what may be secret in it: user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def update_blocks(nquads: Path, operation: str) -> Iterator[bytes]:
    """The lines of an N-Quads file as SPARQL updates of about a megabyte.

    Args:
        nquads: a file in the form that `kg.nquads` writes.
        operation: INSERT or DELETE.
    """
    with nquads.open("rb") as file:
        while lines := file.read(_BATCH):
            lines += file.readline()
            yield b"%s DATA {\n%s}" % (operation.encode(), _NAMED.sub(rb"GRAPH \2 { \1 }", lines))
