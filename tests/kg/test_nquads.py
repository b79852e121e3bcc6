"""The graph as text: what is said about a claim, a sentence and a concept, and that any text survives it."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kg.config import FusionConfig, SplitConfig
from kg.fusion import fuse
from kg.nquads import write_nquads
from kg.tables import TRIPLES
from pipeline.curies import expand
from pipeline.errors import MateriaError
from pipeline.tables import VOCABULARY

Write = Callable[[list[dict[str, Any]]], list[str]]
NONE = VOCABULARY.empty_table()

HOSTILE = [
    'he said "no"',
    "back\\slash \\n \\u0041",
    "line\nfeed\r\nand\ttab",
    "".join(map(chr, range(32))) + "\x7f",
    "\u0085\u2028\u2029\ufeff",
    "\U0001f48a ß 中文 é é",
    "' OR 1=1; DROP TABLE triples --",
    "<http://a> <http://b> <http://c> .\n",
    "",
]


def concept(**columns: Any) -> dict[str, Any]:
    plain = {"curie": "MESH:D008687", "name": "Metformin", "synonyms": [], "category": "biolink:SmallMolecule"}
    return plain | {"definition": None, "parents": [], "xrefs": [], "sources": ["v"]} | columns


def vocabulary(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([concept(**row) for row in rows], VOCABULARY)


def write(path: Path, evidence: list[str], concepts: pa.Table = NONE, **config: Any) -> bytes:
    """The N-Quads of the evidence, checked for the form every such file has."""
    triples = fuse(evidence, FusionConfig(**config), SplitConfig()) if evidence else TRIPLES.empty_table()
    quads = write_nquads(path, triples, evidence, concepts)
    data = path.read_bytes()
    lines = data.split(b"\n")
    assert lines.pop() == b""
    assert lines == sorted(set(lines)), "sorted by bytes, each line once"
    assert quads == len(lines) == len(set(ox.parse(data, format=ox.RdfFormat.N_QUADS))), "as many quads as lines"
    return data


def iri(curie: str) -> ox.NamedNode:
    return ox.NamedNode(expand(curie))


def values(data: bytes, subject: str, predicate: str) -> set[str]:
    quads = ox.parse(data, format=ox.RdfFormat.N_QUADS)
    return {q.object.value for q in quads if q.subject == iri(subject) and q.predicate == iri(predicate)}


def test_a_claim_is_an_association_with_its_belief_and_publications(tmp_path: Path, write_evidence: Write) -> None:
    evidence = write_evidence([{}, {"doc_id": "PMID:2"}])
    (claim,) = fuse(evidence, FusionConfig(), SplitConfig()).to_pylist()
    data = write(tmp_path / "graph.nq", evidence)
    node = f"materia:triple/{claim['triple_id']}"
    told = {
        "rdf:type": {expand("biolink:Association")},
        "rdf:subject": {expand("MESH:D008687")},
        "rdf:predicate": {expand("biolink:treats")},
        "rdf:object": {expand("MESH:D003924")},
        "biolink:publications": {expand("PMID:1"), expand("PMID:2")},
        "materia:belief": {str(claim["belief"])},
        "materia:contradiction": {"0"},
        "materia:contested": {"false"},
        "materia:supporting_documents": {"2"},
        "materia:contradicting_evidence": {"0"},
        "materia:split": {claim["split"]},
        "biolink:knowledge_level": {"not_provided"},
        "biolink:agent_type": {"text_mining_agent"},
    }
    assert {predicate: values(data, node, predicate) for predicate in told} == told
    assert values(data, "MESH:D008687", "biolink:treats") == {expand("MESH:D003924")}


@pytest.mark.realdata
def test_knowledge_level_and_agent_type_are_values_of_the_model(materia_data: Path) -> None:
    import gzip

    import yaml

    with gzip.open(materia_data / "vocabulary" / "biolink-model.yaml.gz") as stream:
        model = yaml.load(stream, yaml.CSafeLoader)
    assert "not_provided" in model["enums"]["KnowledgeLevelEnum"]["permissible_values"]
    assert "text_mining_agent" in model["enums"]["AgentTypeEnum"]["permissible_values"]
    slots = model["slots"]
    assert [slots[name]["slot_uri"] for name in ("subject", "predicate", "object")] == [
        "rdf:subject",
        "rdf:predicate",
        "rdf:object",
    ]
    assert {"publications", "supporting text", "supporting text section type"} <= set(slots)
    assert {"association", "text mining study result"} <= set(model["classes"])


def test_a_sentence_stands_in_the_graph_of_its_document(tmp_path: Path, write_evidence: Write) -> None:
    data = write(tmp_path / "graph.nq", write_evidence([{"evidence_id": "ab", "section": None, "certainty": 0.5}]))
    quads = [q for q in ox.parse(data, format=ox.RdfFormat.N_QUADS) if q.subject == iri("materia:evidence/ab")]
    assert {q.graph_name for q in quads} == {iri("PMID:1")}
    told = {q.predicate.value: q.object.value for q in quads}
    assert told[expand("biolink:supporting_text")] == "Metformin treats type 2 diabetes."
    assert told[expand("materia:trigger")] == "treats"
    assert (told[expand("materia:probability")], told[expand("materia:certainty")]) == ("0.8", "0.5")
    assert told[expand("prov:wasDerivedFrom")] == expand("PMID:1")
    assert told[expand("prov:wasAttributedTo")] == expand("materia:extractor/trigger.v1")
    assert expand("materia:supports") in told
    assert not {expand("materia:contradicts"), expand("materia:retracted")} & told.keys()


def test_the_direction_of_an_effect_is_told_of_its_evidence(tmp_path: Path, write_evidence: Write) -> None:
    effect = {"predicate": "biolink:affects", "evidence_id": "ab", "direction": "decreased"}
    data = write(tmp_path / "graph.nq", write_evidence([effect, {"predicate": "biolink:affects", "evidence_id": "cd"}]))
    assert values(data, "materia:evidence/ab", "biolink:object_direction_qualifier") == {"decreased"}
    assert values(data, "materia:evidence/cd", "biolink:object_direction_qualifier") == set()


def test_an_effect_of_the_other_direction_contradicts_the_claim(tmp_path: Path, write_evidence: Write) -> None:
    raised = {"predicate": "biolink:affects", "direction": "increased"}
    lowered = {"predicate": "biolink:affects", "direction": "decreased", "doc_id": "PMID:3", "sentence": "lowers"}
    evidence = write_evidence([raised, raised | {"doc_id": "PMID:2"}, lowered])
    (claim,) = fuse(evidence, FusionConfig(), SplitConfig()).to_pylist()
    data = write(tmp_path / "graph.nq", evidence)
    node = f"materia:triple/{claim['triple_id']}"
    assert values(data, node, "biolink:object_direction_qualifier") == {"increased"}
    quads = list(ox.parse(data, format=ox.RdfFormat.N_QUADS))
    against = [quad for quad in quads if quad.predicate == iri("materia:contradicts")]
    assert [quad.graph_name for quad in against] == [iri("PMID:3")]
    assert values(data, node, "materia:contradicting_evidence") == {"1"}
    assert claim["contradicting_evidence"] == 1


@pytest.mark.realdata
def test_directions_are_values_of_the_model(materia_data: Path) -> None:
    import gzip

    import yaml

    with gzip.open(materia_data / "vocabulary" / "biolink-model.yaml.gz") as stream:
        model = yaml.load(stream, yaml.CSafeLoader)
    assert "object direction qualifier" in model["slots"]
    assert {"increased", "decreased"} <= set(model["enums"]["DirectionQualifierEnum"]["permissible_values"])


def test_a_denied_claim_is_never_told_as_a_plain_triple(tmp_path: Path, write_evidence: Write) -> None:
    denied = write_evidence([{"doc_id": "PMID:1", "probability": 0.4}, {"doc_id": "PMID:2", "polarity": False}])
    data = write(tmp_path / "graph.nq", denied)
    assert values(data, "MESH:D008687", "biolink:treats") == set()
    assert data.count(expand("materia:supports").encode()) == data.count(expand("materia:contradicts").encode()) == 1


def test_evidence_of_retracted_papers_follows_the_policy_of_fusion(tmp_path: Path, write_evidence: Write) -> None:
    evidence = write_evidence([{}, {"doc_id": "PMID:2", "retracted": True}])
    assert b"pubmed.ncbi.nlm.nih.gov/2>" not in write(tmp_path / "a.nq", evidence)
    kept = write(tmp_path / "b.nq", evidence, retracted="downweight")
    assert kept.count(expand("materia:retracted").encode()) == 1


def test_a_concept_has_a_class_labels_superclasses_and_cross_references(tmp_path: Path) -> None:
    names = [
        ("Glucophage", "exact"),
        ("Metformin", "exact"),
        ("biguanide", "broad"),
        ("met", "related"),
        ("XR", "narrow"),
    ]
    row = {"synonyms": [{"name": name, "scope": scope} for name, scope in names], "definition": "A drug."}
    data = write(
        tmp_path / "graph.nq", [], vocabulary(row | {"parents": ["MESH:D001645"], "xrefs": ["CHEBI:6801", "odd thing"]})
    )
    told = {
        "rdf:type": {expand("biolink:SmallMolecule")},
        "skos:prefLabel": {"Metformin"},
        "skos:altLabel": {"Glucophage"},
        "skos:definition": {"A drug."},
        "oboInOwl:hasBroadSynonym": {"biguanide"},
        "oboInOwl:hasNarrowSynonym": {"XR"},
        "oboInOwl:hasRelatedSynonym": {"met"},
        "rdfs:subClassOf": {expand("MESH:D001645")},
        "oboInOwl:hasDbXref": {expand("CHEBI:6801"), "https://w3id.org/materia/unregistered/odd%20thing"},
    }
    assert {predicate: values(data, "MESH:D008687", predicate) for predicate in told} == told
    assert b'"Metformin"@en .' in data


def test_a_concept_is_mapped_to_those_of_other_vocabularies(tmp_path: Path) -> None:
    matches = [{"curie": "CHEBI:6801", "predicate": "exact"}, {"curie": "DOID:1", "predicate": "broad"}]
    data = write(tmp_path / "graph.nq", [], vocabulary({"matches": matches}))
    assert values(data, "MESH:D008687", "skos:exactMatch") == {expand("CHEBI:6801")}
    assert values(data, "MESH:D008687", "skos:broadMatch") == {expand("DOID:1")}


def test_a_concept_without_a_class_keeps_its_label(tmp_path: Path) -> None:
    data = write(tmp_path / "graph.nq", [], vocabulary({"category": None}))
    assert values(data, "MESH:D008687", "skos:prefLabel") == {"Metformin"}


TEXTS = st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=20), max_size=30)
BRIEFLY = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


@BRIEFLY
@given(TEXTS)
@example(HOSTILE)
def test_any_text_survives_as_a_literal(tmp_path: Path, texts: list[str]) -> None:
    named = {f"MESH:{i}": text for i, text in enumerate(texts)}
    data = write(tmp_path / "graph.nq", [], vocabulary(*({"curie": c, "name": n} for c, n in named.items())))
    labels = (q for q in ox.parse(data, format=ox.RdfFormat.N_QUADS) if q.predicate == iri("skos:prefLabel"))
    assert {q.subject: q.object.value for q in labels} == {iri(curie): text for curie, text in named.items()}


@BRIEFLY
@given(TEXTS)
@example([*HOSTILE, 'a b"c<d>e{f}g|h^i`j\\k%20#l#m'])
def test_any_text_survives_as_an_identifier(tmp_path: Path, texts: list[str]) -> None:
    """A second # in an IRI is not allowed, nor a space, a quote or a brace."""
    data = write(tmp_path / "graph.nq", [], vocabulary(*({"curie": f"MESH:{local}"} for local in set(texts) - {""})))
    subjects = {q.subject.value for q in ox.parse(data, format=ox.RdfFormat.N_QUADS)}
    assert subjects == {expand(f"MESH:{local}") for local in set(texts) - {""}}


