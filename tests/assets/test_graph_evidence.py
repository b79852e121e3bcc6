"""A graph that others made, through a whole build: it is fused, told, traced, and leaves no trace when it goes."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assets.build import build
from assets.config import Config
from assets.home import SAMPLE, Home, open_home
from assets.stages import SHUFFLED, STAGES
from cli.main import main
from kg.claims import triple_id

TNF, APOE, CFTR = "HGNC:11892", "HGNC:613", "HGNC:1884"  # names of the sample's vocabulary
EDGES = f"""subject\tpredicate\tobject\tpublications\tknowledge_level\tprimary_knowledge_source
{TNF}\tbiolink:interacts_with\t{APOE}\tPMID:90000001|PMID:777\tknowledge_assertion\tinfores:ctd
{CFTR}\tbiolink:interacts_with\t{APOE}\t\tprediction\t
{TNF}\tbiolink:heals\t{APOE}\t\t\t
"""


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    shutil.copy(SAMPLE / "literature" / "pubmed26n0001.xml", folder)
    return folder


@pytest.fixture
def graphs(tmp_path: Path) -> Path:
    """KGX about concepts of the sample's vocabulary: a claim of two papers, of which one is read, and a claim of none."""
    folder = tmp_path / "graphs"
    folder.mkdir()
    (folder / "edges.tsv.gz").write_bytes(gzip.compress(EDGES.encode(), mtime=0))
    return folder


def configured(home: Path, papers: Path, graphs: Path | None) -> Home:
    sources = [str(papers)], [str(SAMPLE / "vocabulary")], Config(buckets=4)
    return open_home(str(home)).configure(*sources, graphs=[str(graphs)] if graphs else ())


