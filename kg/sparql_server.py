"""The graph in a SPARQL 1.1 server of the user's instead of the index in the home: filled by difference, asked over HTTP.

Nothing is used but the SPARQL 1.1 Protocol and SPARQL 1.1 Update, so that any server will do. Statements travel as INSERT
DATA and DELETE DATA in batches; both do the same when they are repeated, so a load that was killed is taken up by the next
one. What a server may hold is kept beside the home as N-Quads: the last state that was reached, and every one that was begun
after it. A reader may see a load half done, because no protocol has a transaction of several requests.

Credentials come from the environment and from nowhere else: MATERIA_SPARQL_USER and MATERIA_SPARQL_PASSWORD.
Rejected: the Graph Store HTTP Protocol (it loads a graph, and here each document is one), rdflib's SPARQLUpdateStore (it
sends each batch as it is told and hides what the server answered; its SPARQLStore is what readers get, with our HTTP below).

Protocol: https://www.w3.org/TR/sparql11-protocol/
"""

from __future__ import annotations

import os
import re
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
    """

    query_url: str
    update_url: str

    timeout_s: float = 60

    def rdflib_store(self) -> Any:
        """The server as a store of rdflib, read only."""
        from rdflib.plugins.stores.sparqlstore import SPARQLStore

        class Store(SPARQLStore):  # type: ignore[misc]
            def _query(_, sparql: str, default_graph: str | None = None, named_graph: str | None = None) -> Any:  # noqa: N805
                return self.ask(sparql)

        return Store(self.query_url)

    def ask(self, sparql: str) -> Any:
        """The answer to a query, as an `rdflib.query.Result`.

        Raises:
            MateriaError: the server is down, refuses, is silent for too long, or answers with something else; as `update`.
        """
        from rdflib.query import Result

        kind, body = self._post(self.query_url, sparql.encode(), "application/sparql-query")
        try:
            return Result.parse(BytesIO(body), content_type=kind)
        except Exception as error:  # whatever a parser raises on what is no answer
            raise MateriaError(
                f"gave no SPARQL answer, but {kind or 'something'}",
                file=shown(self.query_url),
                remedy="Check that graph.store is the query endpoint",
            ) from error

    def update(self, sparql: bytes) -> None:
        """Run a SPARQL update."""
        self._post(self.update_url, sparql, "application/sparql-update")

    def is_empty(self) -> bool:
        """Whether the server holds no statement at all."""
        return not self.ask("ASK { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }").askAnswer

    def _post(self, url: str, body: bytes, kind: str) -> tuple[str, bytes]:
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
            raise MateriaError(
                f"cannot be reached ({said})", file=shown(url), remedy="Start the server, or correct the configuration"
            ) from error


def _silent(url: str, timeout_s: float) -> MateriaError:
    return MateriaError(
        f"did not answer within {timeout_s:g} seconds", file=shown(url), remedy="Ask for less, or allow more time"
    )


def _refused(url: str, code: int, said: str) -> MateriaError:
    if code in (401, 403):
        remedy = "Set MATERIA_SPARQL_USER and MATERIA_SPARQL_PASSWORD to an account that may do this"
        return MateriaError(f"does not let us in (HTTP {code})", file=shown(url), remedy=remedy)
    return MateriaError(
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
