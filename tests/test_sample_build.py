"""The whole path on the bundled sample, by the command a user types: built twice, read back, traced, asked, judged.

What builds is a process of its own, as a user's is; what only reads runs here, since most of such a process is its imports.
"""

import contextlib
import hashlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from assets.home import OUTSIDE_THE_LAW

ROOT = Path(__file__).parents[1]
#: Enough steps that every loss falls, few enough for a test.
SETTINGS = """
buckets: 4
small_file_groups: 1
embeddings: [{model: transe, epochs: 10}, {model: distmult, epochs: 10}, {model: rotate, epochs: 10}]
pretraining:
  backbone: {layers: 1, hidden: 64, feed_forward: 128}
  tokenizer: {vocabulary: 2000}
  trainer: {steps: 120}
"""


def materia(*words: object, ok: bool = True) -> subprocess.CompletedProcess[str]:
    code = "import sys; from cli.main import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode == 0) == ok, done.stderr
    assert "Traceback" not in done.stderr
    return done


def ask(*words: object, ok: bool = True) -> SimpleNamespace:
    """A command that reads, in this process; what it printed, as `materia` gives it."""
    from cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(word) for word in words])
    assert (status == 0) == ok, err.getvalue()
    return SimpleNamespace(stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample, built through the last asset."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "settings.yaml").write_text(SETTINGS)
    materia("build", "--home", folder / "home", "--config", folder / "settings.yaml")
    return folder / "home"


def status(home: Path) -> dict:
    return json.loads(ask("status", "--home", home, "--json").stdout)


def hashes(home: Path) -> dict[str, str]:
    """Every output that is under the law: tables, N-Quads and manifests, up to the models."""
    outside = (*OUTSIDE_THE_LAW, "kg_embeddings", "pretrained_model", "evaluation", "finetuned_models", "ablation")
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not str(path.relative_to(home)).startswith(outside)
    }


def test_status_counts_every_stage(home: Path) -> None:
    figures = status(home)
    for name in (
        "documents",
        "live_documents",
        "mentions",
        "linked_mentions",
        "evidence",
        "triples",
        "quads",
        "passages",
        "tokens",
    ):
        assert figures[name] > 50, name
    assert figures["linked_mentions"] <= figures["mentions"]
    assert set(figures["stages"]["triples"]) == {"seconds", "peak_mib"}


def test_every_mention_is_the_text_at_its_offsets(home: Path) -> None:
    import duckdb

    ((every, right),) = (
        duckdb.connect()
        .execute(f"""
        SELECT count(*), count(*) FILTER (substring(d.text, m.start + 1, m."end" - m.start) = m.text)
        FROM read_parquet('{home}/mentions/**/mentions-*.parquet', hive_partitioning = false) m
        JOIN read_parquet('{home}/documents/**/documents-*.parquet', hive_partitioning = false) d
        USING (doc_id, version, text_hash)
    """)
        .fetchall()
    )
    assert every == right >= status(home)["mentions"] > 0


def test_a_second_build_finds_nothing_to_do(home: Path) -> None:
    before = hashes(home)
    assert "Nothing to do" in materia("build", "--home", home).stderr
    assert hashes(home) == before


@pytest.mark.slow
def test_two_builds_from_scratch_are_byte_identical(home: Path, tmp_path: Path) -> None:
    until = ["graph_index", "belief_calibration", "provenance", "data_card"]
    materia("build", "--home", tmp_path / "elsewhere", "--config", home.parent / "settings.yaml", "--until", *until)
    first, second = hashes(home), hashes(tmp_path / "elsewhere")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert sum(name.startswith("knowledge_graph/") and name.endswith(".nq") for name in first) == 8


def test_no_output_names_this_machine(home: Path) -> None:
    for path in home.glob("*/_manifests/*.json"):
        assert str(ROOT) not in path.read_text()
        assert str(home) not in path.read_text()


def test_the_revision_counts_the_deletion_is_gone_the_retraction_is_marked(home: Path) -> None:
    import pyarrow.parquet as pq

    (path,) = (home / "live_documents").glob("*.parquet")
    rows = {row["doc_id"]: row for row in pq.read_table(path).to_pylist()}
    assert (rows["PMID:90000005"]["version"], rows["PMID:90000005"]["reason"]) == (2, "highest-version")
    assert rows["PMID:90000008"]["status"] == "retracted"
    assert rows["PMID:90000012"]["status"] == "deleted"
    evidence = [pq.read_table(p) for p in (home / "evidence_by_bucket").rglob("*.parquet")]
    docs = {doc for table in evidence for doc in table["doc_id"].to_pylist()}
    assert "PMID:90000012" not in docs


@pytest.mark.parametrize("kind", ["verbalized", "literature"])
def test_a_row_is_traced_to_the_hash_of_its_file(home: Path, kind: str) -> None:
    import pyarrow.parquet as pq

    shard = next(
        p for p in sorted((home / "corpus_shards/split=train").rglob("*.parquet")) if pq.read_metadata(p).num_rows > 2
    )
    rows = pq.read_table(shard, partitioning=None).to_pylist()
    row = next(i for i, values in enumerate(rows) if values["evidence_ids"] and values["kind"] == kind)
    name = f"corpus_shards/split=train/{shard.parent.name}:{row}"
    text = ask("trace", "--home", home, name).stdout
    for word in ("passage", "triple", "evidence", "sentence", "document", "version", "file", "sha256"):
        assert word in text
    chain = json.loads(ask("trace", "--home", home, name, "--json").stdout)
    assert chain["passage_id"] == rows[row]["passage_id"]
    shas = {
        hashlib.sha256(p.read_bytes()).hexdigest()
        for p in (ROOT / "pipeline" / "sample" / "literature").rglob("*")
        if p.is_file()
    }
    assert any(sha in json.dumps(chain) for sha in shas)


