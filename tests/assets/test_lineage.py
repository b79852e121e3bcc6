"""Lineage on a real build of some papers: what rests on a paper, taking it back, and what the shards remember of it."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rdflib import Graph as RdfGraph

from assets.build import build
from assets.config import Config
from assets.graph import graph_files, store_folder
from assets.home import SAMPLE, Home, open_home
from assets.metadata import partition_metadata
from assets.stages import STAGES, until
from cli.main import main
from kg.affected import affected
from kg.affected_text import format_affected
from kg.graph_store import open_index, query
from kg.history_reasons import shard_versions
from kg.passage_search import find_passage
from kg.shard_lineage import shard_lineage
from kg.trace import trace
from pipeline.errors import MateriaError

ASSETS = ["provenance"]
#: A paper of the sample by its name in the home, and by another of its names.
PAPER, ALIAS = "PMC:90000006", "https://doi.org/10.5555/materia.sample.article.006"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("lineage")
    shutil.copytree(SAMPLE / "literature", folder / "papers")
    home = open_home(str(folder / "home")).configure(
        [str(folder / "papers")], [str(SAMPLE / "vocabulary")], Config(buckets=4)
    )
    build(home, ASSETS)
    return home


def rows_of(home: Home, asset: str) -> list[dict[str, Any]]:
    """Every row of an asset, with the partition it stands in and its place."""
    dataset = home.dataset(asset)
    return [
        row | {"shard": path.removeprefix(f"{home.url}/").rpartition("/")[0], "row": i, "key": key}
        for key in dataset.manifests()
        for path in dataset.paths(key)
        for i, row in enumerate(pq.read_table(path, partitioning=None).to_pylist())
    ]


def outputs(home: Home) -> dict[str, str]:
    """Hashes of all that the law is about."""
    return {
        str(path.relative_to(home.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.path.rglob("*"))
        if path.is_file() and path.relative_to(home.path).parts[0] not in ("cache", "history", "dagster", "history.jsonl")
        and not path.name.startswith((".lock", "home.json")) and "graph_index/store" not in str(path)
    }  # fmt: skip


def rows_that_rest_on(home: Home, papers: set[str]) -> set[tuple[str, int]]:
    """Passages of the papers, and what is told of claims whose belief rests on them: a quotation of another paper too."""
    evidence = {row["evidence_id"] for row in rows_of(home, "evidence_by_bucket") if row["doc_id"] in papers}
    triples = {row["triple_id"] for row in rows_of(home, "triples") if evidence & {*row["evidence_ids"]}}
    return {
        (row["shard"], row["row"])
        for row in rows_of(home, "corpus_shards")
        if papers & {*row["doc_ids"]} or (row["kind"] == "verbalized" and triples & {*row["triple_ids"]})
    }


def test_what_rests_on_a_paper_is_all_that_has_its_id(home: Home) -> None:
    found = affected(home.url, PAPER, limit=None)
    evidence = {row["evidence_id"] for row in rows_of(home, "evidence_by_bucket") if row["doc_id"] == PAPER}
    triples = {row["triple_id"]: row for row in rows_of(home, "triples") if evidence & {*row["evidence_ids"]}}
    rows = rows_that_rest_on(home, {PAPER})
    assert rows > {(row["shard"], row["row"]) for row in rows_of(home, "corpus_shards") if PAPER in row["doc_ids"]}
    assert found.evidence == len(evidence) > 10
    assert {triple["triple_id"] for triple in found.some_triples} == triples.keys()
    assert found.sole_triples == sum({*row["evidence_ids"]} <= evidence for row in triples.values())
    assert {(row["shard"], row["row"]) for row in found.some_rows} == rows
    assert found.rows == len(rows) == sum(shard.rows for shard in found.shards)
    assert (found.documents, found.some_documents) == (1, (PAPER,))
    stating = {
        path
        for key in home.buckets
        for path in home.dataset("knowledge_graph").paths(key, ".nq")
        if "PMC90000006" in Path(path).read_text()
    }
    assert {str(home.url / path) for path in found.nquads} == stating


def test_a_paper_goes_by_any_of_its_names(home: Home) -> None:
    assert affected(home.url, ALIAS) == affected(home.url, PAPER) == affected(home.url, "PMC90000006")


def test_what_rests_on_a_file_is_what_rests_on_its_papers(home: Home) -> None:
    live = [row for row in rows_of(home, "live_documents") if row["status"] != "deleted"]
    file = next(row["file"] for row in live if row["doc_id"] == PAPER)
    papers = {row["doc_id"] for row in live if row["file"] == file}
    found = affected(home.url, Path(file).name, limit=None)
    assert found.target.name == file
    assert set(found.some_documents) == papers
    assert found.rows == len(rows_that_rest_on(home, papers))
    assert found.evidence == sum(row["doc_id"] in papers for row in rows_of(home, "evidence_by_bucket"))


def test_what_rests_on_a_concept_is_what_names_it_or_claims_something_of_it(home: Home) -> None:
    found = affected(home.url, "clozapine", limit=None)
    curie = found.target.name
    assert found.triples == sum(curie in (row["subject"], row["object"]) for row in rows_of(home, "triples")) > 0
    assert found.rows == sum(
        curie in {span["curie"] for span in row["spans"]} for row in rows_of(home, "corpus_shards")
    )
    assert affected(home.url, curie, limit=None) == found


def test_what_rests_on_a_vocabulary_is_what_rests_on_its_concepts(home: Home) -> None:
    concepts = rows_of(home, "vocabulary")
    file = concepts[0]["sources"][0]
    mine = {row["curie"] for row in concepts if file in row["sources"]}
    found = affected(home.url, file)
    assert found.target.kind == "vocabulary file"
    assert found.triples == sum(bool(mine & {row["subject"], row["object"]}) for row in rows_of(home, "triples"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("PMC:90000066", "Did you mean PMC:90000006"),
        ("lit/pubmed26n0001.xmll", "Did you mean"),
        ("clozapin", "Did you mean clozapine"),
        ("nothing at all like it", "Give a CURIE"),
    ],
)
def test_what_has_no_such_name_is_refused_with_what_is_like_it(home: Home, words: str, says: str) -> None:
    with pytest.raises(MateriaError) as refused:
        affected(home.url, words)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "materia: no document, file or concept was named. Name a document"),
        (" \t", "materia: no document, file or concept was named. Name a document"),
        ("PMID:", "materia: 'PMID:' is a prefix with no identifier after it. Name a document"),
        ("triples", "materia: 'triples' is the name of no document, file or concept of this home. Give a CURIE"),
    ],
)
def test_what_names_nothing_is_told_as_it_was_given(
    home: Home, words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["affected", words, "--home", str(home.url)]) == 1
    assert capsys.readouterr().err.startswith(says)


@pytest.mark.parametrize("asset", ["corpus_shards", "vocabulary", "vocabulary_merges", "documents"])
@pytest.mark.parametrize("words", [["affected", "metformin"], ["affected", PAPER], ["retract", PAPER]])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"PAR1")])
def test_a_damaged_table_is_one_sentence(
    home: Home,
    asset: str,
    words: list[str],
    harm: Callable[[Path], object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if (asset, words[-1]) == ("vocabulary_merges", PAPER):
        pytest.skip("a paper is found without it")
    shutil.copytree(home.path, tmp_path / "home")
    dataset = open_home(str(tmp_path / "home")).dataset(asset)
    path = Path(next(path for key in dataset.manifests() for path in dataset.paths(key)))
    harm(path)
    assert main([*words, "--home", str(tmp_path / "home")]) == 1
    said = capsys.readouterr().err
    assert "has a file that is missing or damaged (" in said
    assert path.name in said
    assert said.endswith("Run: materia doctor --mend, then materia build.\n")
    assert open_home(str(tmp_path / "home")).retracted == ()


def test_one_more_is_told_as_one(home: Home) -> None:
    found = affected(home.url, PAPER, limit=None)
    text = format_affected(found, {}, most=found.triples - 1)
    assert "  and 1 more claim (--all shows it)\n" in text


def test_a_passage_is_found_by_its_id(home: Home) -> None:
    row = rows_of(home, "corpus_shards")[3]
    for words in (row["passage_id"], row["passage_id"][:16]):
        assert find_passage(home.url, words) == (row["shard"], row["row"])
    assert trace(home.url, row["shard"], row["row"]).passage_id == row["passage_id"]
    with pytest.raises(MateriaError, match="no passage has this id"):
        find_passage(home.url, "0" * 64)


def test_a_passage_that_was_not_taken_says_why(home: Home) -> None:
    row = next(row for row in rows_of(home, "selected_passages") if row["reason"])
    with pytest.raises(MateriaError, match=f"was not taken into the corpus \\({row['reason']}"):
        find_passage(home.url, row["passage_id"])


def test_rows_of_every_form_have_a_trace(home: Home) -> None:
    rows = rows_of(home, "corpus_shards")
    evidence = {row["triple_id"]: row["evidence_ids"] for row in rows_of(home, "triples")}
    of_each = {(row["form"], len(row["triple_ids"]) > 1, row["split"]): row for row in rows}
    assert {form for form, *_ in of_each} == {"text", "fact", "paragraph", "chain", "quotation", "entity"}
    for row in (*of_each.values(), *rows[::40]):
        chain = trace(home.url, row["shard"], row["row"])
        assert [triple.triple_id for triple in chain.triples] == row["triple_ids"]
        assert all(triple.belief is not None and triple.evidence for triple in chain.triples)
        assert all(document.sha256 for document in chain.documents)
        assert chain.documents or chain.vocabularies
        if row["kind"] == "verbalized":  # a row with a quotation too: its belief rests on every paper of the claim
            shown = {one.evidence_id for triple in chain.triples for one in triple.evidence}
            assert shown == {i for triple_id in row["triple_ids"] for i in evidence[triple_id]}
            assert {one.document for triple in chain.triples for one in triple.evidence} == {*chain.documents}


def test_a_paper_taken_back_is_gone_and_its_return_brings_every_byte(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    before, old = outputs(home), rows_of(home, "corpus_shards")
    words = ["--home", str(home.url)]
    assert main(["retract", ALIAS, *words, "--until", *ASSETS]) == 0
    assert "rows of the corpus in" in capsys.readouterr().out
    retracted = open_home(str(home.url))
    assert retracted.retracted == (PAPER,)
    new = rows_of(retracted, "corpus_shards")
    assert not any(PAPER in row["doc_ids"] for row in new)
    assert not any(PAPER in row["doc_ids"] for row in rows_of(retracted, "triples"))
    assert affected(home.url, PAPER).rows == 0
    _remembers(home, old, new)
    _provenance_is_that_of_a_clean_build(retracted)
    assert main(["retract", PAPER, *words, "--undo", "--until", *ASSETS]) == 0
    assert open_home(str(home.url)).retracted == ()
    assert outputs(home) == before
    _remembers(home, new, rows_of(home, "corpus_shards"))


def _provenance_is_that_of_a_clean_build(home: Home) -> None:
    """What was brought up to date has the bytes of a whole computation; the index holds it and the graph, and nothing else."""
    kept = {name: digest for name, digest in outputs(home).items() if name.startswith("provenance/")}
    quads = {key: home.dataset(key).manifest() for key in ("graph_index", "provenance")}
    files = [*graph_files(home), *map(Path, home.dataset("provenance").paths(suffix=".nq"))]
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    assert len(open_index(store_folder(home))) == len(lines) == len(set(lines))
    assert sum(manifest.summary["quads"] for manifest in quads.values() if manifest) == len(lines)
    home.dataset("provenance").delete("all")
    build(home, ASSETS)
    assert {name: digest for name, digest in outputs(home).items() if name.startswith("provenance/")} == kept


def _remembers(home: Home, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    """The history's last versions have exactly the rows that came and went, each with a reason, most of them the paper."""
    reasons = []
    for key in home.buckets:
        was, is_ = (
            {(row["passage_id"], row["repeat"]): row for row in rows if row["key"] == key} for rows in (old, new)
        )
        *_, last = shard_versions(home.url, key)
        assert {row.passage_id for row in last.removed} == {name for name, _ in was.keys() - is_.keys()}
        assert {row.passage_id for row in last.added} == {name for name, _ in is_.keys() - was.keys()}
        compared = ("belief", "source", "evidence_ids", "doc_ids")
        changed = {n for n in was.keys() & is_.keys() if any(was[n][c] != is_[n][c] for c in compared)}
        assert {row.passage_id for row in last.changed} == {name for name, _ in changed}
        assert last.counts == {"added": len(last.added), "removed": len(last.removed), "changed": len(last.changed)}
        assert last.data_version == home.dataset("corpus_shards").manifest(key).data_version
        reasons += [row.why for row in (*last.added, *last.removed)]
    assert all(reasons)
    assert sum(PAPER in why for why in reasons) > 0.9 * len(reasons)