def tables(home: Home) -> dict[str, str]:
    assets = [stage.name for stage in STAGES if stage.group != "models" and stage.name != "graph_index"]
    assets += sorted(SHUFFLED.values())
    return {
        str(path.relative_to(home.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for asset in assets
        for path in sorted((home.path / asset).rglob("*"))
        if path.is_file()
    }


def triple(home: Home, subject: str) -> dict[str, object] | None:
    wanted = triple_id(subject, "biolink:interacts_with", APOE)
    rows = [row for key in home.buckets for row in home.dataset("triples").read(key).to_pylist()]
    return next((row for row in rows if row["triple_id"] == wanted), None)


def told_in(home: Home, wanted: str) -> tuple[str, int]:
    """Shard and row of the verbalized passage that tells one triple alone."""
    for path in sorted((home.path / "corpus_shards").rglob("*.parquet")):
        rows = pq.read_table(path, partitioning=None).to_pylist() if "passages" in path.name else []
        for number, row in enumerate(rows):
            if row["triple_ids"] == [wanted]:
                return str(path.parent.relative_to(home.path)), number
    raise AssertionError(f"{wanted} is not told")


@pytest.mark.slow
def test_a_graph_is_believed_told_traced_and_leaves_nothing_behind(
    tmp_path: Path, papers: Path, graphs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = configured(tmp_path / "home", papers, graphs)
    build(home, "corpus")

    manifest = home.dataset("graph_evidence").manifest()
    assert manifest is not None
    assert (manifest.rows, manifest.set_aside) == (3, {"unknown-relation": 1})
    sha = hashlib.sha256((graphs / "edges.tsv.gz").read_bytes()).hexdigest()
    assert manifest.summary["graphs"]["graphs/edges.tsv.gz"]["sha256"] == sha

    # two papers of one source, each at 0.95, with a systematic error of 0.05
    cited = triple(home, TNF)
    assert cited is not None
    assert cited["belief"] == pytest.approx(1 - (0.05 + 0.95 * 0.05**2), abs=1e-6)
    assert (cited["doc_ids"], cited["extractors"]) == (["PMID:777", "PMID:90000001"], ["kgx_edges.v1"])
    assert cited["subject_category"] == "biolink:Gene"
    plain = triple(home, CFTR)
    assert plain is not None
    assert plain["doc_ids"] == [manifest.summary["graphs"]["graphs/edges.tsv.gz"]["doc_id"]]

    for subject, place, word in ((TNF, "line 2 (infores:ctd)", "PMID:777  cited by the graph"), (CFTR, "line 3", "")):
        shard, row = told_in(home, triple_id(subject, "biolink:interacts_with", APOE))
        assert main(["trace", "--home", str(home.url), f"{shard}:{row}"]) == 0
        text = capsys.readouterr().out
        for piece in (f"graph graphs/edges.tsv.gz {place}, read by kgx_edges.v1", f"sha256 {sha}", word):
            assert piece in text
        assert "no longer live" not in text
        assert main(["trace", "--home", str(home.url), "--json", f"{shard}:{row}"]) == 0
        assert sha in json.dumps(json.loads(capsys.readouterr().out))
        assert main(["trace", "--home", str(home.url), shard]) == 0
        assert "edges.tsv.gz" in capsys.readouterr().out or subject == TNF

    build(home, "knowledge_graph")
    quads = "".join(path.read_text() for path in sorted((home.path / "knowledge_graph").rglob("*.nq")))
    assert quads.count("vocab/StudyResult>") == 3
    assert '"not_provided" .' in quads and '"text_mining_agent" .' in quads

    assert build(home, "corpus") == {}
    home = home.configure(graphs=())
    clean = configured(tmp_path / "clean", papers, None)
    for one in (home, clean):
        build(one, ["knowledge_graph", "corpus"])
    assert triple(home, TNF) is None
    assert tables(home) == tables(clean)


def test_a_graph_that_cannot_be_used_is_one_sentence_and_not_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text("plain words")
    (tmp_path / "bad.yaml").write_text("relations: {a: heals}")
    home = ["build", "--home", str(tmp_path / "home")]
    for words, says in (
        (["--graph", str(tmp_path / "missing.tsv")], "missing.tsv: does not exist. Check the path."),
        (["--graph", str(tmp_path / "words.txt")], "words.txt: No reader of graphs knows this format"),
        (["--graph-mapping", str(tmp_path / "bad.yaml")], "names no Biolink predicate"),
    ):
        assert main([*home, *words]) == 1
        assert says in capsys.readouterr().err
    assert not (tmp_path / "home" / "home.json").exists()


def test_a_home_recorded_before_there_were_graphs_and_records_opens_as_it_was(tmp_path: Path, papers: Path) -> None:
    configured(tmp_path / "home", papers, None)
    record = tmp_path / "home" / "home.json"
    values = json.loads(record.read_text())
    before = open_home(str(tmp_path / "home"))
    for later in ("records", "formats", "graphs", "graph_mapping"):
        del values[later]
    record.write_text(json.dumps(values))
    assert open_home(str(tmp_path / "home")) == before


@pytest.mark.slow
def test_edges_follow_a_merge_that_leaves_the_vocabulary_itself_as_it_was(tmp_path: Path, papers: Path) -> None:
    """An identifier that was a cross-reference and becomes a retired one changes the merge log and no concept."""
    obo, edges = tmp_path / "drugs.obo", tmp_path / "edges.tsv"
    term = "[Term]\nid: CHEBI:1\nname: aspirin\n{}: CHEBI:9\n\n[Term]\nid: MONDO:1\nname: fever\n"
    edges.write_text("subject\tpredicate\tobject\nCHEBI:9\tbiolink:treats\tMONDO:1\n")
    subjects, versions = [], []
    for clause in ("xref", "alt_id"):
        obo.write_text(term.format(clause))
        home = open_home(str(tmp_path / "home")).configure(
            [str(papers)], [str(obo)], Config(buckets=4), graphs=[str(edges)]
        )
        build(home, "graph_evidence")
        subjects += home.dataset("graph_evidence").read()["subject"].to_pylist()
        manifest = home.dataset("vocabulary").manifest()
        assert manifest is not None
        versions.append(manifest.data_version)
    assert versions[0] == versions[1]
    assert subjects == ["CHEBI:9", "CHEBI:1"]


def test_no_edge_is_lost_where_the_vocabulary_joins_identifiers(tmp_path: Path, papers: Path) -> None:
    """Edges of both identifiers become evidence of one claim; an edge between the two says nothing any more and is set aside."""
    obo, edges = tmp_path / "drugs.obo", tmp_path / "edges.tsv"
    obo.write_text("[Term]\nid: CHEBI:1\nname: aspirin\nalt_id: CHEBI:9\n\n[Term]\nid: MONDO:1\nname: fever\n")
    pairs = ("CHEBI:1", "MONDO:1"), ("CHEBI:9", "MONDO:1"), ("CHEBI:9", "CHEBI:1")
    edges.write_text("subject\tpredicate\tobject\n" + "".join(f"{a}\tbiolink:affects\t{b}\n" for a, b in pairs))
    home = open_home(str(tmp_path / "home")).configure(
        [str(papers)], [str(obo)], Config(buckets=1), graphs=[str(edges)]
    )
    build(home, "triples")
    read, fused = home.dataset("graph_evidence").manifest(), home.dataset("triples").manifest("0")
    assert read is not None and fused is not None
    assert read.set_aside == {"self-edge": 1}
    assert read.summary["checks"]["edges_conserved"] == {
        "passed": True, "edges": 3, "rows": 2, "set_aside": 1, "renamed": 2,
    }  # fmt: skip
    (claim,) = (row for row in home.dataset("triples").read("0").to_pylist() if row["subject"] == "CHEBI:1")
    assert (claim["supporting_evidence"], claim["supporting_documents"]) == (2, 1), "both edges, one file"
    figures = fused.summary["checks"]["evidence_conserved"]
    assert figures["passed"] and figures["evidence"] == figures["supporting"] + figures["contradicting"] == 2
