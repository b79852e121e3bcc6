"""Clinical records without what names a person: the 18 identifiers of HIPAA's Safe Harbor, as far as rules find them.

A `Deidentifier` maps a document to the same document with typed placeholders: `[NAME 1]`, `[DATE 2019]` (years stay), `[AGE 90+]`,
`[ID]`, `[PHONE]`. The same person has the same number throughout a record, and nothing is carried from one record to the
next, so the output depends on the record alone. It needs the extra `materia[deidentify]`.

Two sources of findings. Numbers that can be checked (credit cards, IBANs, social security numbers, DEA licences, telephone
numbers, IP and MAC addresses, dates) come from the recognizers of Presidio (https://microsoft.github.io/presidio), called
directly: no language model is loaded, nothing is downloaded, nothing asks the network. The rest, names above all, comes from
`pipeline.identifying_patterns`; a name found beside a cue is then looked for in the whole record, but for eponyms
(`Foley catheter`). Rejected: a model for names (none that may be shipped knows clinical text, and it would have to be
downloaded); Presidio's e-mail and URL recognizers (they ask for the list of public suffixes, and take time beyond bounds).

**What it does not promise.** It is a filter and no guarantee. It misses a name that stands nowhere beside a cue, a name in small
letters, what only context gives away (`the mayor`), and most of what is not English. Safe Harbor also asks that you know of
nothing left that identifies; have a sample reviewed. `benchmarks/deidentify.py` prints how much it finds.

A record goes by a hash of its de-identified text, not by the number its source gives it: Safe Harbor allows no code that is derived
from what identifies a person (45 CFR 164.514(c)), a hash of a record number included. PMID, PMC and DOI stay: what they name
is published.
"""

from __future__ import annotations

import logging
import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pipeline.errors import MateriaError
from pipeline.identifying_patterns import COMMON_WORDS, EPONYM_HEADS, NAME_RULES, NO_NAMES, RULES
from pipeline.readers.base import Document, content_id

__all__ = ["DEIDENTIFIER", "Deidentifier", "Finding"]

#: Name and version: raise the version when the same record comes out otherwise.
DEIDENTIFIER = "deidentifier.v2"

_PUBLISHED = ("PMID:", "PMC:", "DOI:")
_YEAR = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?!\d)")
_NAME_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
#: Presidio's entities and the kinds they are here.
_KINDS = {
    "CREDIT_CARD": "ID", "IBAN_CODE": "ID", "US_SSN": "ID", "MEDICAL_LICENSE": "ID", "US_MBI": "ID", "MAC_ADDRESS": "ID",
    "IP_ADDRESS": "IP", "PHONE_NUMBER": "PHONE", "DATE_TIME": "DATE",
}  # fmt: skip
#: Presidio's scores below this are for numbers that only the words around could tell.
_LEAST_SCORE = 0.4
#: Which of two findings that overlap at the same length stands.
_ORDER = ("EMAIL", "URL", "ADDRESS", "PLACE", "ID", "DATE", "PHONE", "IP", "ZIP", "AGE", "NAME")


class Finding(NamedTuple):
    """Where in a text something names a person, and what kind of thing."""

    start: int
    end: int
    kind: str


