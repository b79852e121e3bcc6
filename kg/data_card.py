"""The data card of a corpus: README.md, as the Hugging Face hub reads it, with what a reader must know before training on it.

Front matter: https://huggingface.co/docs/hub/datasets-cards and https://huggingface.co/docs/hub/datasets-data-files-configuration;
what the card should answer: https://arxiv.org/abs/1803.09010 (datasheets for datasets). All figures come from the tables, none from
a person; what nobody stated is said to be not stated.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, Final

import yaml
from upath import UPath

from kg.card_figures import CardFigures, card_figures
from kg.card_plots import card_plots
from kg.card_sections import (
    IMAGES,
    ages,
    claims,
    columns,
    contents,
    entities,
    examples,
    left_out,
    opening,
    plain,
    sources,
)
from kg.corpus_views import shards_of
from kg.croissant import NOT_STATED, croissant, croissant_text, dataset_version
from kg.dataset_config import DatasetConfig
from kg.plots import write_png

__all__ = [
    "card_for_ui",
    "corpus_description",
    "corpus_limits",
    "data_card",
    "missing_statements",
    "write_card",
]

#: From this share on, one predicate is called much.
_MUCH: Final = 0.4
#: The hub's classes of sizes, by the number of rows that each stays below.
_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
#: Licences of data that the hub knows by name: the SPDX identifier in small letters. Any other is called `other`, with its name.
_HUB_LICENCES: Final = frozenset(
    {"apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"}
    | {"cc-by-nc-nd-4.0", "cc-by-3.0", "cc-by-sa-3.0", "mit", "odbl", "odc-by", "pddl", "gpl-3.0"}
)


def data_card(figures: CardFigures, settings: DatasetConfig, plots: dict[str, str]) -> str:
    """The whole card as Markdown with front matter.

    Args:
        plots: file name of each plot in `images/`, and the words that stand for it.
    """
    sections = [
        _front_matter(figures, settings),
        f"# {settings.name}\n\n{corpus_description(figures, settings)}",
        contents(figures, plots),
        opening(),
        sources(figures),
        ages(figures, plots),
        claims(figures, plots),
        entities(figures, plots),
        left_out(figures),
        examples(figures.examples),
        columns(),
        _limits(figures),
        _statements(figures, settings),
    ]
    return "\n\n".join(section.strip() for section in sections if section.strip()) + "\n"


def write_card(
    home: UPath | Path | str,
    folder: Path,
    settings: DatasetConfig,
    *,
    buckets: int | None = None,
    deidentified: bool = True,
) -> CardFigures:
    """Write what lies beside the shards of a corpus that leaves: README.md, croissant.json, images/.

    Costs three seconds of processor time for 49,000 passages, of which the plots take half a second.

    Args:
        folder: an empty folder.
        buckets: number of buckets of the home; counted where None.
        deidentified: whether what identifies a person was taken out of clinical records.

    Raises:
        MateriaError: the corpus has not been built.
    """
    figures = card_figures(home, settings, buckets=buckets, deidentified=deidentified)
    plots = card_plots(figures)
    for name, (figure, _) in plots.items():
        write_png(figure, folder / IMAGES / name)
    texts = {name: text for name, (_, text) in plots.items()}
    (folder / "README.md").write_text(data_card(figures, settings, texts), encoding="utf-8")
    description, limits = corpus_description(figures, settings), corpus_limits(figures)
    personal = personal_information(figures)
    metadata = croissant(figures, shards_of(home), settings, description, limits, personal=personal)
    (folder / "croissant.json").write_text(croissant_text(metadata), encoding="utf-8")
    return figures


def card_for_ui(readme: UPath | Path) -> str:
    """A written card as one text for a reader without its folder: no front matter, the plots inside."""
    text = readme.read_text(encoding="utf-8").removeprefix("---\n").partition("\n---\n")[2]

    def inside(found: re.Match[str]) -> str:
        picture = base64.b64encode((readme.parent / found[2]).read_bytes()).decode()
        return f"![{found[1]}](data:image/png;base64,{picture})"

    return re.sub(rf"!\[([^\]]*)\]\(({IMAGES}/[a-z]+\.png)\)", inside, text).strip()


def corpus_description(figures: CardFigures, settings: DatasetConfig) -> str:
    """What the corpus is: as the user says it, else in a sentence with its size."""
    if settings.description:
        return settings.description
    statistics = figures.statistics
    languages = ", ".join(statistics.values("language"))
    return (
        f"{statistics.total('passages'):,} passages ({statistics.total('tokens'):,} tokens; {languages}) for pretraining language "
        f"models on medical literature and on a knowledge graph made from it: passages with linked entities "
        f"from {statistics.documents:,} documents, and {statistics.triples:,} claims of the graph told in sentences whose words follow how "
        "strongly the evidence supports them. Every passage names the claims, evidence and papers behind it."
    )


def corpus_limits(figures: CardFigures) -> list[str]:
    """What the corpus is not good for, a sentence each; those that rest on figures only where the figures say so."""
    statistics = figures.statistics
    extractors = ", ".join(name for name, _ in figures.extractors) or "nobody"
    limits = [
        f"Entities, claims and beliefs are made by programs (claims by {extractors}) and were not checked by people.",
        "A belief says how strongly the papers at hand support a claim, not whether it is true; papers may be wrong, "
        "outdated or retracted later. It is no medical advice.",
        "Names are found by vocabularies: what these do not name is not marked, and a word with several meanings may be "
        "linked to the wrong one.",
    ]
    if figures.worth.startswith("uncalibrated"):
        limits.append("Beliefs are not calibrated: of the claims believed 0.8, more or fewer than 80% may be right.")
    if personal := personal_information(figures):
        limits.append(personal)
    papers = sum(count for _, count in figures.years)
    unknown = dict(figures.years).get(None, 0)
    if unknown:
        limits.append(
            f"The year of publication is not known of {unknown:,} of {papers:,} papers ({unknown / papers:.0%})."
        )
    if figures.stating is not None:
        limits.append(
            f"{figures.stating:.0%} of the literature passages state a claim that extraction found; claims across sentences, in tables "
            "and in figures are not among them."
        )
    told = sum(one.verbalized for one in statistics.predicates)
    limits += [
        f"{one.verbalized / told:.0%} of the told claims have the predicate {plain(one.predicate)}."
        for one in statistics.predicates
        if told and one.verbalized / told > _MUCH
    ]
    return limits


def personal_information(figures: CardFigures) -> str | None:
    """Whether clinical records are in it, and what was done about those whom they speak of; None where there are none."""
    records = [source.name for source in figures.sources if source.clinical]
    if not records:
        return None
    done = (
        "what identifies a person was taken out by a program, which may have missed some"
        if figures.deidentified
        else "WHAT IDENTIFIES A PERSON WAS NOT TAKEN OUT, as the configuration asks"
    )
    return f"Clinical records are among its sources ({len(records):,} files): {done}."


def missing_statements(settings: DatasetConfig) -> list[str]:
    """What somebody who publishes the corpus should still say: keys of `dataset` in the configuration that are not set."""
    wanted = ("licence", "licences", "url", "creators", "published")
    return [name for name in wanted if not getattr(settings, name)]


def _front_matter(figures: CardFigures, settings: DatasetConfig) -> str:
    statistics = figures.statistics
    languages = statistics.values("language")
    rows = statistics.total("rows")
    values: dict[str, Any] = {
        "pretty_name": settings.name,
        "language": languages,
        "multilinguality": ["multilingual" if len(languages) > 1 else "monolingual"],
        **_licence(settings.licence),
        "size_categories": [next((name for most, name in _SIZES if rows < most), "n>1B")],
        "task_categories": ["fill-mask", "text-generation"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["found", "machine-generated"],
        "tags": ["medical", "biology", "knowledge-graph", "croissant"],
        "configs": [
            {
                "config_name": "default",
                # `datasets` caches a local folder by its configuration alone: without this it would go on giving the rows of
                # an earlier corpus that was exported to the same place.
                "description": f"version {dataset_version(figures, settings)}",
                "data_files": [
                    {"split": split, "path": f"data/split={split}/*/*.parquet"} for split in statistics.values("split")
                ],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}---"


def _licence(licence: str | None) -> dict[str, str]:
    if licence is None:
        return {"license": "unknown"}
    if licence.lower() in _HUB_LICENCES:
        return {"license": licence.lower()}
    link = {"license_link": licence} if "://" in licence else {}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-"), **link}


def _limits(figures: CardFigures) -> str:
    return "\n".join(["## Known limits", "", *(f"- {limit}" for limit in corpus_limits(figures))])


def _statements(figures: CardFigures, settings: DatasetConfig) -> str:
    creators = ", ".join(settings.creators) or NOT_STATED
    lines = [
        "## Licence, version, citation",
        "",
        f"- Licence: {settings.licence or NOT_STATED}",
        f"- Version: {dataset_version(figures, settings)}",
        f"- Made by: {creators}",
        f"- Page: {settings.url or NOT_STATED}",
        f"- Published: {settings.published or NOT_STATED}",
    ]
    return "\n".join([*lines, "", *(["```", settings.citation, "```"] if settings.citation else [])])
