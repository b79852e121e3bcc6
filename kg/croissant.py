"""Croissant metadata of a corpus: what its files are, how their columns read, what it was made from and by which version.

Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html) with PROV-O for provenance, as the specification
recommends, and its vocabulary for responsible AI (https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html).
Every file of the corpus is listed with its SHA-256; records are read through one file set, so that a split can be asked for alone.

The specification demands a licence, a URL, creators and a day of publication. No input tells them and no clock is read, so they
come from the configuration (`dataset`) or are left out, the licence as "not stated"; `mlcroissant` accepts this with a warning.
Rejected: the day of the build (equal inputs would give different bytes), the year of the latest paper (it is not when this was
published; it stands as `temporalCoverage`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any, Final

from kg.card_figures import CardFigures
from kg.corpus_sources import CorpusSource
from kg.corpus_views import Shard
from kg.croissant_records import PARQUET, file_set, passage_records, split_records
from kg.dataset_config import DatasetConfig

__all__ = ["NOT_STATED", "croissant", "croissant_text", "dataset_version", "export_path", "licence_node"]

#: What stands where a licence must and none was given.
NOT_STATED: Final = "not stated"
_CONFORMS_TO: Final = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
#: The recommended context (specification, appendix 1), with the prefixes of PROV-O and of responsible AI.
_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(
    figures: CardFigures,
    shards: Sequence[Shard],
    settings: DatasetConfig,
    description: str,
    limits: Sequence[str],
    *,
    personal: str | None = None,
) -> dict[str, Any]:
    """The metadata as JSON-LD, for a folder that holds the shards at `export_path`.

    Args:
        description: what the corpus is, in a sentence or two.
        limits: what it is not good for, a sentence each.
        personal: what there is in it of persons; None for nothing.
    """
    years = [year for year, _ in figures.years if year is not None]
    stated: dict[str, Any] = {
        "url": settings.url,
        "datePublished": settings.published.isoformat() if settings.published else None,
        "citeAs": settings.citation,
        "creator": [{"@type": f"sc:{kind.capitalize()}", "name": name} for name, kind in settings.creators.items()],
        "temporalCoverage": f"{min(years)}/{max(years)}" if years else None,
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": settings.name,
        "description": description,
        "conformsTo": list(_CONFORMS_TO),
        "license": licence_node(settings.licence),
        **{name: value for name, value in stated.items() if value},
        "version": dataset_version(figures, settings),
        "inLanguage": figures.statistics.values("language"),
        "keywords": ["medicine", "knowledge graph", "pretraining"],
        "isLiveDataset": False,
        **_provenance(figures),
        **_responsible(figures, limits),
        **({"rai:personalSensitiveInformation": [personal]} if personal else {}),
        "distribution": [*_file_objects(shards), file_set()],
        "recordSet": [split_records(figures.statistics.values("split")), passage_records()],
    }


def croissant_text(metadata: dict[str, Any]) -> str:
    """The metadata as a file's text."""
    return json.dumps(metadata, indent=1, ensure_ascii=False) + "\n"


def export_path(shard: Shard) -> str:
    """Where a shard stands in the folder that leaves: `data/split=train/bucket=03/passages-<hash>.parquet`.

    The name keeps the hash, so that of a later version only what changed is uploaded.
    """
    return f"data/split={shard.split}/bucket={shard.bucket}/{shard.path.rpartition('/')[2]}"


def dataset_version(figures: CardFigures, settings: DatasetConfig) -> str:
    """The version of the configuration with a piece of the content's hash as build metadata (Semantic Versioning 2.0.0, 10)."""
    return f"{settings.version}+{figures.version[:12]}"


def licence_node(licence: str | None) -> str | dict[str, str]:
    """A licence as schema.org has it: a URL as it is, an SPDX identifier as its page, other words as the name of a work."""
    if licence and "://" in licence:
        return licence
    if licence and re.fullmatch(r"[A-Za-z0-9.+-]+", licence):
        return f"https://spdx.org/licenses/{licence}.html"
    return {"@type": "sc:CreativeWork", "name": licence or NOT_STATED}


def _provenance(figures: CardFigures) -> dict[str, Any]:
    """What it was derived from, and the program that did it. No times: a build reads no clock."""
    return {
        "prov:wasDerivedFrom": [_source(source) for source in figures.sources],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": "extraction, fusion into a graph, verbalization and mixture of passages",
            "prov:wasAssociatedWith": {
                "@type": "prov:SoftwareAgent",
                "prov:label": "Materia",
                "softwareVersion": version("materia"),
            },
        },
    }


def _source(source: CorpusSource) -> dict[str, Any]:
    read = f", read by {source.format}" if source.format else ""
    return {
        "@type": "prov:Entity",
        "prov:label": source.name,
        "description": f"{source.role}{read}",
        "sha256": source.sha256,
        **({"license": licence_node(source.licence)} if source.licence else {}),
    }


def _responsible(figures: CardFigures, limits: Sequence[str]) -> dict[str, Any]:
    withheld = (
        f"{figures.statistics.withheld_sentences} sentences of training papers "
        f"({figures.statistics.withheld_share:.2%}) are left out: each gives a held-out claim away."
    )
    tools = [f"{name}: {claims} claims" for name, claims in figures.extractors]
    return {
        "rai:dataCollection": "Passages of literature, and sentences that tell the claims of a graph made from it.",
        "rai:dataCollectionMissingData": withheld,
        "rai:machineAnnotationTools": tools,
        "rai:dataAnnotationProtocol": "Entities, claims and beliefs are made by programs; no person checked them.",
        "rai:dataLimitations": list(limits),
        "rai:dataUseCases": ["pretraining of language models together with a knowledge graph"],
    }


def _file_objects(shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
    for shard in shards:
        path = export_path(shard)
        yield {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "contentSize": f"{shard.bytes} B",
            "encodingFormat": list(PARQUET),
            "sha256": shard.sha256,
        }
