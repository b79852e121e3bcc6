"""What is said of the corpus' origin: valid PROV-O, sorted, the same for the same inputs, and no statement that is not asked for."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import Dataset as RdfDataset
from rdflib import Literal, URIRef
from rdflib.namespace import PROV, RDF, RDFS

from kg.prov import GRAPH, PlannedStage, SourceFile, paper_lines, shard_lines, stage_lines, write_sorted
from pipeline.curies import expand
from pipeline.storage import FileEntry, Manifest

SHARD = "split=train/bucket=03/passages-0123456789abcdef.parquet"


def read(path: Path) -> RdfDataset:
    dataset = RdfDataset(default_union=True)
    dataset.parse(path, format="nquads")
    return dataset


@pytest.fixture
def statements(tmp_path: Path) -> RdfDataset:
    """A shard from two papers of one file, the stages that made it, and what they read."""
    (tmp_path / SHARD).parent.mkdir(parents=True)
    rows = {"doc_ids": [["PMID:1"], ["PMID:1", "PMC:2"], []]}
    pq.write_table(pa.table(rows, pa.schema([("doc_ids", pa.list_(pa.string()))])), tmp_path / SHARD)
    empty = FileEntry("split=test/bucket=03/passages-x.parquet", "e" * 64, 10, 0)
    manifest = Manifest(
        "corpus_shards", "03", "5" * 64, "6" * 64, "1.corpus_passages.v1", {"literature_corpus/03": "7" * 64},
        (FileEntry(SHARD, "a" * 64, 100, 3), empty), 3,
    )  # fmt: skip
    lines = [
        *shard_lines(manifest, tmp_path),
        *paper_lines([("PMID:1", 2, "active", 'lit/a "b".xml'), ("PMC:2", 1, "retracted", 'lit/a "b".xml')]),
        *stage_lines(
            [PlannedStage("corpus_shards", "1.corpus_passages.v1", ("literature_corpus",)),
             PlannedStage("literature_corpus", "1", ()), PlannedStage("documents", "1", ())],
            [SourceFile('lit/a "b".xml', "f" * 64, "documents", "pubmed_xml.v1")],
        ),
    ]  # fmt: skip
    written = write_sorted(lines, tmp_path / "out.nq")
    kept = (tmp_path / "out.nq").read_bytes().splitlines()
    assert kept == sorted(set(kept))
    assert len(kept) == written
    return read(tmp_path / "out.nq")


def test_a_shard_leads_over_its_papers_to_the_hash_of_each_file(statements: RdfDataset) -> None:
    rows = statements.query(
        """SELECT ?paper ?file ?sha WHERE {
             ?shard rdfs:label "corpus_shards/split=train/bucket=03" ; prov:wasDerivedFrom ?paper .
             ?paper prov:wasDerivedFrom ?f . ?f rdfs:label ?file ; materia:sha256 ?sha } ORDER BY ?paper""",
        initNs={"prov": PROV, "rdfs": RDFS, "materia": expand("materia:")},
    )
    assert [tuple(map(str, row)) for row in rows] == [  # type: ignore[arg-type]
        (expand("PMID:1"), 'lit/a "b".xml', "f" * 64),
        (expand("PMC:2"), 'lit/a "b".xml', "f" * 64),
    ]


def test_every_node_has_its_class_and_stands_where_prov_o_allows_it(statements: RdfDataset) -> None:
    """Domains and ranges of https://www.w3.org/TR/prov-o/."""
    classes = {node: set(statements.objects(node, RDF.type)) for node in statements.subjects()}
    agents = {node for node, kinds in classes.items() if PROV.SoftwareAgent in kinds}
    entities = {node for node, kinds in classes.items() if PROV.Entity in kinds}
    activities = {node for node, kinds in classes.items() if PROV.Activity in kinds}
    assert agents | entities | activities == set(classes)
    assert not (entities & activities or agents & activities)
    for predicate, subjects, objects in (
        (PROV.wasDerivedFrom, entities, entities),
        (PROV.wasGeneratedBy, entities, activities),
        (PROV.used, activities, entities),
        (PROV.wasInformedBy, activities, activities),
        (PROV.wasAssociatedWith, activities, agents),
    ):
        found = list(statements.subject_objects(predicate))
        assert found, predicate
        assert {s for s, _ in found} <= subjects
        assert {o for _, o in found} <= objects, predicate


def test_all_of_it_stands_in_one_named_graph(statements: RdfDataset) -> None:
    assert {str(graph) for *_, graph in statements.quads()} == {expand(GRAPH)}


def test_an_empty_shard_is_not_told_of(statements: RdfDataset) -> None:
    assert (None, RDFS.label, Literal("corpus_shards/split=test/bucket=03")) not in statements
    assert len(list(statements.subjects(URIRef(expand("materia:rows"))))) == 1


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30))
def test_any_name_of_a_file_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("prov") / "out.nq"
    write_sorted(stage_lines([], [SourceFile(name, "0" * 64, "documents")]), path)
    assert [str(label) for label in read(path).objects(None, RDFS.label)] == [name]
