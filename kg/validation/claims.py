"""Rules about claims and the evidence behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kg.validation.model import SIDES, Side, sides
from kg.validation.rule import Rule, in_list, sparql
from pipeline.biolink_predicates import PREDICATES
from pipeline.curies import expand

__all__ = ["CLAIM_RULES"]

_NODE: Final = "'materia:triple/' || triple_id"
_EVIDENCE_NODE: Final = "'materia:evidence/' || evidence_id"
_CLAIMS: Final = f"sh:targetClass <{expand('biolink:Association')}> ;"
_EVIDENCE: Final = f"sh:targetClass <{expand('biolink:TextMiningStudyResult')}> , <{expand('biolink:StudyResult')}> ;"
_SCORES: Final = ("belief", "support", "contradiction")
_SINGLE: Final = ("subject", "predicate", "object", *_SCORES, "contested")
#: More than the rounding of belief to 6 decimals, and not a multiple of 1e-12, so that no comparison is a tie.
_ROUNDING: Final = "0.0000010000005"
_DIRECTIONS: Final = ("increased", "upregulated", "decreased", "downregulated")
_CLAIM_TEXT: Final = "subject || ' ' || predicate || ' ' || object"


def _path(name: str) -> str:
    """The property that holds a column."""
    return f"<{expand(('rdf:' if name in ('subject', 'predicate', 'object') else 'materia:') + name)}>"


def _score(name: str) -> str:
    return f"sh:path {_path(name)} ; sh:minCount 1 ; sh:datatype xsd:decimal ; sh:minInclusive 0 ; sh:maxInclusive 1"


def _side_shapes(side: Side) -> Iterator[str]:
    """A shape for each domain (range): another predicate, or an allowed class, or no class known."""
    for predicates, allowed in sides(side).items():
        yield (
            f"{_CLAIMS} sh:or ( [ sh:not [ sh:path rdf:predicate ; {in_list(predicates)} ] ] "
            f"[ sh:path ( rdf:{side} rdf:type ) ; {in_list(allowed)} ] )"
        )


def _side_rule(name: str, side: Side, stated: str) -> Rule:
    return Rule(
        name,
        "warning",
        "claim",
        f"The {side} of the claim is of a class outside the predicate's {stated} in the Biolink model",
        "Correct the concept's class by vocabulary.categories, or the pattern that reads the claim",
        tuple(_side_shapes(side)),
        f"""SELECT {_NODE} AS node, {_CLAIM_TEXT} || ' (' || k.category || ')' AS detail
            FROM triples t JOIN known k ON k.curie = t.{side}
            WHERE k.category IS NOT NULL AND predicate IN (SELECT predicate FROM sides WHERE side = '{side}') AND NOT EXISTS (
                SELECT * FROM sides s WHERE s.side = '{side}' AND s.predicate = t.predicate AND s.category = k.category)""",  # noqa: S608
    )


def _count_rule(name: str, counted: str, what: str, sparql_of: str) -> Rule:
    """The number that a claim states is that of what is there."""
    pools = (("supporting", "supports", "supports"), ("contradicting", "contradicts", "NOT supports"))
    return Rule(
        name,
        "violation",
        "claim",
        f"The claim counts another number of {what} than there are",
        "Build triples and knowledge_graph again; if it stays so, please report it",
        tuple(
            f"{_CLAIMS} "
            + sparql(
                f"SELECT $this WHERE {{ $this materia:{pool}_{counted} ?n . OPTIONAL {{ "
                f"?e materia:{link} $this . ?e prov:wasDerivedFrom ?d }} }} "
                f"GROUP BY $this ?n HAVING (COUNT(DISTINCT {sparql_of}) != ?n)"
            )
            for pool, link, _ in pools
        ),
        f"""SELECT {_NODE} AS node, max({_CLAIM_TEXT}) AS detail
            FROM triples t LEFT JOIN pools p USING (triple_id)
            GROUP BY triple_id, supporting_{counted}, contradicting_{counted}
            HAVING supporting_{counted} != coalesce(max(p.supporting_{counted}_found), 0)
                OR contradicting_{counted} != coalesce(max(p.contradicting_{counted}_found), 0)""",  # noqa: S608
    )


CLAIM_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "predicate_unknown",
        "violation",
        "claim",
        "The claim has a predicate that the Biolink model does not have",
        "Correct it where it comes from: triggers, a trained model, or the mapping of a graph",
        (f"{_CLAIMS} sh:path rdf:predicate ; {in_list(list(PREDICATES))}",),
        f"SELECT {_NODE} AS node, predicate AS detail FROM triples WHERE predicate NOT IN (SELECT curie FROM predicates)",  # noqa: S608
    ),
    _side_rule("subject_outside_domain", "subject", "domain"),
    _side_rule("object_outside_range", "object", "range"),
    Rule(
        "predicate_deprecated",
        "info",
        "claim",
        "The claim has a predicate that the Biolink model advises against",
        "Map it to the one that replaces it, in the mapping of the graph it comes from",
        (
            f"{_CLAIMS} sh:not [ sh:path rdf:predicate ; "
            f"{in_list([curie for curie, predicate in PREDICATES.items() if predicate.deprecated])} ]",
        ),
        f"SELECT {_NODE} AS node, predicate AS detail FROM triples WHERE predicate IN (SELECT curie FROM predicates WHERE deprecated)",  # noqa: S608
    ),
    Rule(
        "claim_about_itself",
        "warning",
        "claim",
        "The claim relates a concept to itself",
        "Look at its evidence; two names of a sentence were linked to one concept",
        (f"{_CLAIMS} sh:path rdf:subject ; sh:disjoint rdf:object",),
        f"SELECT {_NODE} AS node, {_CLAIM_TEXT} AS detail FROM triples WHERE subject = object",  # noqa: S608
    ),
    Rule(
        "concept_unknown",
        "info",
        "claim",
        "The claim names a concept that the vocabularies do not have, so its class is not checked",
        "Give a vocabulary that has it",
        tuple(f"{_CLAIMS} sh:path ( rdf:{side} skos:prefLabel ) ; sh:minCount 1" for side in SIDES),
        f"""SELECT {_NODE} AS node, {_CLAIM_TEXT} AS detail FROM triples
            WHERE subject NOT IN (SELECT curie FROM known WHERE name IS NOT NULL)
               OR object NOT IN (SELECT curie FROM known WHERE name IS NOT NULL)""",  # noqa: S608
    ),
    Rule(
        "claim_not_single",
        "violation",
        "claim",
        "The claim has no value, or several, where it must have one",
        "Build triples and knowledge_graph again; if it stays so, please report it",
        tuple(f"{_CLAIMS} sh:path {_path(name)} ; sh:minCount 1 ; sh:maxCount 1" for name in _SINGLE),
        f"SELECT {_NODE} AS node, max({_CLAIM_TEXT}) AS detail FROM triples GROUP BY triple_id HAVING "  # noqa: S608
        # The graph has six decimals of a score: two that differ after these are one value.
        + " OR ".join(f"count(DISTINCT {f'round({name}, 6)' if name in _SCORES else name}) != 1" for name in _SINGLE),
    ),
    Rule(
        "score_out_of_range",
        "violation",
        "claim",
        "The claim has a belief, support or contradiction that is no number from 0 to 1",
        "Build triples again; if it stays so, please report it",
        tuple(f"{_CLAIMS} {_score(name)}" for name in _SCORES),
        f"SELECT {_NODE} AS node, concat_ws(' ', {', '.join(_SCORES)}) AS detail FROM triples WHERE ("  # noqa: S608
        + " AND ".join(f"round({name}, 6) BETWEEN 0 AND 1" for name in _SCORES)
        + ") IS NOT TRUE",
    ),
    Rule(
        "belief_not_product",
        "violation",
        "claim",
        "The claim's belief is not support x (1 - contradiction)",
        "Build triples again; if it stays so, please report it",
        (
            f"{_CLAIMS} "
            + sparql(
                "SELECT $this WHERE { $this materia:belief ?b ; materia:support ?s ; materia:contradiction ?c . "
                f"FILTER (ABS(?b - ?s * (1 - ?c)) > {_ROUNDING}) }}"
            ),
        ),
        f"""SELECT {_NODE} AS node, concat_ws(' ', {", ".join(_SCORES)}) AS detail FROM triples
            WHERE abs(round(belief, 6) - round(support, 6) * (1 - round(contradiction, 6))) > {_ROUNDING}::DOUBLE
            AND isfinite(belief) AND isfinite(support) AND isfinite(contradiction)""",  # noqa: S608
    ),
    Rule(
        "contested_wrong",
        "violation",
        "claim",
        "The claim is marked contested, or is not, against its support and contradiction (both at least 0.5)",
        "Build triples again; if it stays so, please report it",
        (
            f"{_CLAIMS} sh:xone ( [ sh:path {_path('contested')} ; sh:hasValue false ] "
            f"[ sh:and ( [ sh:path {_path('support')} ; sh:minInclusive 0.5 ] "
            f"[ sh:path {_path('contradiction')} ; sh:minInclusive 0.5 ] ) ] )",
        ),
        f"""SELECT {_NODE} AS node, concat_ws(' ', support, contradiction) AS detail FROM triples
            WHERE contested != (round(support, 6) >= 0.5 AND round(contradiction, 6) >= 0.5
                                AND isfinite(support) AND isfinite(contradiction))""",  # noqa: S608
    ),
    _count_rule("evidence_miscounted", "evidence", "pieces of evidence", "?e"),
    _count_rule("documents_miscounted", "documents", "documents", "?d"),
    Rule(
        "publications_differ",
        "violation",
        "claim",
        "The claim's publications are not the documents of its evidence",
        "Build triples and knowledge_graph again; if it stays so, please report it",
        (
            f"{_CLAIMS} sh:path ( [ sh:inversePath [ sh:alternativePath ( {_path('supports')} {_path('contradicts')} ) ] ] "
            f"<{expand('prov:wasDerivedFrom')}> ) ; sh:equals <{expand('biolink:publications')}>",
        ),
        f"""SELECT {_NODE} AS node, coalesce(s.doc_id, f.doc_id) AS detail
            FROM (SELECT DISTINCT triple_id, unnest(doc_ids) AS doc_id FROM triples) s
            FULL JOIN (SELECT DISTINCT triple_id, doc_id FROM used WHERE supports IS NOT NULL) f USING (triple_id, doc_id)
            WHERE s.doc_id IS NULL OR f.doc_id IS NULL""",  # noqa: S608
    ),
    Rule(
        "evidence_of_no_claim",
        "violation",
        "claim",
        "The evidence does not speak for or against exactly one claim",
        "Build evidence_shuffle and triples again; if it stays so, please report it",
        (
            f"{_EVIDENCE} sh:path [ sh:alternativePath ( {_path('supports')} {_path('contradicts')} ) ] ; "
            "sh:minCount 1 ; sh:maxCount 1",
        ),
        f"""SELECT {_EVIDENCE_NODE} AS node, min(doc_id) AS detail FROM used
            GROUP BY evidence_id HAVING count(DISTINCT CASE WHEN supports IS NOT NULL THEN triple_id END) != 1""",  # noqa: S608
    ),
    Rule(
        "evidence_of_no_document",
        "violation",
        "claim",
        "The evidence does not come from exactly one document",
        "Build evidence_shuffle and triples again; if it stays so, please report it",
        (
            f"{_EVIDENCE} sh:path <{expand('prov:wasDerivedFrom')}> ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI",
        ),
        f"""SELECT {_EVIDENCE_NODE} AS node, string_agg(DISTINCT doc_id, ' ' ORDER BY doc_id) AS detail FROM used
            GROUP BY evidence_id HAVING count(DISTINCT doc_id) != 1""",  # noqa: S608
    ),
    Rule(
        "evidence_score_out_of_range",
        "violation",
        "claim",
        "The evidence has a probability or certainty that is no number from 0 to 1",
        "Correct the extractor that gave it, then build evidence again",
        tuple(f"{_EVIDENCE} {_score(name)}" for name in ("probability", "certainty")),
        f"""SELECT {_EVIDENCE_NODE} AS node, concat_ws(' ', probability, certainty) AS detail FROM used
            WHERE (round(probability, 6) BETWEEN 0 AND 1 AND round(certainty, 6) BETWEEN 0 AND 1) IS NOT TRUE""",  # noqa: S608
    ),
    Rule(
        "evidence_without_words",
        "violation",
        "claim",
        "The evidence quotes nothing",
        "Correct the extractor that gave it, then build evidence again",
        (f'{_EVIDENCE} sh:path <{expand("biolink:supporting_text")}> ; sh:minCount 1 ; sh:pattern "[^ ]"',),
        f"SELECT {_EVIDENCE_NODE} AS node, doc_id AS detail FROM used WHERE wordless",  # noqa: S608
    ),
    Rule(
        "direction_unknown",
        "violation",
        "claim",
        "The evidence has a direction of the effect that the Biolink model does not have",
        f"Use one of {', '.join(_DIRECTIONS)}",
        (
            f"{_EVIDENCE} sh:path <{expand('biolink:object_direction_qualifier')}> ; "
            f"sh:in ( {' '.join(f'{chr(34)}{d}{chr(34)}' for d in _DIRECTIONS)} )",
        ),
        f"SELECT {_EVIDENCE_NODE} AS node, direction AS detail FROM used WHERE direction NOT IN {_DIRECTIONS}",  # noqa: S608
    ),
)
