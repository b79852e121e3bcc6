"""The corpus of a home: mixed as asked, the same bytes however it came about, and few shards written for one paper."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.build import build
from assets.config import Config
from assets.home import SAMPLE, Home, open_home
from assets.status import status
from kg.config import CorpusConfig, MixtureConfig, TemperatureConfig
from kg.corpus import SHARDS
from kg.tables import CORPUS_PASSAGES
from pipeline.errors import MateriaError
from tests.kg.passages import HELD, A

#: Draws from both kinds: told facts are sampled down, papers are cut, common entities come less often.
MIXTURE = MixtureConfig(
    graph_to_text=1,
    repeats=2,
    passages_per_document=4,
    source_shares={"*": 1},
    predicate_shares={"biolink:treats": 0.3},
    temperature=TemperatureConfig(entities=1.5),
)

#: What a downstream test asks, in words that no paper of the sample has.
QUESTION = (
    "which of the following seven remedies would a prudent physician choose first for a sailor with scurvy at sea"
)


def configured(folder: Path, papers: Path, mixture: MixtureConfig = MIXTURE, *tests: Path) -> Home:
    corpus = CorpusConfig(mixture=mixture, test_documents=tuple(map(str, tests)))
    config = Config(buckets=16, corpus=corpus)
    return open_home(str(folder)).configure([str(papers)], [str(SAMPLE / "vocabulary")], config)


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A literature folder of our own with one file of the sample."""
    folder = tmp_path / "papers"
    folder.mkdir()
    shutil.copy(SAMPLE / "literature" / "pubmed26n0001.xml", folder)
    return folder


def outputs(home: Home) -> dict[str, str]:
    """Hashes of what the stages of the corpus wrote."""
    return {
        str(path.relative_to(home.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for asset in ("corpus_selection", "selected_passages", SHARDS, "corpus")
        for path in sorted((home.path / asset).rglob("*"))
        if path.is_file()
    }


def shards(home: Home) -> dict[str, str]:
    manifests = home.dataset(SHARDS).manifests().values()
    return {entry.path.rpartition("/")[0]: entry.sha256 for manifest in manifests for entry in manifest.files}


def one_paper(number: int) -> str:
    record: dict[str, Any] = {"id": f"note-{number}", "title": "Aspirin treats headache."}
    return json.dumps(record | {"abstract": f"We saw {number} patients at the clinic."}) + "\n"


@pytest.mark.slow
def test_a_paper_that_comes_changes_few_shards_and_the_bytes_are_those_of_a_clean_build(
    tmp_path: Path, papers: Path
) -> None:
    home = configured(tmp_path / "home", papers)
    build(home, "corpus")
    before = shards(home)
    (papers / "one.jsonl").write_text(one_paper(1))
    computed = build(home, "corpus")
    after = shards(home)
    changed = [name for name in after if after[name] != before[name]]
    assert 1 <= len(changed) <= 16 // 2, changed
    assert computed[SHARDS] <= 16 // 2
    clean = configured(tmp_path / "clean", papers)
    build(clean, "corpus")
    assert outputs(home) == outputs(clean)
    assert build(home, "corpus") == {}
    # Another mixture chooses again, and makes no candidate again.
    other = configured(tmp_path / "home", papers, MixtureConfig(tokens=3000, source_shares={"litterature": 0.5}))
    assert set(build(other, "corpus")) == {"corpus_selection", SHARDS, "corpus"}
    totals = other.dataset("corpus").manifest().summary["totals"]["train"]  # type: ignore[union-attr]
    assert 2900 <= sum(kind["tokens"] for kind in totals.values()) <= 3000
    figures = status(other)
    assert figures["not_taken"]["token-budget"] > 100
    assert figures["failed_checks"]["source_shares_apply"]["unknown"] == "litterature"


@pytest.mark.slow
def test_what_must_not_be_is_told_in_one_sentence(tmp_path: Path, papers: Path) -> None:
    """A ratio is met; one that cannot be leaves all as it was; a planted leak, duplicate and test are each caught and named."""
    tests = tmp_path / "tests.jsonl"
    tests.write_text(json.dumps({"question": QUESTION}) + "\n")
    home = configured(tmp_path / "home", papers, MixtureConfig(graph_to_text=0.5), tests)
    build(home, "corpus")
    (index,) = (home.path / "corpus").glob("corpus-*.json")
    assert json.loads(index.read_text())["graph_to_text"] == pytest.approx(0.5, abs=0.05)
    before = outputs(home)
    impossible = configured(tmp_path / "home", papers, MixtureConfig(graph_to_text=900_000), tests)
    with pytest.raises(
        MateriaError, match="corpus.mixture.graph_to_text: asks for a ratio of 900000, which leaves room"
    ):
        build(impossible, "corpus")
    assert outputs(home) == before
    home = configured(tmp_path / "home", papers, MixtureConfig(graph_to_text=0.5), tests)
    original = plant(home)
    with pytest.raises(MateriaError, match=r"corpus: the check no_leak failed \(leaks: 1\)"):
        build(home, "corpus")
    manifest = home.dataset("corpus").manifest()
    assert manifest is not None
    checks = manifest.summary["checks"]
    (leak,), (double,), (foul,) = (
        checks[name]["examples"] for name in ("no_leak", "no_duplicates", "no_contamination")
    )
    assert (leak["passage_id"], leak["reason"], {leak["subject"], leak["object"]}) == (
        "planted leak",
        "pair-in-sentence",
        {A, HELD},
    )
    assert {double["passage_id"], double["other"]} == {"planted duplicate", original}
    assert (foul["passage_id"], foul["reason"]) == ("planted test", "test-ngram")


def plant(home: Home) -> str:
    """Put three rows into a finished training shard: one that stands there already, whose id is returned, a held-out pair, a test."""
    dataset = home.dataset(SHARDS)
    key, path = next((key, path) for key in home.buckets for path in dataset.paths(key, containing="split=train"))
    manifest = dataset.manifest(key)
    assert manifest is not None
    rows = pq.read_table(path, partitioning=None).to_pylist()
    bare = rows[0] | {"spans": [], "relations": [], "triple_ids": [], "kind": "literature", "form": "text"}
    both = [{"start": 0, "end": 3, "curie": curie, "category": "biolink:NamedThing"} for curie in (A, HELD)]
    pair = "Both of these are named together here, and nowhere else at all."
    planted = [
        rows[0] | {"passage_id": "planted duplicate"},
        bare
        | {"passage_id": "planted leak", "text": pair, "spans": both, "sentences": [{"start": 0, "end": len(pair)}]},
        bare | {"passage_id": "planted test", "text": f"As they say: {QUESTION}", "sentences": []},
    ]
    with dataset.writer(key) as writer:
        table = pa.Table.from_pylist([*rows, *planted], CORPUS_PASSAGES)
        writer.table(f"split=train/bucket={key}/passages.parquet", CORPUS_PASSAGES).write(table)
        writer.summary.update(manifest.summary)
        same = {"skip_key": manifest.skip_key, "code_version": manifest.code_version, "rules": manifest.rules}
        writer.commit(**same, inputs=manifest.inputs)
    return str(rows[0]["passage_id"])