def test_the_graph_answers_with_belief_and_publications(home: Path) -> None:
    question = """SELECT ?drug ?belief ?paper WHERE { ?claim rdf:predicate biolink:treats ; rdf:subject ?s ; materia:belief ?belief ;
        biolink:publications ?paper . ?s skos:prefLabel ?drug } ORDER BY DESC(?belief) ?drug ?paper LIMIT 5"""
    rows = json.loads(ask("query", "--home", home, "--json", question).stdout)
    assert len(rows) == 5
    assert all(0 < float(row["belief"]) <= 1 and row["paper"].startswith(("PMID:", "PMC:", "DOI:")) for row in rows)


def test_the_loss_of_each_objective_falls_and_the_model_loads(home: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    (manifest,) = (home / "pretrained_model" / "_manifests").glob("*.json")
    losses = json.loads(manifest.read_text())["summary"]["losses"]
    assert set(losses) >= {"masked_lm", "next_sentence", "link_prediction_table", "relation_classification"}
    for name in ("masked_lm", "link_prediction_table", "relation_classification"):
        assert losses[name]["last"] < losses[name]["first"], name
    (folder,) = (home / "pretrained_model").glob("model-*")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    assert model(**tokenizer("Aspirin treats pain.", return_tensors="pt")).last_hidden_state.shape[-1] == 64
    shards = json.loads((folder / "materia_manifest.json").read_text())
    assert "corpus_shards/split=train" in json.dumps(shards)


def test_the_evaluation_has_losses_and_ranks(home: Path) -> None:
    figures = json.loads(ask("evaluate", "--home", home, "--json").stdout)
    assert figures["validation"]["masked_lm"]["loss"] > 0
    assert set(figures["embeddings"]) == {"transe", "distmult", "rotate"}


def test_the_corpus_opens_with_arrow(home: Path) -> None:
    import pyarrow.dataset as ds

    dataset = ds.dataset(home / "corpus_shards", partitioning="hive", exclude_invalid_files=True)
    assert dataset.count_rows() > 100


def test_the_corpus_leaves_as_a_folder_that_others_open(home: Path, tmp_path: Path) -> None:
    import mlcroissant
    import pyarrow.dataset

    ask("corpus", "export", tmp_path / "out", "--home", home)
    parts = json.loads(ask("corpus", "stats", "--home", home, "--json").stdout)["parts"]
    opened = pyarrow.dataset.dataset(tmp_path / "out" / "data", partitioning="hive")
    assert opened.count_rows() == sum(part["rows"] for part in parts) > 500
    records = mlcroissant.Dataset(tmp_path / "out" / "croissant.json").records("passages")
    assert {record["passages/text"].decode() for record in records} == set(opened.to_table()["text"].to_pylist())
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"| **all** |  |  | {sum(part['passages'] for part in parts):,} |" in card
    assert str(home) not in card
    shown = ask("corpus", "preview", "--home", home, "--predicate", "treats", "-n", 2).stdout
    assert shown.count("triple ") >= 2


def test_every_question_of_the_page_on_the_graph_is_answered(home: Path) -> None:
    from kg.graph_store import open_store

    page = (ROOT / "docs" / "graph.md").read_text(encoding="utf-8")
    questions = re.findall(r"^### (\d+)\. .*?^```sparql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [int(number) for number, _ in questions] == list(range(1, 11))
    graph = open_store(home / "graph_index" / "store")
    rows = {int(number): len(list(graph.query(sparql))) for number, sparql in questions}
    assert rows[9] > 2, "concepts of several classes"
    assert rows[10] >= 1


def test_beliefs_are_explained_to_the_bit(home: Path) -> None:
    """By the function behind `materia explain`: every claim that is contradicted, and some with one document and with more."""
    from assets.home import open_home
    from kg.explain import explain

    opened = open_home(str(home))
    triples = opened.dataset("triples")
    rows = [row for key in triples.manifests() for row in triples.read(key).to_pylist()]
    told = [row for i, row in enumerate(rows) if i % 20 == 0 or row["contradiction"] > 0]
    told += [row for row in rows if len(row["doc_ids"]) > 1 and row not in told][::4]
    for row in told:
        claim = (row["subject"], row["predicate"], row["object"])
        settings = opened.config.fusion, opened.config.splits
        found = explain(home, claim, *settings, buckets=4, reliabilities=opened.config.fusion.learned(), limit=1)
        assert (found.agrees, found.stored) == (True, row)
    assert len(told) > 20
    assert any(row["contradiction"] > 0 for row in told)


def test_a_belief_is_explained_by_names_with_quotes_and_steps(home: Path) -> None:
    words = ["explain", "--home", home, "metformin", "treats"]
    assert "metformin (MESH:D008687)" in ask(*words).stdout
    listed = json.loads(ask(*words, "--json").stdout)
    best = listed["claims"][0]
    text = ask("explain", "--home", home, best["subject"], "Treats", best["object"]).stdout
    for part in ("belief", "systematic error", "p = probability", "remains", "PMID:", "“"):
        assert part in text, text
    chain = json.loads(ask("explain", "--home", home, best["subject"], "treats", best["object"], "--json").stdout)
    assert chain["agrees"]
    assert chain["stored"]["belief"] == best["belief"]
    problem = ask("explain", "--home", home, best["object"], "treats", best["subject"], ok=False).stderr
    assert "nothing speaks for or against this claim" in problem


def test_the_difference_to_itself_is_none(home: Path) -> None:
    assert "The two builds know the same." in ask("diff", home, home).stdout
