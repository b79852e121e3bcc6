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
from pipeline.errors import MateriaError

#: Draws from both kinds: told facts are sampled down, papers are cut, common entities come less often.
MIXTURE = MixtureConfig(
    graph_to_text=1,
    repeats=2,
    passages_per_document=4,
    source_shares={"*": 1},
    predicate_shares={"biolink:treats": 0.3},
    temperature=TemperatureConfig(entities=1.5),
)


def configured(folder: Path, papers: Path, mixture: MixtureConfig = MIXTURE) -> Home:
    config = Config(buckets=16, corpus=CorpusConfig(mixture=mixture))
    return open_home(str(folder)).configure([str(papers)], [str(SAMPLE / "vocabulary")], config)


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    shutil.copytree(SAMPLE / "literature", folder)
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
    assert status(other)["failed_checks"]["source_shares_apply"]["unknown"] == "litterature"


@pytest.mark.slow
def test_a_ratio_that_cannot_be_met_stops_the_build_in_one_sentence_and_leaves_what_was(
    tmp_path: Path, papers: Path
) -> None:
    home = configured(tmp_path / "home", papers, MixtureConfig(graph_to_text=0.5))
    build(home, "corpus")
    (index,) = (home.path / "corpus").glob("corpus-*.json")
    assert json.loads(index.read_text())["graph_to_text"] == pytest.approx(0.5, abs=0.03)
    before = outputs(home)
    impossible = configured(tmp_path / "home", papers, MixtureConfig(graph_to_text=900_000))
    with pytest.raises(
        MateriaError, match="corpus.mixture.graph_to_text: asks for a ratio of 900000, which leaves room"
    ):
        build(impossible, "corpus")
    assert outputs(home) == before


@pytest.mark.slow
def test_planted_rows_are_caught_and_named(tmp_path: Path, papers: Path) -> None:
    """A row that stands twice under two names, and a held-out pair in a training row, put into a finished shard."""
    home = configured(tmp_path / "home", papers, MixtureConfig())
    build(home, "corpus")
    dataset = home.dataset(SHARDS)
    key = next(key for key in home.buckets if any(entry.rows for entry in dataset.manifest(key).files))  # type: ignore[union-attr]
    manifest = dataset.manifest(key)
    assert manifest is not None
    (path,) = dataset.paths(key, containing="split=train")
    rows = pq.read_table(path, partitioning=None).to_pylist()
    planted = [rows[0], rows[0] | {"passage_id": "planted"}]
    with dataset.writer(key) as writer:
        table = pa.Table.from_pylist(planted, pq.read_schema(path))
        writer.table(f"split=train/bucket={key}/passages.parquet", table.schema).write(table)
        writer.summary.update(manifest.summary)
        writer.commit(skip_key=manifest.skip_key, code_version=manifest.code_version, inputs=manifest.inputs)
    with pytest.raises(MateriaError, match=r"corpus: the check no_duplicates failed \(duplicates: 1\)"):
        build(home, "corpus")
    checks = home.dataset("corpus").manifest().summary["checks"]  # type: ignore[union-attr]
    (example,) = checks["no_duplicates"]["examples"]
    assert {example["passage_id"], example["other"]} == {"planted", rows[0]["passage_id"]}