def test_shards_lead_to_papers_and_files_as_the_tables_say(home: Home) -> None:
    _, rows = query(
        store_folder(home),
        """SELECT DISTINCT ?shard ?paper ?sha WHERE { GRAPH materia:provenance {
             ?s materia:rows ?n ; rdfs:label ?shard ; prov:wasDerivedFrom ?paper .
             ?paper prov:wasDerivedFrom ?file . ?file materia:sha256 ?sha } }""",
        limit=100_000,
    )
    live = {row["doc_id"]: row["file"] for row in rows_of(home, "live_documents")}
    hashes = {row["file"]: row["sha256"] for row in rows_of(home, "literature_inventory")}
    assert {tuple(row) for row in rows} == {
        (row["shard"], doc_id, hashes[live[doc_id]])
        for row in rows_of(home, "corpus_shards")
        for doc_id in row["doc_ids"]
    }


QUESTIONS = re.findall(
    r"```sparql\n(.*?)```", (Path(__file__).parents[2] / "docs" / "lineage.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize("question", QUESTIONS, ids=[f"question {i}" for i in range(1, len(QUESTIONS) + 1)])
def test_every_question_of_the_page_has_an_answer(home: Home, question: str) -> None:
    _, rows = query(store_folder(home), question)
    assert rows
    assert all(cell is not None for row in rows for cell in row)


def test_every_stage_behind_the_corpus_is_told_of_with_its_code(home: Home) -> None:
    asked = "SELECT DISTINCT {} WHERE {{ GRAPH materia:provenance {{ {} }} }}"
    chain = (
        '?last rdfs:label "corpus_shards" ; prov:wasInformedBy* ?s . ?s rdfs:label ?name ; prov:wasAssociatedWith ?code'
    )
    _, rows = query(store_folder(home), asked.format("?name", chain), limit=1000)
    behind = {stage.name for stage in until("corpus_shards")}
    assert {name for (name,) in rows} == behind
    assert {"documents", "mentions", "evidence", "evidence_shuffle", "literature_shuffle", "corpus_selection"} <= behind
    _, objects = query(store_folder(home), asked.format("?o", "?s prov:wasInformedBy ?o"), limit=1000)
    _, described = query(store_folder(home), asked.format("?o", "?o a prov:Activity ; rdfs:label ?l"), limit=1000)
    assert objects
    assert {tuple(row) for row in objects} <= {tuple(row) for row in described}


def test_the_provenance_is_exported(home: Home, tmp_path: Path) -> None:
    words = ["export", "--format", "prov", "--home", str(home.url), "--out"]
    assert main([*words, str(tmp_path / "p.nq")]) == 0
    assert main([*words, str(tmp_path / "p.ttl")]) == 0
    lines = (tmp_path / "p.nq").read_bytes().splitlines()
    assert lines == sorted(lines)
    turtle = RdfGraph().parse(tmp_path / "p.ttl")
    assert len(turtle) == len(lines)


def test_the_ui_shows_what_is_behind_a_shard(home: Home) -> None:
    stage = next(stage for stage in STAGES if stage.name == "corpus_shards")
    live = {row["doc_id"]: row for row in rows_of(home, "live_documents")}
    hashes = {row["file"]: row["sha256"] for row in rows_of(home, "literature_inventory")}
    for key in home.buckets:
        rows = [row for row in rows_of(home, "corpus_shards") if row["key"] == key]
        lineage = shard_lineage(home.url, key)
        for paper in lineage.papers:
            assert paper.rows == sum(paper.doc_id in row["doc_ids"] for row in rows)
            assert (paper.file, paper.version) == (live[paper.doc_id]["file"], live[paper.doc_id]["version"])
        assert {paper.doc_id for paper in lineage.papers} == {doc_id for row in rows for doc_id in row["doc_ids"]}
        for file in lineage.files:
            assert file.sha256 == hashes[file.name]
            assert file.rows == sum(file.name in {live[d]["file"] for d in row["doc_ids"]} for row in rows)
        assert sum(lineage.beliefs.values()) == sum(row["belief"] is not None for row in rows)
        assert sum(lineage.years.values()) == sum(paper.year is not None for paper in lineage.papers)
        relations = [r["predicate"] for row in rows for r in row["relations"]]
        assert lineage.predicates["treats"] == relations.count("biolink:treats")
        manifest = home.dataset("corpus_shards").manifest(key)
        assert manifest
        metadata = partition_metadata(stage, home, key, manifest)
        assert len(metadata["papers_behind"].records) == min(len(lineage.papers), 50)
        assert metadata["files_behind"].records[0].data["sha256"] in hashes.values()
        assert {"plot_of_beliefs", "plot_of_years", "plot_of_predicates", "made_from"} <= metadata.keys()


def test_history_is_told_as_text_and_as_json(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["history", "corpus_shards/split=train/bucket=0", "--home", str(home.url)]
    assert main(words) == 0
    assert "version " in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["counts"] == {}
    for shard in ("split=train/bucket=77", "split=bogus/bucket=0", "split=bo-gus/bucket=0", "split=/bucket=0"):
        assert main(["history", f"corpus_shards/{shard}", "--home", str(home.url)]) == 1
        assert f"no such shard: corpus_shards/{shard}." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["PMC:90000066"], "is no document of this home"),
        ([], "no paper was named"),
        ([PAPER, "--undo"], "is not on the retraction list"),
    ],
)
def test_a_paper_that_is_not_there_is_not_taken_back(
    home: Home, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retract", *words, "--home", str(home.url)]) == 1
    assert says in capsys.readouterr().err
    assert open_home(str(home.url)).retracted == ()


def test_a_paper_that_is_still_to_come_can_be_put_on_the_list(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--home", str(home.url)]
    assert main(["retract", "12345", "--force", *words]) == 0
    assert main(["retract", "--list", *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "PMID:12345"
    assert main(["retract", "PMID:12345", "--undo", *words]) == 0
    assert open_home(str(home.url)).retracted == ()


def test_what_was_on_a_line_cut_short_is_passed_over(tmp_path: Path) -> None:
    from pipeline.history import append, entries

    append(tmp_path, "a", "0", {"at": "1"})
    with (tmp_path / "history" / "a" / "0.jsonl").open("ab") as stream:
        stream.write(b'{"at": "2", "rows')
    append(tmp_path, "a", "0", {"at": "3"})
    assert [entry["at"] for entry in entries(tmp_path, "a", "0")] == ["1", "3"]


def test_lines_that_no_build_wrote_are_passed_over(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "home"
    shutil.copytree(home.path, copy)
    words = ["history", "0", "--home", str(copy), "--json"]
    assert main(words) == 0
    told = capsys.readouterr().out
    at = json.loads(told)[-1]["at"]
    files = sorted((copy / "history").rglob("*.jsonl"))
    assert {path.parent.name for path in files} == {"configuration", "corpus_shards", "live_documents", "vocabulary"}
    for path in files:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        wrong: list[Any] = [3, [1, 2], None, "text", True, {}, {"at": 3}, {"at": at}, *_spoiled(lines[-1])]
        with path.open("a") as stream:
            stream.writelines(f"{json.dumps(one)}\n" for one in wrong)
            stream.write("{" + "\n\0\n" + "[" * 100_000 + "\n")
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(told)
    assert main(["history", "0", "--home", str(copy), "--all"]) == 0
    stage = next(stage for stage in STAGES if stage.name == "corpus_shards")
    manifest = home.dataset("corpus_shards").manifest("0")
    assert manifest
    spoiled = open_home(str(copy))
    assert partition_metadata(stage, spoiled, "0", manifest)
    spoiled.dataset("corpus").delete("all")
    before = (copy / "history" / "configuration" / "all.jsonl").read_bytes()
    assert "corpus" in build(spoiled, "corpus")
    assert (copy / "history" / "configuration" / "all.jsonl").read_bytes() == before, "no setting changed"


def _spoiled(line: dict[str, Any]) -> list[dict[str, Any]]:
    """The line with each value that is read of it replaced by one of another kind, and without it."""
    read = ("documents", "inputs", "settings", "changed", "data_version", "rules_changed", "rows", "added", "removed")
    kept = {"previous": None, **{name: value for name, value in line.items() if name != "previous"}}
    wrong = [kept | {name: value} for name in read if name in line or name == "added" for value in (3.5, None, [[1]])]
    wrong += [kept | {"documents": {"came": 3}}] if "documents" in line else []
    wrong += [kept | {"added": {"count": 1, "rows": [{"text": "x"}]}}] if "rules_changed" in line else []
    return [*wrong, {n: v for n, v in kept.items() if n not in read}, kept | {"at": None}]
