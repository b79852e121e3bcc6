"""What a build would read of a file, and that every real file is read to the count its README gives."""

from __future__ import annotations

import gzip
import json

import pytest

from pipeline.errors import MateriaError
from pipeline.inspection import inspect_files

KGX = {
    "nodes": [{"id": "MESH:D001241", "category": ["biolink:SmallMolecule"], "name": "Aspirin"}],
    "edges": [
        {"subject": "MESH:D001241", "predicate": "biolink:treats", "object": "MESH:D005334", "publications": ["PMID:1"]}
    ],
}


def look(*paths, **options):
    return list(inspect_files([str(path) for path in paths], **options))


def test_a_file_of_papers_shows_its_first_documents_and_what_is_set_aside(tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_text('{"id": "PMID:1", "title": "One"}\nno json\n{"title": " "}\n{"id": "PMID:2", "deleted": true}\n')
    (found,) = look(path, rows=1)
    assert (found.kind, found.format, found.counts["documents"], found.counts["deletions"]) == (
        "literature", "jsonl.v1", 2, 1,
    )  # fmt: skip
    assert [row["document"] for row in found.rows] == ["PMID:1"]
    assert dict(found.set_aside) == {"invalid-json": 1, "no-text": 1}
    assert found.examples[0].record == "line 2"


def test_a_vocabulary_shows_its_concepts(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("curie\tname\tsynonyms\nMESH:D1\tPain\tAche|Hurt\nnothing\tx\t\n")
    (found,) = look(path, rows=5)
    assert (found.kind, found.counts["concepts"], found.counts["names"]) == ("vocabulary", 1, 3)
    assert (found.rows[0]["name"], found.rows[0]["other names"]) == ("Pain", "Ache; Hurt")
    assert dict(found.set_aside) == {"no-identifier": 1}


def test_a_kgx_file_is_a_vocabulary_and_a_graph(tmp_path):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(KGX))
    vocabulary, graph = look(path, rows=5)
    assert (vocabulary.kind, vocabulary.counts["concepts"]) == ("vocabulary", 1)
    assert (graph.kind, graph.counts["edges"], graph.counts["with a publication"]) == ("graph", 1, 1)
    assert graph.rows[0]["publication"] == "PMID:1"


def test_a_table_of_papers_with_three_columns_is_no_graph_of_triples(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("pmid\ttitle\tabstract\n1\tA title\tAn abstract\n")
    assert look(path)[0].kind == "literature"


def test_the_users_word_goes_before_the_content(tmp_path):
    path = tmp_path / "x.dat"
    path.write_text("# Aspirin\n\nIt helps.\n")
    assert look(path)[0].kind == "none"
    (found,) = look(path, format_="markdown", rows=1)
    assert (found.format, found.rows[0]["title"]) == ("markdown.v1", "Aspirin")
    assert look(path, format_="obo.v2")[0].kind == "vocabulary"
    with pytest.raises(MateriaError, match="Choose one of"):
        look(path, format_="nonsense")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty-file"), (b"\x89PNG\r\n", "unknown-format"), (gzip.compress(b"x" * 99, mtime=0)[:12], "truncated-gzip")]
)  # fmt: skip
def test_a_file_that_nobody_reads_says_why(tmp_path, content, reason):
    (tmp_path / "x").write_bytes(content)
    (found,) = look(tmp_path / "x")
    assert (found.kind, dict(found.set_aside)) == ("none", {reason: 1})
    assert found.examples[0].detail.endswith(".")


def test_a_missing_path_is_an_error(tmp_path):
    with pytest.raises(MateriaError, match="does not exist"):
        look(tmp_path / "none")


#: Every file under literature, annotated and vocabulary: kind, what is counted, how many, and, where that is not the number of
#: the data's README, the records set aside that make up the difference.
REAL = {
    "annotated/bc5cdr/train.pubtator": ("documents", 480, {}),
    "annotated/bc5cdr/dev.pubtator": ("documents", 483, {}),
    "annotated/bc5cdr/dev.bioc.xml.gz": ("documents", 483, {"annotation-mismatch": 1}),
    "annotated/ncbi_disease/train.pubtator": ("documents", 589, {}),
    "annotated/ncbi_disease/dev.pubtator": ("documents", 99, {}),
    "annotated/biored/train.pubtator": ("documents", 346, {}),
    "annotated/chemprot_sentences/train.jsonl.gz": ("documents", 4169, {}),
    "annotated/chemprot_sentences/dev.jsonl.gz": ("documents", 2427, {}),
    "annotated/ddi2013/train.zip": ("documents", 714, {"annotation-mismatch": 1}),
    "literature/cohen2006.jsonl.gz": ("documents", 10_733, {}),
    "literature/pubmed/medsamp2006.xml.gz": ("documents", 88, {}),
    "vocabulary/doid_2016-03-04.obo.gz": ("concepts", 9243 - 2369, {"obsolete": 2369}),
    "vocabulary/hp_2013-11-30.obo.gz": ("concepts", 10_267 - 44, {"obsolete": 44}),
    "vocabulary/hp-zh.babelon.tsv.gz": ("translations", 18_988, {}),
    "vocabulary/uberon_import.obo.gz": ("concepts", 7577 - 1, {"no-name": 1}),
    "vocabulary/medic_2012-07-06.txt.gz": ("concepts", 11_915 - 1, {"no-identifier": 1}),
    "vocabulary/mesh_names.tsv.gz": ("concepts", 29_054, {}),
    "vocabulary/mesh2015_tree_numbers.tsv.gz": ("concepts", 27_453, {}),  # standing in 56,341 places of the tree
    "vocabulary/RXNORM.csv.gz": ("concepts", 119_543, {}),
    "vocabulary/biolink-model.yaml.gz": ("concepts", 0, {"unknown-format": 1}),  # the model itself, no list of concepts
}


@pytest.mark.realdata
def test_every_real_file_is_read_to_the_count_of_its_readme(materia_data):
    found = {
        one.file: one for one in look(*(materia_data / name for name in ("annotated", "literature", "vocabulary")))
    }
    articles = [name for name in found if name.startswith("literature/jats/")]
    citations = [name for name in found if name.startswith("literature/pubmed/")]
    assert (len(articles), len(citations)) == (30, 7)
    assert set(found) == set(REAL) | set(articles) | set(citations)
    for name, (what, count, aside) in REAL.items():
        assert (found[name].counts[what], dict(found[name].set_aside)) == (count, aside), name
    for name in articles:
        assert (found[name].counts["documents"], found[name].counts["full texts"]) == (1, 1), name
    assert all(found[name].counts["documents"] and not found[name].set_aside for name in citations)


def test_obo_graphs_and_nodes_alone_are_no_graph_of_edges(tmp_path):
    (tmp_path / "onto.json").write_text(
        json.dumps({"graphs": [{"nodes": [{"id": "http://purl.obolibrary.org/obo/X_1", "lbl": "x"}]}]}, indent=1)
    )
    (tmp_path / "nodes.json").write_text(json.dumps({"nodes": KGX["nodes"]}))
    assert [(one.file.split("/")[1], one.format) for one in look(tmp_path)] == [
        ("nodes.json", "kgx_json.v1"), ("onto.json", "obographs.v1"),
    ]  # fmt: skip