class Deidentifier:
    """Takes what names a person out of documents, one at a time.

    Attributes:
        counts: how many identifiers of each kind were taken out so far.

    Raises:
        MateriaError: the extra is not installed.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._recognizers = _recognizers()

    def __call__(self, document: Document) -> Document:
        """The document without identifiers: title, sections with their labels, subjects and translations are cleaned.

        Annotations and relations are dropped: they quote the text, and it has changed. The identifiers of the record are
        replaced or dropped as the module says. What is not published is in no journal: a table's column of that name holds
        a ward or a hospital, so it is dropped, and the publication types likewise.
        """
        labels = [label for label, _ in document.sections]
        texts = [text for _, text in document.sections]
        translations = [text for _, _, text in document.translations]
        parts = self.clean([document.title, *texts, *translations, *labels, *document.subjects])
        title, parts = parts[0], parts[1:]
        texts, parts = parts[: len(texts)], parts[len(texts) :]
        translations, parts = parts[: len(translations)], parts[len(translations) :]
        labels, subjects = parts[: len(labels)], parts[len(labels) :]
        sections = tuple(zip(labels, texts, strict=True))
        published = document.doc_id.startswith(_PUBLISHED)
        return replace(
            document,
            doc_id=document.doc_id if published else content_id(title, sections),
            aliases=tuple(alias for alias in document.aliases if alias.startswith(_PUBLISHED)),
            retracts=tuple(curie for curie in document.retracts if curie.startswith(_PUBLISHED)),
            journal=document.journal if published else None,
            publication_types=document.publication_types if published else (),
            title=title,
            sections=sections,
            translations=tuple(
                (language, label, text)
                for (language, label, _), text in zip(document.translations, translations, strict=True)
            ),
            subjects=tuple(dict.fromkeys(subjects)),
            annotations=(),
            relations=(),
        )

    def clean(self, parts: Sequence[str]) -> list[str]:
        """The texts of one record, each with placeholders for what names a person."""
        people = _People()
        cleaned = []
        for text, findings in zip(parts, self.find(parts), strict=True):
            pieces, place = [], 0
            for finding in findings:
                pieces += [
                    text[place : finding.start],
                    _placeholder(text[finding.start : finding.end], finding, people),
                ]
                place = finding.end
                self.counts[finding.kind] += 1
            cleaned.append("".join([*pieces, text[place:]]))
        return cleaned

    def find(self, parts: Sequence[str]) -> list[list[Finding]]:
        """What names a person in each text of one record, in order and apart."""
        found = [self._cued(text) for text in parts]
        known = {
            word
            for text, findings in zip(parts, found, strict=True)
            for finding in findings
            if finding.kind == "NAME"
            for word in _name_words(text[finding.start : finding.end])
            if len(word) > 2 and word not in COMMON_WORDS and word not in NO_NAMES
        }
        return [_apart([*findings, *_again(text, known)]) for text, findings in zip(parts, found, strict=True)]

    def _cued(self, text: str) -> list[Finding]:
        """What names a person in one text by itself."""
        if not text:
            return []
        found = [Finding(*match.span("value"), kind) for kind, rule in RULES for match in rule.finditer(text)]
        for rule in NAME_RULES:
            found += filter(None, (_trimmed(text, *match.span("value")) for match in rule.finditer(text)))
        for recognizer in self._recognizers:
            for result in recognizer.analyze(text, recognizer.supported_entities, None):
                if result.score >= _LEAST_SCORE:
                    found.append(Finding(result.start, result.end, _KINDS[result.entity_type]))
        return _apart(found)


class _People:
    """The persons of one record, each known by the words of its name."""

    def __init__(self) -> None:
        self._names: list[set[str]] = []

    def number(self, name: str) -> int:
        """The number of a person, from 1 by order of appearance; a part of a known name is that person."""
        words = set(_name_words(name))
        for place, known in enumerate(self._names):
            if words <= known or known <= words:
                self._names[place] = known | words
                return place + 1
        self._names.append(words)
        return len(self._names)


def _again(text: str, known: set[str]) -> Iterator[Finding]:
    """Where words of known names stand once more without a cue."""
    for match in _NAME_WORD.finditer(text) if known else ():
        word = re.sub(r"['’]s$", "", match[0])
        end = match.start() + len(word)
        if word[0].isupper() and word.casefold() in known and not EPONYM_HEADS.match(text, end):
            yield Finding(match.start(), end, "NAME")


def _name_words(name: str) -> list[str]:
    return [match[0].casefold() for match in _NAME_WORD.finditer(name)]


def _trimmed(text: str, start: int, end: int) -> Finding | None:
    """A name up to its first word that is none; None where nothing is left."""
    kept = 0
    for word in re.finditer(r"[^\s,]+,?", text[start:end]):
        bare = word[0].strip(".,").casefold()
        if bare in NO_NAMES and len(bare) > 1:
            break
        kept = word.end()
    value = text[start : start + kept].rstrip(" ,.")
    return Finding(start, start + len(value), "NAME") if value else None


def _apart(found: list[Finding]) -> list[Finding]:
    """Findings of which no two overlap, in order: of those that do, the longest, then the first of `_ORDER`."""
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda f: (f.start - f.end, _ORDER.index(f.kind), f.start)):
        place = bisect(kept, finding)
        before, after = kept[place - 1 : place], kept[place : place + 1]
        if all(other.end <= finding.start for other in before) and all(finding.end <= other.start for other in after):
            kept.insert(place, finding)
    return kept


def _placeholder(value: str, finding: Finding, people: _People) -> str:
    kind = finding.kind
    if kind == "NAME":
        return f"[NAME {people.number(value)}]"
    if kind == "AGE":
        return "[AGE 90+]"
    year = _YEAR.search(value) if kind == "DATE" else None
    return f"[{kind} {year[0]}]" if year else f"[{kind}]"


def _recognizers() -> list[Any]:
    """Presidio's recognizers of what can be checked."""
    try:
        import presidio_analyzer.predefined_recognizers as known
    except ImportError as error:
        raise MateriaError(
            "Records cannot be de-identified, because the libraries for it are not installed",
            remedy="Run: pip install 'materia[deidentify]'",
        ) from error
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    return [
        known.CreditCardRecognizer(), known.IbanRecognizer(), known.UsSsnRecognizer(), known.MedicalLicenseRecognizer(),
        known.UsMbiRecognizer(), known.MacAddressRecognizer(), known.IpRecognizer(), known.DateRecognizer(),
        known.PhoneRecognizer(supported_regions=("US",)),
    ]  # fmt: skip
