"""What every reader of graphs must do: one contract, run through by each member of the family."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from upath import UPath

from pipeline.biolink import CATEGORIES
from pipeline.biolink_predicates import PREDICATES
from pipeline.curies import is_curie
from pipeline.errors import MateriaError, SetAside
from pipeline.graphs import GRAPHS, recognise
from pipeline.graphs.base import Edge, Node
from pipeline.graphs.files import GraphFile, edges_of, nodes_of, open_graphs
from pipeline.graphs.mapping import GraphMapping, load_mapping, shipped_mapping
from pipeline.inventory import list_files

# The TSV and JSON of https://github.com/biolink/kgx/blob/master/specification/kgx-format.md, with columns of Biolink's own.
KGX_TSV = """id\tsubject\tpredicate\tobject\trelation\tcategory\tpublications\tnegated\tknowledge_level
e1\tHGNC:11603\tbiolink:contributes_to\tMONDO:0005002\tRO:0003304\tbiolink:Association\tPMID:26634245|PMID:26634244\t\tknowledge_assertion
e2\tMSH:D008687\tbiolink:treats\tMONDO:0005148\tRO:1\tbiolink:Association\tinfores:naïve\tTrue\tprediction
"""
KGX_NODES = """id\tcategory\tname
HGNC:11603\tbiolink:Gene\tTBX4
X:1\tbiolink:Nonsense|biolink:Disease\tnaïve name
"""
RECORDS = [
    {
        "subject": "HGNC:11603",
        "predicate": "biolink:contributes_to",
        "object": "MONDO:0005002",
        "publications": ["PMID:26634245", "PMID:26634244"],
        "sentences": ["TBX4 contributes to COPD.", "In COPD we saw TBX4."],
        "subject_name": "TBX4",
        "object_name": "copd",
        "primary_knowledge_source": "infores:gwas",
    },
    {"subject": "X:1", "predicate": "treats", "object": "Y:2", "score": 0.25, "negated": False, "nested": [{"a": [1]}]},
]
KGX_JSONL = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS) + "\n"
KGX_JSON = json.dumps({"nodes": [{"id": "X:1", "category": ["biolink:Gene"]}], "edges": RECORDS}, indent=1)
# https://github.com/hetio/hetionet/tree/main/hetnet/tsv
SIF = """source\tmetaedge\ttarget
Gene::9021\tGpBP\tBiological Process::GO:0071357
Compound::DB00945\tCtD\tDisease::DOID:9351
Anatomy::UBERON:0000178\tAeG\tGene::2
"""
TRIPLES = "MESH:D008687\tbiolink:treats\tMONDO:0005148\nMESH:D1\tbiolink:affects\tMESH:D2\t0.5\n"

OBO = """format-version: 1.2
[Term]
id: UBERON:0000948
name: heart
relationship: part_of UBERON:0004535 ! cardiovascular system
relationship: RO:0002202 UBERON:0004141 {source="x"} ! heart tube

[Term]
id: UBERON:0000001
name: old
is_obsolete: true
relationship: part_of UBERON:0004535

