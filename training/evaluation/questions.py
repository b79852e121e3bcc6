"""Cloze questions over held-out triples, the same for every model: what is asked, what could be answered, what is true.

Each triple is asked in both directions: the object of a subject and the subject of an object. Names and phrasings are those of
the verbalizer (`kg.languages`), in its plainest stance; words agree with what is known, never with what is hidden, which
would give it away. Candidates are all entities that the graph has at that end of that predicate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kg.languages import Concept, Language, SurfaceName, language_of
from kg.phrases import Phrase
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from training.evaluation.config import ProbingConfig

__all__ = ["Cloze", "Questions", "make_questions"]

Triple = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Cloze:
    """A sentence with two holes, for what is known and for what is asked: `before + first + between + second + after`."""

    phrase: Phrase
    known_first: bool

    def parts(self, known: SurfaceName, candidate: SurfaceName | None = None) -> tuple[str, str, str]:
        """What stands left of the hole, the candidate as it stands in it, what stands right of it."""
        _, before, between, after = self.phrase
        if self.known_first:
            name = candidate.text if candidate else ""
            return f"{before}{known.text if before else known.initial}{between}", name, after
        name = (candidate.text if before else candidate.initial) if candidate else ""
        return before, name, f"{between}{known.text}{after}"


@dataclass(frozen=True)
class Questions:
    """The questions about one predicate in one direction.

    Attributes:
        predicate: Biolink predicate.
        hidden: which end is asked for: subject or object.
        candidates: CURIEs, sorted.
        names: of the candidates.
        frequency: how many training triples of the predicate have each candidate at that end.
        known: CURIE of what is known in each question, sorted.
        known_names: their names.
        clozes: phrasings, by whether the known entity is plural.
        answers: (n, 2): question and candidate of each held-out triple.
        true: (m, 2): the same of every triple of the graph that answers one of the questions.
    """

    predicate: str
    hidden: str
    candidates: tuple[str, ...]
    names: tuple[SurfaceName, ...]
    frequency: NDArray[np.float64]
    known: tuple[str, ...]
    known_names: tuple[SurfaceName, ...]
    clozes: Mapping[bool, Sequence[Cloze]]
    answers: NDArray[np.int64]
    true: NDArray[np.int64]

    def ranks(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filtered rank of each answer: other true ones do not count, ties take the mean.

        Args:
            scores: (questions, candidates), or (1, candidates) where they are the same for every question.
        """
        scores = np.broadcast_to(scores, (len(self.known), len(self.candidates)))
        asked, answer = self.answers.T
        own = scores[asked, answer]
        filtered = scores.copy()
        filtered[self.true[:, 0], self.true[:, 1]] = -np.inf
        rows = filtered[asked]
        return np.asarray(1 + (rows > own[:, None]).sum(axis=1) + (rows == own[:, None]).sum(axis=1) / 2)


def make_questions(triples: pa.Table, names: Mapping[str, str], config: ProbingConfig) -> list[Questions]:
    """Questions about the triples of the asked split, by predicate and direction, sorted.

    Args:
        triples: subject, predicate, object, split (kg.tables.TRIPLES).
        names: name of each entity by CURIE; what has none in the language is neither asked about nor a candidate.

    Raises:
        MateriaError: no triple of the split can be asked about.
    """
    language = language_of(config.language)
    columns = (triples[name].to_pylist() for name in ("subject", "predicate", "object", "split"))
    rows = list(zip(*columns, strict=True))
    surfaces = _surfaces({end for s, _, o, _ in rows for end in (s, o)}, names, language)
    told = [row for row in rows if row[0] in surfaces and row[2] in surfaces]
    held = sorted({row[:3] for row in told if row[3] == config.split}, key=hash_json)[: config.questions]
    found: list[Questions] = []
    for predicate in sorted({triple[1] for triple in held}):
        of_it = [row for row in told if row[1] == predicate]
        asked = [triple for triple in held if triple[1] == predicate]
        for hidden in ("object", "subject"):
            found += _questions(predicate, hidden, of_it, asked, surfaces, language, config)
    if not found:
        raise MateriaError(
            f"there is no triple of the {config.split} split whose ends have names in the language {config.language!r}",
            remedy="Build with a share of held-out triples (splits), or set probing: null in the suite",
        )
    return found


def _surfaces(curies: set[str], names: Mapping[str, str], language: Language) -> dict[str, SurfaceName]:
    """How entities are called in running text."""
    named = ((curie, language.name_of(Concept(curie, names[curie], ""))) for curie in sorted(curies) if curie in names)
    return {curie: surface for curie, surface in named if surface is not None}


def _questions(  # noqa: PLR0917
    predicate: str,
    hidden: str,
    rows: Sequence[tuple[str, str, str, str]],
    asked: Sequence[Triple],
    surfaces: Mapping[str, SurfaceName],
    language: Language,
    config: ProbingConfig,
) -> Iterator[Questions]:
    """The questions of a predicate in a direction; none where the language has no words for it."""
    clozes = {plural: _clozes(predicate, hidden, language, config.phrasings, plural=plural) for plural in (False, True)}
    if not clozes[False]:
        return
    end, other = (2, 0) if hidden == "object" else (0, 2)
    frequency = Counter(row[end] for row in rows if row[3] == "train")
    own = {triple[end] for triple in asked}
    rest = sorted({row[end] for row in rows} - own, key=lambda curie: (-frequency[curie], curie))
    candidates = tuple(sorted(own | set(rest[: max(0, config.candidates - len(own))])))
    known = tuple(sorted({triple[other] for triple in asked}))
    of_known, of_candidate = ({curie: number for number, curie in enumerate(curies)} for curies in (known, candidates))
    both = itemgetter(other, end)
    true = {pair for pair in map(both, rows) if pair[0] in of_known and pair[1] in of_candidate}
    answers, true_numbers = (
        np.array([[of_known[k], of_candidate[c]] for k, c in sorted(pairs)], dtype=np.int64).reshape(-1, 2)
        for pairs in (set(map(both, asked)), true)
    )
    yield Questions(
        predicate,
        hidden,
        candidates,
        tuple(surfaces[curie] for curie in candidates),
        np.array([frequency[curie] for curie in candidates], dtype=np.float64),
        known,
        tuple(surfaces[curie] for curie in known),
        clozes,
        answers,
        true_numbers,
    )


def _clozes(predicate: str, hidden: str, language: Language, phrasings: int, *, plural: bool) -> list[Cloze]:
    plurals = (plural, False) if hidden == "object" else (False, plural)
    ways = language.phrases.of(predicate, "high", *plurals)[:phrasings]
    return [Cloze(way, known_first=way.subject_first == (hidden == "object")) for way in ways]