def test_hostile_sentences_survive(tmp_path: Path, write_evidence: Write) -> None:
    evidence = write_evidence(
        [{"sentence": text, "trigger": text, "doc_id": f"PMID:{i}"} for i, text in enumerate(HOSTILE)]
    )
    quads = set(ox.parse(write(tmp_path / "graph.nq", evidence), format=ox.RdfFormat.N_QUADS))
    assert {q.object.value for q in quads if q.predicate == iri("biolink:supporting_text")} == set(HOSTILE)


def test_control_characters_are_escaped_as_canonical_nquads_has_them(tmp_path: Path) -> None:
    data = write(tmp_path / "graph.nq", [], vocabulary({"name": '\x00\x08\t\n\x0b\x0c\r\x1f\x7f"\\'}))
    assert b'"\\u0000\\b\\t\\n\\u000B\\f\\r\\u001F\\u007F\\"\\\\"@en' in data


def test_the_first_error_comes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(session: Any) -> None:
        session.remove_function("escape_controls")  # DuckDB drops it where a transaction fails
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("kg.nquads._check", fill)
    with pytest.raises(OSError, match="no space left"):
        write(tmp_path / "graph.nq", [], vocabulary({"name": "x"}))


def test_the_same_bytes_whatever_the_threads_and_the_files(tmp_path: Path, write_evidence: Write) -> None:
    rows = [
        {"doc_id": f"PMID:{i % 17}", "subject": f"MESH:{i % 5}", "sentence": str(i), "polarity": i % 3 > 0}
        for i in range(400)
    ]
    whole, parts = write_evidence(rows), write_evidence(rows[150:]) + write_evidence(rows[:150])
    triples = fuse(whole, FusionConfig(), SplitConfig())
    concepts = vocabulary(*({"curie": f"MESH:{i}", "name": f"name {i}"} for i in range(50)))
    for name, evidence, threads in (("a", whole, 1), ("b", parts, 3)):
        write_nquads(tmp_path / name, triples, evidence, concepts, threads=threads)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != b""


