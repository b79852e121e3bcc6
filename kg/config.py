"""What a user may set about the graph and the corpora. Unknown keys are errors; a change here changes skip keys."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kg.reliability import Reliabilities, load_reliabilities

__all__ = ["CorpusConfig", "FusionConfig", "GraphConfig", "SplitConfig"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitConfig(_Strict):
    """How entity pairs are divided. A pair's split is a hash of the pair, so new data never moves it."""

    validation: float = Field(0.01, ge=0, lt=0.5, description="share of entity pairs held out for validation")
    test: float = Field(0.01, ge=0, lt=0.5, description="share of entity pairs held out for test")


class FusionConfig(_Strict):
    """How evidence becomes belief (design: support = 1 - (s + (1 - s) * prod(1 - p_doc)))."""

    systematic_error: float = Field(
        0.05, gt=0, lt=1, description="probability that an extractor is wrong however often it repeats"
    )
    retracted: Literal["exclude", "downweight", "keep"] = Field(
        "exclude", description="worth of evidence in retracted papers"
    )
    retracted_weight: float = Field(0.1, ge=0, le=1, description="factor on probability under the policy downweight")
    reliabilities: str | None = Field(
        None,
        description="file that `materia calibrate` wrote: what extractors' figures are worth; relative to the configuration file",
    )
    systematic_errors: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        {},
        description="systematic errors of single extractors, by name with or without version; go before learned ones",
    )

    def error_by_hand(self, extractor: str) -> float | None:
        """The systematic error set for an extractor: under its full name, else under its name without version."""
        name = re.sub(r"\.v\d+(\..*)?$", "", extractor)
        return self.systematic_errors.get(extractor, self.systematic_errors.get(name))

    def learned(self) -> Reliabilities | None:
        """What extractors' figures are worth; None where no file is named.

        Raises:
            MateriaError: there is no such file, or it holds no reliabilities.
        """
        return load_reliabilities(self.reliabilities) if self.reliabilities else None

    def identity(self) -> dict[str, Any]:
        """What fusion depends on, for skip keys: a file of reliabilities by what beliefs take from it, not by its path.

        Raises:
            MateriaError: there is no such file.
        """
        learned = self.learned()
        return self.model_dump() | {"reliabilities": learned.content_hash if learned else None}


class CorpusConfig(_Strict):
    """What goes into the corpora."""

    language: Literal["en"] = Field("en", description="language of verbalized passages")
    minimum_belief: float = Field(0.3, ge=0, le=1, description="triples believed less are not verbalized")
    passage_sentences: int = Field(6, ge=1, description="most sentences in one literature passage")
    facts_per_passage: int = Field(5, ge=1, description="most facts told together about one entity")


class GraphConfig(_Strict):
    """Where the graph is kept for questions: in the home (Oxigraph), or in a SPARQL 1.1 server of your own."""

    store: str | None = Field(
        None, description="query endpoint (URL) of a SPARQL 1.1 server that is used instead of the index in the home"
    )
    update: str | None = Field(None, description="update endpoint (URL) of that server; it must hold nothing else")
    timeout: float = Field(60, gt=0, description="seconds after which a request to that server is given up")
    shacl_claims: int = Field(
        20,
        ge=0,
        description="changed claims that each build validates by SHACL in the index in the home, chosen by hash",
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.store is None) != (self.update is None):
            raise ValueError("store and update are the two endpoints of one server: set both or none")
        for url in filter(None, (self.store, self.update)):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("an endpoint is a URL that begins with http:// or https://")
            if parts.username or parts.password:
                raise ValueError(
                    "an endpoint holds no credentials: set MATERIA_SPARQL_USER and MATERIA_SPARQL_PASSWORD instead"
                )
        return self
