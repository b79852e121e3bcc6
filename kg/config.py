"""What a user may set about the graph and the corpora. Unknown keys are errors; a change here changes skip keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kg.cleaning.config import CleaningConfig
from kg.reliability import Reliabilities, load_reliabilities
from pipeline.biolink_predicates import is_predicate
from pipeline.content import folder_hash, model_folder
from pipeline.sources import text_of

__all__ = [
    "CorpusConfig",
    "FusionConfig",
    "GraphConfig",
    "MixtureConfig",
    "RewritingConfig",
    "SplitConfig",
    "TemperatureConfig",
]


Share = Annotated[float, Field(gt=0, le=1)]


#: How a passage tells what the graph says (the column `form` of PASSAGES).
Form = Literal["fact", "paragraph", "entity", "chain", "quotation"]


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


class TemperatureConfig(_Strict):
    """How much groups are brought to one size: a group of n is drawn in proportion to n^(1/T). At 1 nothing is changed."""

    languages: float = Field(1.0, ge=1, le=100, description="of languages, by their tokens")
    predicates: float = Field(
        1.0, ge=1, le=100, description="of predicates, by the tokens of the passages that tell them"
    )
    entities: float = Field(
        1.0, ge=1, le=100, description="of entities, by the passages that name them: a passage goes by its rarest"
    )


class MixtureConfig(_Strict):
    """What the training split is mixed of. Held-out splits keep every clean passage, once."""

    graph_to_text: float | None = Field(
        None, gt=0, le=1e6, description="tokens told from the graph for each token of papers; as it comes where not set"
    )
    tokens: int | None = Field(None, ge=1, description="most tokens of the training split; no limit where not set")
    repeats: int = Field(
        4, ge=1, le=1000, description="most copies of one passage, where ratio or temperature ask for copies"
    )
    passages_per_document: int | None = Field(None, ge=1, description="most passages of one paper; all where not set")
    source_shares: dict[str, Share] = Field(
        {},
        description="largest share of a kind's tokens that one source may have: by name of the folder or file given, `*` for others",
    )
    predicate_shares: dict[str, Share] = Field(
        {}, description="largest share of the told tokens that one predicate may have: by CURIE, `*` for others"
    )
    temperature: TemperatureConfig = TemperatureConfig()

    @field_validator("predicate_shares")
    @classmethod
    def _predicates(cls, value: dict[str, float]) -> dict[str, float]:
        for name in value:
            biolink = name.startswith("biolink:")
            if name != "*" and (":" not in name or (biolink and not is_predicate(name))):
                raise ValueError(f"there is no predicate {name!r}: write its CURIE, such as biolink:treats")
        return value


class RewritingConfig(_Strict):
    """A model that rewords what templates tell. A text that lost or gained something by it keeps its template."""

    model: str = Field(
        description="folder of a Hugging Face seq2seq or causal model, relative to the configuration file; or the name of one"
    )
    download: bool = Field(False, description="whether a model named may be fetched from the Hugging Face hub")
    languages: tuple[str, ...] = Field(("en",), description="languages whose passages are reworded")
    prompts: dict[str, str] = Field(
        {},
        description="what the model is given, by language, with {text} for the passage; the passage alone where not set",
    )
    batch_size: int = Field(32, ge=1, description="passages reworded at once")
    precision: Literal["float32", "bfloat16", "float16"] = Field("float32", description="numbers the model computes in")

    @field_validator("prompts")
    @classmethod
    def _one_slot(cls, value: dict[str, str]) -> dict[str, str]:
        for language, prompt in value.items():
            if prompt.count("{text}") != 1:
                raise ValueError(f"the prompt for {language} must hold {{text}} once")
        return value

    @model_validator(mode="after")
    def _prompts_are_used(self) -> Self:
        if unused := sorted(set(self.prompts) - set(self.languages)):
            raise ValueError(f"there are prompts for {', '.join(unused)}, which languages does not name")
        return self

    def folder(self) -> Path:
        """Where the model lies.

        Raises:
            MateriaError: it is neither a folder nor a name in the local cache, nor was it found on the hub where that may be asked.
        """
        return model_folder(self.model, download=self.download)

    def identity(self) -> dict[str, Any]:
        """What rewording depends on, for skip keys: the model by its content, not by its place. Raises as `folder` does."""
        return self.model_dump(exclude={"model", "download"}) | {"model": folder_hash(self.folder())}


class CorpusConfig(_Strict):
    """What goes into the corpora."""

    @model_validator(mode="before")
    @classmethod
    def _one_language(cls, values: Any) -> Any:
        """Homes recorded when there was one language say `language`."""
        if isinstance(values, dict) and "language" in values and "languages" not in values:
            return {k: v for k, v in values.items() if k != "language"} | {"languages": [values["language"]]}
        return values

    @model_validator(mode="after")
    def _languages_are_told(self) -> Self:
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("languages names one twice")
        rewriting = self.rewriting.languages if self.rewriting else ()
        for what, codes in (("templates", self.templates), ("rewritings", rewriting)):
            if unused := sorted(set(codes) - set(self.languages)):
                raise ValueError(f"there are {what} for {', '.join(unused)}, which languages does not name")
        return self

    languages: tuple[str, ...] = Field(
        ("en",), min_length=1, description="languages (ISO 639-1) that the graph is told in; every triple in each"
    )
    templates: dict[str, str] = Field(
        {},
        description="by language, a YAML file that adds to the sentences that ship or replaces some; relative to the configuration file",
    )
    forms: tuple[Form, ...] = Field(
        get_args(Form), description="kinds of passages that the graph is told in; the column `form` tells them apart"
    )
    minimum_belief: float = Field(0.3, ge=0, le=1, description="triples believed less are not verbalized")
    passage_sentences: int = Field(6, ge=1, description="most sentences in one literature passage")
    facts_per_passage: int = Field(5, ge=1, description="most facts told together about one entity")
    cleaning: CleaningConfig = CleaningConfig()
    test_documents: tuple[str, ...] = Field(
        (),
        description="files of downstream tests, whose documents and texts stay out; relative to the configuration file",
    )
    mixture: MixtureConfig = MixtureConfig()
    rewriting: RewritingConfig | None = Field(
        None, description="model that rewords verbalized passages, if any: see the section on it"
    )

    def with_paths(self, whole: Callable[[str], str]) -> CorpusConfig:
        """The same with paths written whole. What is no folder is the name of a model."""
        templates = {code: whole(path) for code, path in self.templates.items()}
        rewriting = self.rewriting
        if rewriting and Path(whole(rewriting.model)).is_dir():
            rewriting = rewriting.model_copy(update={"model": whole(rewriting.model)})
        tests = tuple(map(whole, self.test_documents))
        return self.model_copy(update={"templates": templates, "rewriting": rewriting, "test_documents": tests})

    def identity(self) -> dict[str, Any]:
        """What told passages depend on, for skip keys: files of templates by their text and models by their content, not by their path.

        Raises:
            MateriaError: there is no such file or model.
        """
        others = {"passage_sentences", "cleaning", "test_documents", "mixture"}
        return self.model_dump(exclude=others) | {
            "templates": {code: text_of(path) for code, path in sorted(self.templates.items())},
            "rewriting": self.rewriting.identity() if self.rewriting else None,
        }

    def cleaning_identity(self) -> dict[str, Any]:
        """What cleaning depends on, for skip keys: files of tests by their names and contents, not by their paths.

        Raises:
            MateriaError: a file of tests does not exist.
        """
        from kg.cleaning.downstream import downstream_identity

        return {"cleaning": self.cleaning.model_dump(), "test_documents": downstream_identity(self.test_documents)}


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
        description="changed claims that a build validates by SHACL in the index in the home, chosen by hash; none where 0",
    )
    shacl_from: int = Field(
        250,
        ge=1,
        description="how many claims must have changed for that; smaller changes are validated by queries alone",
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