def test_every_quad_belongs_to_one_bucket(tmp_path: Path, write_evidence: Write) -> None:
    """Two subjects with the same documents and objects share no line, so a bucket can be taken out of a store."""
    lines = []
    for subject in ("MESH:1", "MESH:2"):
        rows = [{"subject": subject, "doc_id": f"PMID:{i}"} for i in range(3)]
        data = write(tmp_path / "graph.nq", write_evidence(rows), vocabulary({"curie": subject}))
        lines.append(set(data.splitlines()))
    assert not lines[0] & lines[1]


def test_an_empty_bucket_is_an_empty_file(tmp_path: Path) -> None:
    assert write(tmp_path / "graph.nq", []) == b""


def test_evidence_that_a_triple_names_must_be_there(tmp_path: Path, write_evidence: Write) -> None:
    triples = fuse(write_evidence([{"evidence_id": "gone"}]), FusionConfig(), SplitConfig())
    with pytest.raises(MateriaError, match="triples, gone: is named by a triple, but is not among the evidence"):
        write_nquads(tmp_path / "graph.nq", triples, write_evidence([]), NONE)


def test_more_lines_than_one_batch_holds(tmp_path: Path) -> None:
    concepts = vocabulary(*({"curie": f"MESH:{i}", "xrefs": [f"HP:{i}", f"HP:{i}"]} for i in range(20_000)))
    data = write(tmp_path / "graph.nq", [], concepts)
    assert data.count(b"\n") == 60_000


@pytest.mark.parametrize("local", ["a b", 'a"b', "<a>", "a\\b", "{a}", "a|b^`", "a\tb", "ä中"])
def test_what_an_iri_cannot_hold_is_percent_encoded(tmp_path: Path, local: str) -> None:
    data = write(tmp_path / "graph.nq", [], vocabulary({"curie": f"XYZ:{local}", "xrefs": [f"MESH:{local}"]}))
    quads = list(ox.parse(data, format=ox.RdfFormat.N_QUADS))
    assert {q.subject for q in quads} == {iri(f"XYZ:{local}")}
    assert values(data, f"XYZ:{local}", "oboInOwl:hasDbXref") == {expand(f"MESH:{local}")}
    assert not set(' "<>\\{}|^`\t') & set(expand(f"XYZ:{local}"))