[Typedef]
id: part_of
relationship: part_of X:1
"""

SAMPLES = Path(__file__).parent / "vocabulary_samples"

#: Name of a fixture -> reader, content, number of edges.
FIXTURES = {
    "kgx tsv": ("kgx_edges.v1", KGX_TSV, 3),
    "kgx nodes": ("kgx_edges.v1", KGX_NODES, 0),
    "kgx jsonl": ("kgx_edges.v1", KGX_JSONL, 3),
    "kgx json": ("kgx_edges.v1", KGX_JSON, 3),
    "obo": ("obo_relationships.v1", OBO, 2),
    "sif": ("sif.v1", SIF, 3),
    "triples": ("triples.v1", TRIPLES, 2),
    "table": (
        "curated_table.v1",
        (SAMPLES / "curated_table.v1").read_text("utf-8").replace("枸橼酸西地那非... ", ""),
        19,
    ),
    "cmeie": ("cmeie.v1", (SAMPLES / "cmeie.v1").read_text("utf-8"), 3),
}
EVERY = pytest.mark.parametrize("fixture", FIXTURES)


def graph(folder: Path, content: str | bytes, reader: str, name: str = "file") -> GraphFile:
    path = UPath(folder / name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return GraphFile(name, path, GRAPHS[reader], "materia:graph-0")


def read(
    folder: Path, content: str | bytes, reader: str, mapping: GraphMapping | None = None
) -> tuple[list[Edge], list[SetAside]]:
    items = list(edges_of(graph(folder, content, reader), mapping or GraphMapping()))
    return [i for i in items if isinstance(i, Edge)], [i for i in items if isinstance(i, SetAside)]


def test_every_reader_has_a_fixture_and_stands_under_its_own_versioned_name() -> None:
    assert {reader for reader, _, _ in FIXTURES.values()} == set(GRAPHS)
    assert all(name == reader.name and name.rpartition(".v")[2].isdigit() for name, reader in GRAPHS.items())


@EVERY
def test_a_file_is_recognised_by_one_reader_from_its_content(fixture: str) -> None:
    name, content, _ = FIXTURES[fixture]
    for head in (content.encode(), b"\xef\xbb\xbf" + content.encode(), content.encode().replace(b"\n", b"\r\n")):
        assert [reader.name for reader in GRAPHS.values() if reader.recognises(head, "file")] == [name]
    for other in (b"", b"plain words", b"<html/>", b"\x00\xff" * 50, b"{}", b"[1]", b'{"title": "x"}', b"a\tb\n"):
        assert recognise(other, "file") is None


@EVERY
def test_edges_are_in_the_agreed_form_and_gzip_makes_no_difference(fixture: str, tmp_path: Path) -> None:
    name, content, count = FIXTURES[fixture]
    edges, aside = read(tmp_path, content, name)
    assert (len(edges), aside) == (count, [])
    for edge in edges:
        assert is_curie(edge.subject) and is_curie(edge.object) and edge.predicate in PREDICATES
        assert 0 < edge.probability < 1
        assert all(0 <= at <= len(edge.sentence) for at in edge.spans)
        assert {edge.subject_category, edge.object_category} <= {None, *CATEGORIES}
    half = len(content.encode()) // 2
    packed = gzip.compress(content.encode()[:half]) + gzip.compress(content.encode()[half:])
    for data in (packed, b"\xef\xbb\xbf" + content.encode(), content.encode().replace(b"\n", b"\r\n")):
        assert read(tmp_path, data, name) == (edges, [])


@EVERY
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_keeps_what_was_read_and_never_raises(fixture: str, share: float, tmp_path: Path) -> None:
    name, content, _ = FIXTURES[fixture]
    whole, _ = read(tmp_path, content, name)
    for data, reason in ((content.encode(), None), (gzip.compress(content.encode()), "truncated-gzip")):
        edges, aside = read(tmp_path, data[: int(len(data) * share)], name)
        # the last record may be cut where nobody can tell
        before = [edge for edge in edges if edge.place != edges[-1].place]
        assert before == whole[: len(before)]
        assert all(problem.file == "file" and problem.detail.endswith(".") for problem in aside)
        if reason and fixture != "kgx nodes":
            assert reason in {problem.reason for problem in aside}


@EVERY
def test_changed_bytes_never_raise_and_never_hang(fixture: str, tmp_path: Path) -> None:
    name, content, _ = FIXTURES[fixture]
    draw = random.Random(7)
    start = time.perf_counter()
    for _ in range(300):
        data = bytearray(content.encode())
        for _ in range(draw.randrange(1, 8)):
            at = draw.randrange(len(data))
            kind = draw.randrange(4)
            if kind == 0:
                data[at] = draw.randrange(256)
            elif kind == 1:
                del data[at : at + draw.randrange(20)]
            elif kind == 2:
                data[at:at] = data[draw.randrange(len(data)) :][:40]
            else:
                data[at:at] = draw.choice([b"\x00", b"\\ud800", b"\xff", b'"', b"\t", b"[" * 50, b"9" * 400, b"1e999"])
        file = graph(tmp_path, bytes(data), name)
        for item in [*edges_of(file, GraphMapping()), *nodes_of(file)]:
            if isinstance(item, Edge):
                json.dumps(item).encode()
    assert time.perf_counter() - start < 60


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"edges": [' + b"[" * 10_000,
        b'{"edges": [{"subject": ' + b'{"a":' * 10_000,
        b'{"edges": [{"subject": "' + b"x" * (32 << 20) + b'"}]}',
        b'{"edges": [{"publications": [' + b'"PMID:1",' * 1_000_000 + b'"x"]}]}',
        b'{"edges": [{"score": ' + b"9" * 100_000 + b"}]}",
        b"subject\tpredicate\tobject\n" + b"\t" * 3_000_000,
        b"subject\tpredicate\tobject\n" + b"x" * 70_000_000,
        b'{"subject":"A:1","predicate":"biolink:treats","object":"\\ud800:1"}',
    ],
    ids=range(8),
)
def test_a_hostile_file_yields_no_edge_takes_no_time_and_says_why(hostile: bytes, tmp_path: Path) -> None:
    start = time.perf_counter()
    edges, aside = read(tmp_path, hostile, "kgx_edges.v1")
    assert not edges and aside
    assert time.perf_counter() - start < 5


def test_what_only_looks_like_json_is_no_graph() -> None:
    for head in (b"[" * 65536, b'{"subject": ' + b"[" * 65536, b'{"a":' * 13000, b'{"title": "nodes"}'):
        assert recognise(head, "file") is None


def test_kgx_makes_an_edge_for_each_paper_with_its_own_sentence(tmp_path: Path) -> None:
    (first, second, plain), _ = read(tmp_path, KGX_JSON, "kgx_edges.v1")
    assert [(e.publication, e.sentence) for e in (first, second)] == [
        ("PMID:26634245", "TBX4 contributes to COPD."),
        ("PMID:26634244", "In COPD we saw TBX4."),
    ]
    for edge in (first, second):
        assert edge.sentence[slice(*edge.spans[:2])] == "TBX4"
        assert edge.sentence[slice(*edge.spans[2:])] == "COPD"
        assert (edge.source, edge.place, edge.probability) == ("infores:gwas", "edge 1", 0.7)
    assert (plain.publication, plain.sentence, plain.predicate) == (None, "X:1 treats Y:2", "biolink:treats")
    assert plain.probability == 0.25
    assert [plain.sentence[slice(*plain.spans[at : at + 2])] for at in (0, 2)] == ["X:1", "Y:2"]


def test_kgx_tsv_keeps_negation_level_and_papers_alone(tmp_path: Path) -> None:
    edges, _ = read(tmp_path, KGX_TSV, "kgx_edges.v1")
    assert [(e.publication, e.negated, e.probability) for e in edges] == [
        ("PMID:26634245", False, 0.95),
        ("PMID:26634244", False, 0.95),
        (None, True, 0.5),
    ]
    assert edges[2].subject == "MESH:D008687"


@pytest.mark.parametrize(
    ("column", "value", "outcome"),
    [
        ("score", "0.4", 0.4),
        ("score", "1", 0.99),
        ("score", "870", 0.7),
        ("score", "0", "score-zero"),
        ("score", "high", "invalid-score"),
        ("score", "nan", "invalid-score"),
        ("agent_type", "text_mining_agent", 0.6),
        ("knowledge_level", "knowledge_assertion", 0.95),
        ("negated", "perhaps", "invalid-field"),
        ("sentences", "x" * 5001, "sentence-too-long"),
    ],
)
def test_what_an_edge_is_worth(column: str, value: str, outcome: float | str, tmp_path: Path) -> None:
    content = f"subject\tpredicate\tobject\t{column}\nA:1\tbiolink:treats\tB:2\t{value}\n"
    edges, aside = read(tmp_path, content, "kgx_edges.v1")
    assert [e.probability for e in edges] + [problem.reason for problem in aside] == [outcome]


def test_a_kgx_edge_without_curies_or_with_an_unknown_predicate_is_set_aside(tmp_path: Path) -> None:
    content = "subject\tpredicate\tobject\nA:1\tbiolink:heals\tB:2\naspirin\tbiolink:treats\tB:2\nhttp://x.org/1\tbiolink:treats\tB:2\n"
    edges, aside = read(tmp_path, content, "kgx_edges.v1")
    assert not edges
    assert [(p.record, p.reason) for p in aside] == [
        ("line 2", "unknown-relation"),
        ("line 3", "no-identifier"),
        ("line 4", "no-identifier"),
    ]


@pytest.mark.parametrize("fixture", ["kgx nodes", "kgx json"])
def test_nodes_say_what_they_are(fixture: str, tmp_path: Path) -> None:
    reader, content, _ = FIXTURES[fixture]
    nodes = list(nodes_of(graph(tmp_path, content, reader)))
    expected = {
        "kgx nodes": [Node("HGNC:11603", "biolink:Gene"), Node("X:1", "biolink:Disease")],
        "kgx json": [Node("X:1", "biolink:Gene")],
    }
    assert nodes == expected[fixture]


def test_hetionet_is_told_in_terms_of_biolink(tmp_path: Path) -> None:
    edges, _ = read(tmp_path, SIF, "sif.v1")
    assert [(e.subject, e.predicate, e.object, e.trigger) for e in edges] == [
        ("NCBIGene:9021", "biolink:participates_in", "GO:0071357", "GpBP"),
        ("DRUGBANK:DB00945", "biolink:treats", "DOID:9351", "CtD"),
        ("NCBIGene:2", "biolink:expressed_in", "UBERON:0000178", "AeG"),
    ]
    turned = edges[2]
    assert turned.sentence[slice(*turned.spans[:2])] == "Gene::2"
    assert (turned.subject_category, turned.object_category) == ("biolink:Gene", "biolink:AnatomicalEntity")


def test_the_hetionet_table_has_all_24_metaedges_and_11_kinds() -> None:
    # The metaedges and metanodes of Hetionet v1.0: https://het.io/about/
    metaedges = "AdG AeG AuG CbG CcSE CdG CpD CrC CtD CuG DaG DdG DlA DpS DrD DuG GcG GiG GpBP GpCC GpMF GpPW Gr>G PCiC"
    mapping = shipped_mapping("hetionet.yaml")
    assert all(mapping.relation(metaedge) for metaedge in metaedges.split())
    kinds = ["Anatomy", "Biological Process", "Cellular Component", "Compound", "Disease", "Gene"]
    kinds += ["Molecular Function", "Pathway", "Pharmacologic Class", "Side Effect", "Symptom"]
    assert all(mapping.node(f"{kind}::GO:1")[1] in CATEGORIES for kind in kinds)


def test_triples_without_a_mapping_are_set_aside_with_the_remedy(tmp_path: Path) -> None:
    edges, aside = read(tmp_path, "aspirin\ttreats\tpain\n" + TRIPLES, "triples.v1")
    assert [edge.probability for edge in edges] == [0.7, 0.5]
    assert [(problem.record, problem.reason) for problem in aside] == [("line 1", "unknown-relation")]
    assert "--graph-mapping" in aside[0].detail


def test_a_mapping_gives_relations_nodes_kinds_and_a_prefix(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "relations:\n  cures: treats\n  cured by: {predicate: treats, reverse: true, knowledge_level: prediction}\n"
        "nodes: {aspirin: 'MSH:D001241'}\nkinds: {Gene: {prefix: NCBIGene, category: gene}}\nprefix: UMLS\n"
    )
    content = (
        "head\trelation\ttail\naspirin\tcures\tC0030193\nC0030193\tcured by\taspirin\nGene::7\tbiolink:affects\tX:1\n"
    )
    edges, aside = read(tmp_path, content, "triples.v1", load_mapping(tmp_path / "m.yaml"))
    assert aside == []
    assert [(e.subject, e.predicate, e.object, e.probability) for e in edges] == [
        ("MESH:D001241", "biolink:treats", "UMLS:C0030193", 0.7),
        ("MESH:D001241", "biolink:treats", "UMLS:C0030193", 0.5),
        ("NCBIGene:7", "biolink:affects", "X:1", 0.7),
    ]
    assert edges[2].subject_category == "biolink:Gene"


def test_a_users_mapping_goes_before_the_one_that_ships(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("relations: {CtD: ameliorates_condition}\n")
    edges, _ = read(tmp_path, SIF, "sif.v1", load_mapping(tmp_path / "m.yaml"))
    assert [edge.predicate for edge in edges][1:] == ["biolink:ameliorates_condition", "biolink:expressed_in"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "- a",
        "relations: [a]",
        "relations: {a: heals}",
        "relations: {a: {predicate: treats, level: x}}",
        "relations: {a: {predicate: treats, reverse: maybe}}",
        "relations: {a: {predicate: treats, knowledge_level: gossip}}",
        "relations: {a: {predicate: treats, knowledge_level: [x]}}",
        "nodes: {a: b}",
        "kinds: {a: {}}",
        "kinds: {a: {category: Nonsense}}",
        "prefix: 'a b'",
        "prefix: 7",
        "nonsense: 1",
        "relations: " + "[" * 5000,
    ],
)
def test_a_bad_mapping_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(MateriaError, match=r"m\.yaml.*\."):
        load_mapping(tmp_path / "m.yaml")
    with pytest.raises(MateriaError, match=r"gone\.yaml: does not exist"):
        load_mapping(tmp_path / "gone.yaml")


def test_files_that_are_no_graphs_are_set_aside_unless_the_user_named_them(tmp_path: Path) -> None:
    folder = tmp_path / "graphs"
    folder.mkdir()
    for name, content in {"a.sif": SIF, "empty.tsv": "", "words.txt": "plain words"}.items():
        (folder / name).write_text(content)
    (folder / "cut.gz").write_bytes(gzip.compress(SIF.encode())[:12])
    aside: list[SetAside] = []
    assert [found.name for found in open_graphs(list_files([str(folder)]), aside.append)] == ["graphs/a.sif"]
    assert {problem.file: problem.reason for problem in aside} == {
        "graphs/cut.gz": "truncated-gzip",
        "graphs/empty.tsv": "empty-file",
        "graphs/words.txt": "unknown-format",
    }
    for name in ("cut.gz", "empty.tsv", "words.txt"):
        with pytest.raises(MateriaError, match=rf"^{name}: .*\. [A-Z].*\.$"):
            open_graphs(list_files([str(folder / name)]), aside.append)


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "count"), [("umls", 5216), ("wn18rr", 86835), ("fb15k-237", 272115)])
def test_the_triples_of_a_benchmark(name: str, count: int, materia_data: Path, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(materia_data / "graphs" / f"{name}.tar.gz") as archive:
        member = archive.extractfile("train.txt")
        assert member is not None
        content = member.read()
    assert recognise(content[:65536], "train.txt") is GRAPHS["triples.v1"]
    edges, aside = read(tmp_path, content, "triples.v1")
    # Without a mapping none is known; of a large file the rest is then left unread, and that is said.
    reasons = Counter(problem.reason for problem in aside)
    assert (len(edges), reasons["unknown-relation"]) == (0, min(count, 100_000))
    assert reasons.total() == min(count, 100_001)
    relations = {line.split("\t")[1] for line in content.decode().splitlines()}
    words = "".join(f"  {json.dumps(relation)}: related_to\n" for relation in sorted(relations))
    (tmp_path / "m.yaml").write_text(f"relations:\n{words}prefix: X\n")
    edges, aside = read(tmp_path, content, "triples.v1", load_mapping(tmp_path / "m.yaml"))
    assert (len(edges), aside) == (count, [])


def test_relations_of_obsolete_terms_and_of_relations_themselves_are_no_claims(tmp_path: Path) -> None:
    edges, aside = read(tmp_path, OBO, "obo_relationships.v1")
    assert [(edge.subject, edge.predicate, edge.object) for edge in edges] == [
        ("UBERON:0000948", "biolink:part_of", "UBERON:0004535"),
        ("UBERON:0000948", "biolink:develops_from", "UBERON:0004141"),
    ]
    assert aside == []
    unknown = OBO.replace("part_of UBERON:0004535 !", "attached_to UBERON:0004535 !")
    _, (told,) = read(tmp_path, unknown, "obo_relationships.v1")
    assert (told.record, told.reason) == ("line 5", "unknown-relation")
    assert "attached_to" in told.detail


@pytest.mark.realdata
def test_most_relations_of_uberon_are_known(materia_data: Path) -> None:
    path = UPath(materia_data / "vocabulary" / "uberon_import.obo.gz")
    items = list(
        edges_of(GraphFile(path.name, path, GRAPHS["obo_relationships.v1"], "materia:graph-0"), GraphMapping())
    )
    edges = [item for item in items if isinstance(item, Edge)]
    clauses = gzip.decompress(path.read_bytes()).count(b"\nrelationship:")
    assert len(items) == clauses
    assert len(edges) > 0.7 * clauses
    assert {item.reason for item in items if isinstance(item, SetAside)} <= {"unknown-relation", "no-identifier"}
