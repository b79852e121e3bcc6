"""Rules about concepts, their hierarchy and mappings, and about identifiers of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kg.validation.model import GENERAL, kinds
from kg.validation.rule import Rule, in_list
from pipeline.biolink import CATEGORIES
from pipeline.curies import expand

__all__ = ["CONCEPT_RULES", "IDENTIFIER_RULES", "MALFORMED"]

_CONCEPTS: Final = "sh:targetSubjectsOf skos:prefLabel ;"
_RESULTS: Final = ("biolink:Association", "biolink:StudyResult", "biolink:TextMiningStudyResult")
#: Mappings that an exact one excludes (SKOS, integrity condition S46; narrow is the inverse of broad).
_EXCLUDED: Final = ("broad", "narrow", "related")
_TARGETS: Final = ("rdf:subject", "rdf:predicate", "rdf:object", "biolink:publications", "rdfs:subClassOf")
_IDENTIFIERS: Final = (
    "sh:targetSubjectsOf skos:prefLabel ; sh:targetObjectsOf " + " , ".join(f"<{expand(t)}>" for t in _TARGETS) + " ;"
)

#: Characters that no identifier has, as `expand` writes them: spaces and other controls, quotes, and what IRIs forbid,
#: less the angle brackets, which are found in DOIs.
_FORBIDDEN: Final = (*range(0x21), 0x22, 0x5C, 0x5E, 0x60, 0x7B, 0x7C, 0x7D, 0x7F)
#: A malformed identifier, as a regular expression of SQL.
MALFORMED: Final = "[" + "".join(f"\\x{{{code:02X}}}" for code in _FORBIDDEN) + "]"


def _kind_shapes(path: str) -> Iterator[str]:
    """A shape for each kind: not of this kind, or nothing on the path is of another."""
    for kind in kinds().values():
        yield (
            f"sh:targetSubjectsOf {path} ; sh:or ( [ sh:not [ sh:path rdf:type ; sh:minCount 1 ; {in_list(kind)} ] ] "
            f"[ sh:path ( {path} rdf:type ) ; {in_list([*kind, *GENERAL])} ] )"
        )


def _kind_query(links: str) -> str:
    """Links between concepts of different kinds."""
    return f"""SELECT c.curie AS node, c.name || ' (' || c.kind || '), ' || o.name || ' (' || o.category || ')' AS detail
        FROM of_kind c JOIN ({links}) l ON l.curie = c.curie
        JOIN concepts o ON o.curie = l.other LEFT JOIN kinds x ON x.category = o.category
        WHERE o.category IS NOT NULL AND (x.category IS NULL OR (x.kind IS NOT NULL AND x.kind != c.kind))"""  # noqa: S608


_PARENTS: Final = "SELECT DISTINCT curie, unnest(parents) AS other FROM concepts"
_MATCHES: Final = (
    "SELECT DISTINCT curie, match.curie AS other, match.predicate AS kind "
    "FROM (SELECT curie, unnest(matches) AS match FROM concepts)"
)

CONCEPT_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "category_unknown",
        "violation",
        "concept",
        "The concept is of no class of the Biolink model",
        "Correct vocabulary.categories, or the vocabulary that states it",
        (f"{_CONCEPTS} sh:path rdf:type ; sh:minCount 1 ; {in_list(list(CATEGORIES))}",),
        """SELECT curie AS node, max(category) AS detail FROM concepts GROUP BY curie
           HAVING count(name) > 0 AND (count(category) = 0
               OR count(category) FILTER (category NOT IN (SELECT category FROM kinds)) > 0)""",
    ),
    Rule(
        "name_missing",
        "violation",
        "concept",
        "The concept has no preferred name",
        "Give it one in its vocabulary, or leave it out",
        (
            "sh:targetSubjectsOf rdf:type ; sh:or ( "
            f"[ sh:path rdf:type ; {in_list(_RESULTS)} ] [ sh:path skos:prefLabel ; sh:minCount 1 ] )",
            f'{_CONCEPTS} sh:path skos:prefLabel ; sh:pattern "[^ ]"',
        ),
        """SELECT curie AS node, max(category) AS detail FROM concepts GROUP BY curie
           HAVING (count(name) = 0 AND count(category) > 0) OR count(name) FILTER (NOT regexp_matches(name, '[^ ]')) > 0""",
    ),
    Rule(
        "names_differ",
        "violation",
        "concept",
        "The concept has several preferred names in one language",
        "Let one vocabulary name it, or give it two identifiers",
        (f"{_CONCEPTS} sh:path skos:prefLabel ; sh:uniqueLang true",),
        """SELECT curie AS node, string_agg(DISTINCT name, ' | ' ORDER BY name) AS detail FROM concepts
           GROUP BY curie HAVING count(DISTINCT name) > 1""",
    ),
    Rule(
        "name_shared",
        "info",
        "concept",
        "Another concept has the same preferred name",
        "Where they are the same, say so by an exact match; then they become one",
        (f"{_CONCEPTS} sh:path ( skos:prefLabel [ sh:inversePath skos:prefLabel ] ) ; sh:maxCount 1",),
        """SELECT c.curie AS node, max(c.name) AS detail FROM concepts c JOIN (
               SELECT name FROM concepts GROUP BY name HAVING count(DISTINCT curie) > 1) USING (name) GROUP BY c.curie""",
    ),
    Rule(
        "is_a_cycle",
        "violation",
        "concept",
        "The concept is a kind of itself, through its superclasses",
        "Take one is_a away, in the vocabulary that states it",
        (
            "sh:targetSubjectsOf rdfs:subClassOf ; sh:path [ sh:oneOrMorePath [ sh:inversePath rdfs:subClassOf ] ] ; "
            "sh:disjoint rdfs:subClassOf",
        ),
        "SELECT curie AS node, cycle AS detail FROM cycles",
    ),
    Rule(
        "parent_unknown",
        "info",
        "concept",
        "The concept has a superclass that no vocabulary describes",
        "Give the vocabulary that has it, if questions go up to it",
        (
            "sh:targetSubjectsOf rdfs:subClassOf ; sh:path rdfs:subClassOf ; "
            "sh:node [ sh:property [ sh:path skos:prefLabel ; sh:minCount 1 ] ]",
        ),
        f"""SELECT curie AS node, min(other) AS detail FROM ({_PARENTS})
            WHERE other NOT IN (SELECT curie FROM concepts WHERE name IS NOT NULL) GROUP BY curie""",  # noqa: S608
    ),
    Rule(
        "parent_of_other_kind",
        "warning",
        "concept",
        "The concept has a superclass of another kind",
        "Correct the class of one of them by vocabulary.categories, or the is_a",
        tuple(_kind_shapes("rdfs:subClassOf")),
        _kind_query(_PARENTS),
    ),
    Rule(
        "match_of_other_kind",
        "warning",
        "concept",
        "The concept is said to be exactly a concept of another kind",
        "Correct the mapping, or the class of one of them by vocabulary.categories",
        tuple(_kind_shapes("skos:exactMatch")),
        _kind_query(f"SELECT curie, other FROM ({_MATCHES}) WHERE kind = 'exact'"),  # noqa: S608
    ),
    Rule(
        "matches_contradict",
        "violation",
        "concept",
        "The concept is mapped to one other both exactly and as broader, narrower or related",
        "Take one of the mappings away, in the vocabulary that states it",
        tuple(
            f"sh:targetSubjectsOf skos:exactMatch ; sh:path skos:exactMatch ; sh:disjoint skos:{k}Match"
            for k in _EXCLUDED
        ),
        f"""SELECT curie AS node, min(other) AS detail FROM ({_MATCHES}) GROUP BY curie, other
            HAVING bool_or(kind = 'exact') AND bool_or(kind IN {_EXCLUDED})""",  # noqa: S608
    ),
)

IDENTIFIER_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "identifier_malformed",
        "violation",
        "any",
        "The identifier holds a space, a quote or another character that none may have",
        "Correct it in the vocabulary, graph or literature that it comes from",
        (
            f"{_IDENTIFIERS} sh:nodeKind sh:IRI ; "
            f'sh:not [ sh:pattern "%({"|".join(f"{code:02X}" for code in _FORBIDDEN)})" ]',
        ),
        f"SELECT curie AS node, min(place) AS detail FROM identifiers WHERE regexp_matches(curie, '{MALFORMED}') GROUP BY curie",  # noqa: S608
    ),
    Rule(
        "prefix_unregistered",
        "info",
        "any",
        "The identifier has a prefix that is not in the pinned map, so its IRI is one of our own",
        "Use the prefix of the Bioregistry, if it has one",
        (f'{_IDENTIFIERS} sh:not [ sh:pattern "^{expand("materia:unregistered/")}" ]',),
        "SELECT curie AS node, min(place) AS detail FROM identifiers "
        "WHERE split_part(curie, ':', 1) NOT IN (SELECT prefix FROM prefixes) GROUP BY curie",
    ),
)
