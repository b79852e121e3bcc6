"""Each export, opened by the format's own reader: the claims come back, and no text breaks a file."""

import csv
import io
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg.export import Selection
from kg.export.export import export_graph
from kg.export.text import cell, joined, quoted, xml
from kg.tables import TRIPLES
from pipeline.errors import SetAside
from pipeline.graphs.kgx import KgxEdges
from pipeline.graphs.mapping import GraphMapping
from pipeline.storage import Dataset
from pipeline.tables import describe
from pipeline.vocabularies.sssom import Sssom

ROOT = Path(__file__).parents[2]
WITH_EVIDENCE = Selection(with_evidence=True)
HOSTILE = 'a\tb "c" d\ne; f|g <h> & =SUM(A1) \x00\x1f\x85\u2028 é 中'
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.fixture(scope="module")
def home(make_home: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five claims on three concepts with names that break tables: one is denied, one comes from another graph."""
    drug = {"subject": "MESH:C1", "sentence": HOSTILE}
    evidence = [
        drug | {"object": "MESH:D1"},
        drug | {"object": "MESH:D1", "doc_id": "PMID:2"},
        drug | {"object": "MESH:D2", "polarity": False},
        drug | {"object": "MESH:D2", "predicate": "biolink:causes"},
        {
            "subject": "MESH:D2",
            "subject_category": "biolink:Disease",
            "object": "MESH:D1",
            "predicate": "biolink:causes",
        },
        {
            "subject": "DOID:7",
            "object": "MESH:D1",
            "extractor": "kgx_edges.v1",
            "section": "g.tsv, line 2 (infores:ctd)",
        },
    ]
    names = [{"name": HOSTILE, "scope": "exact"}, {"name": "wide", "scope": "broad"}]
    concepts = [
        {"curie": "MESH:C1", "name": HOSTILE, "synonyms": names, "category": "biolink:SmallMolecule"},
        {"curie": "MESH:D1", "name": '"', "definition": HOSTILE, "xrefs": ["UMLS:C1"]},
        {"curie": "MESH:D2", "name": "=SUM(A1)", "matches": [{"curie": "HP:1", "predicate": "broad"}]},
    ]
    merges = [
        {"curie": "DOID:1", "merged_into": "MESH:D1", "other": "MESH:D1", "why": "one-to-one-xref", "source": "d.obo"},
        {"curie": "DOID:2", "merged_into": "MESH:D1", "other": "DOID:1", "why": "alternative-id", "source": "d.obo"},
        {"curie": "DOID:3", "other": "MESH:D2", "why": "one-to-one-xref", "source": '"', "refused": "ambiguous"},
    ]
    return make_home(tmp_path_factory.mktemp("home"), evidence, concepts, merges)


def claims(home: Path) -> list[dict[str, Any]]:
    triples = Dataset(home, "triples")
    return [row for key in triples.manifests() for row in triples.read(key).to_pylist()]


def spo(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["subject"], row["predicate"], row["object"]


BELIEVED = {
    ("MESH:C1", "biolink:treats", "MESH:D1"),
    ("MESH:C1", "biolink:causes", "MESH:D2"),
    ("MESH:D2", "biolink:causes", "MESH:D1"),
    ("DOID:7", "biolink:treats", "MESH:D1"),
}
DENIED = ("MESH:C1", "biolink:treats", "MESH:D2")


def test_nquads_are_the_buckets_in_one_order(home: Path, tmp_path: Path) -> None:
    export_graph(home, "nquads", tmp_path / "graph.nq")
    graph = Dataset(home, "knowledge_graph")
    files = [Path(path).read_bytes() for key in graph.manifests() for path in graph.paths(key, ".nq")]
    lines = [line for file in files for line in file.splitlines(keepends=True)]
    assert (tmp_path / "graph.nq").read_bytes() == b"".join(sorted(set(lines)))


def test_nquads_of_some_claims_are_those_of_a_graph_that_has_no_others(
    home: Path, make_home: Callable[..., Path], tmp_path: Path
) -> None:
    export_graph(home, "nquads", tmp_path / "graph.nq", Selection(predicates=("biolink:causes",)))
    quads = set(ox.parse(path=str(tmp_path / "graph.nq"), format=ox.RdfFormat.N_QUADS))
    export_graph(home, "nquads", tmp_path / "all.nq")
    everything = set(ox.parse(path=str(tmp_path / "all.nq"), format=ox.RdfFormat.N_QUADS))
    treats = [row for row in claims(home) if row["predicate"] == "biolink:treats"]
    gone = {f"triple/{row['triple_id']}" for row in treats} | {
        f"evidence/{i}" for row in treats for i in row["evidence_ids"]
    }
    left = {quad for quad in everything if not any(str(quad.subject.value).endswith(name) for name in gone)}
    assert quads == {quad for quad in left if not quad.predicate.value.endswith("/treats")}


def test_turtle_read_by_rdflib_is_the_default_graph_and_trig_all_of_it(home: Path, tmp_path: Path) -> None:
    import rdflib

    export_graph(home, "nquads", tmp_path / "graph.nq")
    export_graph(home, "turtle", tmp_path / "graph.ttl")
    export_graph(home, "turtle", tmp_path / "graph.trig", WITH_EVIDENCE)
    quads = set(ox.parse(path=str(tmp_path / "graph.nq"), format=ox.RdfFormat.N_QUADS))
    default = {quad.triple for quad in quads if quad.graph_name == ox.DefaultGraph()}
    assert {quad.triple for quad in ox.parse(path=str(tmp_path / "graph.ttl"), format=ox.RdfFormat.TURTLE)} == default
    assert len(rdflib.Graph().parse(tmp_path / "graph.ttl")) == len(default)
    assert "\n\ta biolink:SmallMolecule ;\n" in (tmp_path / "graph.ttl").read_text()
    assert set(ox.parse(path=str(tmp_path / "graph.trig"), format=ox.RdfFormat.TRIG)) == quads


def test_kgx_read_back_by_our_own_reader_gives_the_same_claims(home: Path, tmp_path: Path) -> None:
    export_graph(home, "kgx", tmp_path / "kgx", WITH_EVIDENCE)
    reader, path = KgxEdges(), tmp_path / "kgx" / "materia_edges.tsv"
    head = path.read_bytes()[:4096]
    assert reader.recognises(head, path.name)
    with path.open("rb") as stream:
        edges = list(reader.edges(stream, path.name, head, GraphMapping()))
    assert [edge for edge in edges if isinstance(edge, SetAside)] == []
    read = {((edge.subject, edge.predicate, edge.object), edge.negated, edge.publication) for edge in edges}
    assert read == {(spo(row), spo(row) == DENIED, doc_id) for row in claims(home) for doc_id in row["doc_ids"]}
    scores = {(edge.subject, edge.predicate, edge.object): edge.probability for edge in edges}
    for row in claims(home):
        belief = row["contradiction"] * (1 - row["support"]) if spo(row) == DENIED else row["belief"]
        assert scores[spo(row)] == pytest.approx(belief, abs=1e-6), "a denied claim carries the belief in its denial"


def test_kgx_tables_have_as_many_cells_in_every_row(home: Path, tmp_path: Path) -> None:
    export_graph(home, "kgx", tmp_path / "kgx", WITH_EVIDENCE)
    tables = {
        kind: list(
            csv.DictReader((tmp_path / "kgx" / f"materia_{kind}.tsv").open(newline="\n"), delimiter="\t", quoting=3)
        )
        for kind in ("nodes", "edges")
    }
    for rows in tables.values():
        assert all(None not in row and None not in row.values() for row in rows)
    nodes = {row["id"]: row for row in tables["nodes"]}
    assert nodes["MESH:D1"]["name"] == '"'
    assert nodes["MESH:C1"]["synonym"] == 'a b "c" d e; f¦g <h> & =SUM(A1)   é 中', "one exact synonym, on one line"
    assert nodes["DOID:7"] | {"name": "", "provided_by": ""} == nodes["DOID:7"], "an end that no vocabulary names"
    sources = {
        (row["subject"], row["primary_knowledge_source"], row["aggregator_knowledge_source"]) for row in tables["edges"]
    }
    assert ("DOID:7", "infores:ctd", "infores:materia") in sources
    assert ("MESH:C1", "infores:materia", "") in sources


def test_graphml_read_by_networkx_holds_nodes_and_believed_claims(home: Path, tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")
    export_graph(home, "graphml", tmp_path / "graph.graphml", WITH_EVIDENCE)
    graph = networkx.read_graphml(tmp_path / "graph.graphml", force_multigraph=True)
    assert graph.is_directed()
    assert graph.nodes["MESH:C1"] == {
        "label": 'a b "c" d e; f|g <h> & =SUM(A1)   é 中',
        "category": "biolink:SmallMolecule",
    }
    assert {(s, data["predicate"], o) for s, o, data in graph.edges(data=True)} == BELIEVED
    by_claim = {spo(row): row for row in claims(home)}
    for subject, object_, data in graph.edges(data=True):
        row = by_claim[subject, data["predicate"], object_]
        assert data["weight"] == row["belief"]
        assert data["evidence_ids"].split("|") == row["evidence_ids"]


def test_neo4j_files_are_what_its_import_expects(home: Path, tmp_path: Path) -> None:
    export_graph(home, "neo4j", tmp_path / "neo4j", WITH_EVIDENCE)
    nodes, edges = (
        list(csv.DictReader((tmp_path / "neo4j" / name).open(newline=""), strict=True))
        for name in ("nodes.csv", "relationships.csv")
    )
    assert {node["id:ID"]: node[":LABEL"] for node in nodes} == {
        "DOID:7": "SmallMolecule",
        "MESH:C1": "SmallMolecule",
        "MESH:D1": "Disease",
        "MESH:D2": "Disease",
    }
    assert {edge[":START_ID"] for edge in edges} | {edge[":END_ID"] for edge in edges} == {n["id:ID"] for n in nodes}
    assert {(e[":START_ID"], e["predicate"], e[":END_ID"]) for e in edges} == BELIEVED
    assert {edge[":TYPE"] for edge in edges} == {"TREATS", "CAUSES"}
    assert {node["name"] for node in nodes} >= {"=SUM(A1)", '"'}, "text stays as it is"
    by_claim = {spo(row): row for row in claims(home)}
    for edge in edges:
        row = by_claim[edge[":START_ID"], edge["predicate"], edge[":END_ID"]]
        assert edge["publications:string[]"].split(";") == row["doc_ids"]
        assert len(edge["sentences:string[]"].split(";")) == row["supporting_evidence"]


def test_pykeen_triples_are_the_believed_claims_by_split(home: Path, tmp_path: Path) -> None:
    export_graph(home, "pykeen", tmp_path / "pykeen")
    files = {"train": "train", "valid": "validation", "test": "test"}
    split_of = {spo(row): row["split"] for row in claims(home)}
    found = {
        tuple(line.split("\t")): split
        for name, split in files.items()
        for line in (tmp_path / "pykeen" / f"{name}.tsv").read_text().splitlines()
    }
    assert found == {claim: split_of[claim] for claim in BELIEVED}


def test_pykeen_reads_its_triples(home: Path, tmp_path: Path) -> None:
    factory = pytest.importorskip("pykeen.triples", reason="pykeen is not installed: pip install pykeen").TriplesFactory
    export_graph(home, "pykeen", tmp_path / "pykeen")
    read = {}
    for table in ("entities", "relations"):
        with (tmp_path / "pykeen" / f"{table}.tsv").open(newline="\n") as lines:
            read[table] = {row["label"]: int(row["id"]) for row in csv.DictReader(lines, delimiter="\t", quoting=3)}
    triples: set[tuple[str, ...]] = set()
    for name in ("train", "valid", "test"):
        path = tmp_path / "pykeen" / f"{name}.tsv"
        if path.stat().st_size:
            numbered = {"entity_to_id": read["entities"], "relation_to_id": read["relations"]}
            triples |= {
                tuple(row)
                for row in factory.from_path(path, **numbered).label_triples(
                    factory.from_path(path, **numbered).mapped_triples
                )
            }
    assert triples == BELIEVED


def test_parquet_is_read_by_duckdb_and_pandas_and_describes_its_columns(home: Path, tmp_path: Path) -> None:
    import pandas as pd

    export_graph(home, "parquet", tmp_path / "parquet")
    files = {name: tmp_path / "parquet" / f"{name}.parquet" for name in ("triples", "evidence", "concepts")}
    assert pq.read_table(files["triples"]).to_pylist() == sorted(claims(home), key=lambda row: row["triple_id"])
    told = {name: text for name, _, text in describe(pq.read_schema(files["triples"]))}
    assert told == {name: text for name, _, text in describe(TRIPLES)}
    sql = f"""SELECT count(*) FROM '{files["triples"]}' t JOIN '{files["evidence"]}' e ON list_contains(t.evidence_ids, e.evidence_id)
              JOIN '{files["concepts"]}' c ON c.curie = t.object"""
    assert duckdb.sql(sql).fetchall() == [(6,)]
    evidence = pd.read_parquet(files["evidence"])
    assert evidence.evidence_id.is_monotonic_increasing
    assert HOSTILE in set(evidence.sentence)


def test_sssom_read_back_by_our_own_reader_gives_the_mappings(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    export_graph(home, "sssom", path)
    aside: list[SetAside] = []
    assert Sssom().recognises(path.read_bytes()[:4096], path.name)
    with path.open("rb") as stream:
        parts = list(Sssom().load(stream, path.name, aside.append))
    assert aside == []
    assert {(part.curie, match) for part in parts for match in part.matches} == {
        ("MESH:D2", ("HP:1", "broad")),
        ("DOID:1", ("MESH:D1", "exact")),
        ("DOID:2", ("MESH:D1", "exact")),
    }
    assert {(part.curie, xref) for part in parts for xref in part.xrefs} == {
        ("MESH:D1", "UMLS:C1"),
        ("DOID:3", "MESH:D2"),
    }


def test_sssom_says_why_identifiers_were_joined(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    export_graph(home, "sssom", path)
    lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#")]
    rows = {row["subject_id"]: row for row in csv.DictReader(io.StringIO("".join(lines)), delimiter="\t")}
    assert rows["DOID:1"]["mapping_justification"] == "semapv:CompositeMatching"
    assert rows["DOID:1"]["comment"] == "merged: one-to-one-xref in d.obo"
    assert rows["DOID:1"]["object_label"] == '"'
    assert rows["DOID:2"]["mapping_justification"] == "semapv:MappingChaining"
    assert rows["DOID:2"]["comment"] == "merged: alternative-id in d.obo with DOID:1"
    assert rows["DOID:3"]["comment"] == 'not merged, ambiguous: one-to-one-xref in "'
    assert rows["MESH:D2"]["subject_label"] == "=SUM(A1)"


def test_sssoms_own_validator_accepts_the_mappings(home: Path, tmp_path: Path) -> None:
    program = os.environ.get("MATERIA_SSSOM") or shutil.which("sssom")
    if program is None:
        pytest.skip("no sssom: install it in an environment of its own, and set MATERIA_SSSOM to its command")
    export_graph(home, "sssom", tmp_path / "mappings.sssom.tsv")
    done = subprocess.run(
        [program, "validate", tmp_path / "mappings.sssom.tsv"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stderr


@pytest.mark.realdata
def test_kgxs_own_validator_accepts_nodes_and_edges(home: Path, tmp_path: Path, materia_data: Path) -> None:
    python = os.environ.get("MATERIA_KGX_PYTHON")
    if python is None:
        pytest.skip("no kgx: install it in an environment of its own, and set MATERIA_KGX_PYTHON to its Python")
    export_graph(home, "kgx", tmp_path / "kgx", WITH_EVIDENCE)
    model = materia_data / "vocabulary" / "biolink-model.yaml.gz"
    command = [python, ROOT / "benchmarks" / "kgx_validate.py", tmp_path / "kgx", model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == {"records": {"nodes": 4, "edges": 5}, "model": "4.4.4"}


CONNECTION = duckdb.connect()


def sql(expression: str, text: str, members: tuple[str, ...] = ()) -> str:
    """What an SQL expression makes of a text `t` and a list `ts`."""
    CONNECTION.register("given", pa.table({"t": [text], "ts": pa.array([list(members)], pa.list_(pa.string()))}))
    ((value,),) = CONNECTION.execute(f"SELECT {expression} FROM given").fetchall()
    return str(value)


@given(TEXT)
@example(HOSTILE)
def test_a_cell_never_breaks_a_line_and_keeps_every_word(text: str) -> None:
    made = sql(cell("t"), text)
    assert len(made.splitlines()) <= 1
    assert "\t" not in made
    assert next(csv.reader([made], delimiter="\t", quoting=3), [""]) in ([made], [])
    gaps = dict.fromkeys([*range(32), 127, 0x85, 0x2028, 0x2029], " ")
    assert [word for word in made.split(" ") if word] == [word for word in text.translate(gaps).split(" ") if word]


@given(st.lists(TEXT.filter(lambda text: text.strip()), max_size=4))
def test_a_joined_list_is_cut_where_it_was_joined(members: list[str]) -> None:
    made = sql(joined("ts", "|", "¦"), "", tuple(members))
    assert Counter(made)["|"] == max(0, len(members) - 1)


@given(TEXT)
@example('"')
@example("=1+1")
def test_a_quoted_cell_is_read_back_as_it_was(text: str) -> None:
    (row,) = csv.reader(io.StringIO(sql(quoted("t"), text), newline=""), strict=True)
    assert row == [text]


@given(TEXT)
@example(HOSTILE)
@example("]]>\ufffe\uffff")
def test_xml_text_is_read_back_but_for_what_xml_forbids(text: str) -> None:
    made = sql(xml("t"), text)
    read = ElementTree.fromstring(f'<a b="{made}">{made}</a>')
    assert read.text == read.get("b") or not made
    assert len(read.text or "") == len(text)
    assert all(a == b or ord(b) < 32 or b in "\ufffe\uffff" for a, b in zip(read.text or "", text, strict=True))
