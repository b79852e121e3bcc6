"""Claims by grammar: who does what to whom in a parsed sentence, for pipelines that have a parser.

A few constructions of high precision, each a pattern of spaCy's `DependencyMatcher` over the labels of its English models (ClearNLP's:
nsubj, dobj, nsubjpass, agent, pobj, acl): "X induces Y", "Y was induced by X", "Y induced by X", "treatment of Y with X". They reach over
what a surface pattern cannot ("X, given to twenty rats for a week, induced Y"). `materia_claims` is the component: it writes the claims of
surface patterns about `doc._.materia_mentions`, and these where the Doc is parsed, to `doc._.materia_claims`.

Only pipelines of others have a parser, so bulk extraction does without. No parser comes with Materia, so the probabilities are hand-made
and the tests parse by hand. This module imports spaCy, so import it where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from spacy.language import Language
from spacy.matcher import DependencyMatcher
from spacy.tokens import Doc, Token
from spacy.vocab import Vocab

from pipeline.claims import EXTRACTOR as SURFACE
from pipeline.claims import sentence_claims
from pipeline.trigger_patterns import EntitySpan, Found, kind_of

__all__ = ["EXTRACTOR", "find_dependency_claims", "make_claims"]

#: Name and version of these patterns, part of every evidence id.
EXTRACTOR = "dependency.v1"
PROBABILITY = 0.85
HEDGED = 0.6

# Verbs by how they begin; the kinds of the two ends; what is claimed, and the direction of an effect.
_CONDITION, _TARGET, _DRUG = {"disease", "phenotype"}, {"gene", "substance", "role"}, {"substance", "role"}
_VERBS: tuple[tuple[str, set[str], set[str], str, str | None], ...] = (
    ("(?:induc|caus|provok|trigger|elicit|precipitat)", _DRUG | _CONDITION, _CONDITION, "biolink:causes", None),
    ("(?:alleviat|ameliorat|reliev|attenuat|improv)", _DRUG, _CONDITION, "biolink:ameliorates_condition", None),
    ("(?:exacerbat|aggravat|worsen)", _DRUG, _CONDITION, "biolink:exacerbates_condition", None),
    ("prevent", _DRUG, _CONDITION, "biolink:preventative_for_condition", None),
    ("(?:treat|cur)(?:s|ed|es|ing)?$", _DRUG, _CONDITION, "biolink:treats", None),
    ("(?:inhibit|suppress|block|antagoni|repress|down-?regulat)", _DRUG | {"gene"}, _TARGET, "biolink:affects", "decreased"),
    ("(?:activat|stimulat|enhanc|up-?regulat)", _DRUG | {"gene"}, _TARGET, "biolink:affects", "increased"),
)  # fmt: skip
_ANY_VERB = "^(?:" + "|".join(verb for verb, *_ in _VERBS) + ")"
# Nouns that stand for the drug they are made of: "aspirin therapy induced ...", "administration of aspirin induced ...".
_CARRIERS = re.compile(r"(?:administration|therapy|treatment|use|exposure|infusion|injection|ingestion|doses?|intake)$")
_HEDGES = {"may", "might", "could", "possibly", "probably"}
_DENIALS = {"not", "n't", "never", "no", "neither", "without"}
_CONDITIONS = {"if", "whether", "unless"}


def _pattern(word: str, label: str, *steps: tuple[str, str, str, str]) -> list[dict[str, Any]]:
    """A pattern of `DependencyMatcher`: how the trigger and its label look, then (known, operator, new, label of the new) for each step."""
    trigger = {"RIGHT_ID": "trigger", "RIGHT_ATTRS": {"LOWER": {"REGEX": word}, "DEP": {"REGEX": label}}}
    return [trigger] + [
        {"LEFT_ID": known, "REL_OP": operator, "RIGHT_ID": new, "RIGHT_ATTRS": {"DEP": {"REGEX": of}}}
        for known, operator, new, of in steps
    ]


_BY = ("trigger", ">", "by", "^(?:agent|prep)$")
_AGENT = ("by", ">", "subject", "^pobj$")
_CONSTRUCTIONS = {
    "active": _pattern(_ANY_VERB, "", ("trigger", ">", "subject", "^nsubj$"), ("trigger", ">", "object", "^d?obj$")),
    "passive": _pattern(_ANY_VERB, "", ("trigger", ">", "object", "^nsubjpass$"), _BY, _AGENT),
    "reduced": _pattern(_ANY_VERB, "^acl$", ("trigger", "<", "object", ""), _BY, _AGENT),
    "treatment": _pattern(
        "^(?:treatment|management|therapy)$", "",
        ("trigger", ">", "of", "^prep$"), ("of", ">", "object", "^pobj$"),
        ("trigger", ">", "with", "^prep$"), ("with", ">", "subject", "^pobj$"),
    ),
}  # fmt: skip
#: The preposition that a construction needs, by the name of its token.
_WORDS = {"by": "by", "of": "of", "with": "with"}


@lru_cache(maxsize=4)
def _matcher(vocab: Vocab) -> DependencyMatcher:
    matcher = DependencyMatcher(vocab)
    for name, pattern in _CONSTRUCTIONS.items():
        matcher.add(name, [pattern])
    return matcher


def find_dependency_claims(doc: Doc, entities: Sequence[EntitySpan]) -> list[Found]:
    """The claims that the grammar of a parsed Doc makes between its mentions, sorted by the places of their ends, each pair once.

    Args:
        doc: with dependency labels as spaCy's English models give them.
        entities: offsets into the Doc's text.
    """
    places: dict[int, int] = {}
    for number, entity in enumerate(entities):
        span = doc.char_span(entity.start, entity.end, alignment_mode="expand")
        if span is not None:
            places.setdefault(span.root.i, number)
    found: dict[tuple[int, int], Found] = {}
    for key, tokens in _matcher(doc.vocab)(doc):
        construction = doc.vocab.strings[key]
        names = [node["RIGHT_ID"] for node in _CONSTRUCTIONS[construction]]
        named = {name: doc[place] for name, place in zip(names, tokens, strict=True)}
        if any(named[name].lower_ != word for name, word in _WORDS.items() if name in named):
            continue
        for subject in _ends(named["subject"], places):
            for object_ in _ends(named["object"], places):
                claim = _claim(named["trigger"], construction, entities, subject, object_)
                if claim is not None:
                    found.setdefault((subject, object_), claim)
    return [found[pair] for pair in sorted(found)]


def _ends(token: Token, places: dict[int, int]) -> list[int]:
    """The mentions that a noun stands for: itself and what is coordinated with it, or what is administered."""
    ends = []
    for noun in (token, *token.conjuncts):
        if noun.i in places:
            ends.append(places[noun.i])
        elif _CARRIERS.search(noun.lower_):
            inner = [child for child in noun.children if child.dep_ == "compound"]
            inner += [o for child in noun.children if child.lower_ == "of" for o in child.children if o.dep_ == "pobj"]
            ends += [places[child.i] for child in inner if child.i in places]
    return ends


def _claim(
    trigger: Token, construction: str, entities: Sequence[EntitySpan], subject: int, object_: int
) -> Found | None:
    one, other = entities[subject], entities[object_]
    kinds = kind_of(one.category), kind_of(other.category)
    if one.curie == other.curie:
        return None
    verb = "treat" if construction == "treatment" else trigger.lower_
    for beginning, subjects, objects, predicate, direction in _VERBS:
        if re.match(beginning, verb) and kinds[0] in subjects and kinds[1] in objects:
            near = {child.lower_ for end in (trigger, *trigger.children) for child in (end, *end.lefts)}
            hypothetical = bool(near & _CONDITIONS)
            certainty = HEDGED if hypothetical or near & _HEDGES else 1.0
            return Found(
                subject, predicate, object_, trigger.text, direction, not near & _DENIALS, certainty, hypothetical, PROBABILITY,
                f"dependency-{construction}",
            )  # fmt: skip
    return None


class _Claims:
    """Claims about `doc._.materia_mentions`, as dictionaries in `doc._.materia_claims`, each with the extractor that found it."""

    def __call__(self, doc: Doc) -> Doc:
        linked = [mention for mention in doc._.materia_mentions if mention["curie"]]
        doc._.materia_claims = [*_surface(doc, linked), *(_grammar(doc, linked) if doc.has_annotation("DEP") else ())]
        return doc


def _surface(doc: Doc, mentions: Sequence[Any]) -> Iterator[dict[str, Any]]:
    columns = ("start", "end", "curie", "category", "negated", "hedged", "sentence_start", "sentence_end")
    rows = [tuple(mention[column] for column in columns) for mention in mentions]
    for _, _, claim, subject, object_ in sentence_claims(doc.text, rows):
        yield _row(claim, subject.curie, object_.curie, SURFACE)


def _grammar(doc: Doc, mentions: Sequence[Any]) -> Iterator[dict[str, Any]]:
    columns = ("start", "end", "curie", "category", "negated", "hedged")
    entities = [EntitySpan(*(mention[column] for column in columns)) for mention in mentions]
    for claim in find_dependency_claims(doc, entities):
        yield _row(claim, entities[claim.subject].curie, entities[claim.object].curie, EXTRACTOR)


def _row(claim: Found, subject: str, object_: str, extractor: str) -> dict[str, Any]:
    kept = ("predicate", "trigger", "direction", "polarity", "certainty", "hypothetical", "probability")
    return {
        "subject": subject, "object": object_, "extractor": extractor, **{name: getattr(claim, name) for name in kept},
    }  # fmt: skip


if not Doc.has_extension("materia_claims"):
    Doc.set_extension("materia_claims", default=[])


@Language.factory("materia_claims")
def make_claims(nlp: Language, name: str) -> _Claims:
    """Factory of the claims; it wants `materia_linker` before it, and a parser if grammar is to be read."""
    return _Claims()
