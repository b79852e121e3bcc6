"""The folder that leaves the house opens in the programs its readers use: datasets, pyarrow and mlcroissant."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from kg.corpus_export import export_corpus
from kg.corpus_views import shards_of
from kg.data_card import missing_statements, write_card
from kg.dataset_config import DatasetConfig
from kg.tables import CORPUS_PASSAGES
from pipeline.errors import MateriaError
from pipeline.storage import Dataset, file_sha256
from tests.kg.corpus_home import ROWS, passage, write_corpus_home

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # mlcroissant's

ROWS_BY_SPLIT = {"train": 7, "validation": 1, "test": 1}


def with_card(home: Path, settings: DatasetConfig | None = None) -> Path:
    settings = settings or DatasetConfig()
    with Dataset(home, "data_card").writer() as writer:
        write_card(home, writer.folder("card"), settings)
        writer.summary["not_stated"] = missing_statements(settings)
        writer.commit(skip_key="k", code_version="1", inputs={})
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_home: Callable[..., Path]) -> Path:
    return with_card(write_corpus_home(tmp_path_factory.mktemp("home"), make_home))


@pytest.fixture(scope="module")
def exported(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "corpus"
    export_corpus(home, out)
    return out


def texts_of(split: str) -> list[str]:
    copies = [ROWS[4]["text"]] if split == "train" else []
    return sorted([row["text"] for row in ROWS if row["split"] == split] + copies)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    return lambda folder, **options: datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"), **options)


def test_datasets_opens_it_with_its_splits(exported: Path, load) -> None:
    corpus = load(exported)
    assert {split: rows.num_rows for split, rows in corpus.items()} == ROWS_BY_SPLIT
    for split, rows in corpus.items():
        assert sorted(rows["text"]) == texts_of(split)
        assert rows.column_names == CORPUS_PASSAGES.names
    (chinese,) = [row for row in corpus["train"] if row["language"] == "zh"]
    assert [chinese["text"][span["start"] : span["end"]] for span in chinese["spans"]] == ["二甲双胍", "2型糖尿病"]


def test_datasets_streams_it(exported: Path, load) -> None:
    assert sorted(row["text"] for row in load(exported, streaming=True)["train"]) == texts_of("train")


def test_datasets_sees_that_another_corpus_stands_in_the_same_place(
    make_home: Callable[..., Path], tmp_path: Path, load
) -> None:
    out = tmp_path / "out"
    for text in ("First corpus.", "Other corpus."):
        rows = [passage(text)]
        export_corpus(with_card(write_corpus_home(tmp_path / text[0], make_home, rows)), out, force=True)
        assert load(out)["train"]["text"] == [text]


def test_pyarrow_opens_it_with_its_partitions(exported: Path) -> None:
    corpus = pyarrow.dataset.dataset(exported / "data", partitioning="hive")
    assert corpus.count_rows() == 9
    train = corpus.to_table(filter=pyarrow.dataset.field("split") == "train")
    assert sorted(train["text"].to_pylist()) == texts_of("train")
    assert set(train["bucket"].to_pylist()) <= {0, 1}
    fragments = corpus.get_fragments(filter=pyarrow.dataset.field("split") == "test")
    assert all("split=test" in fragment.path for fragment in fragments)


def read_croissant(folder: Path):
    import mlcroissant

    return mlcroissant.Dataset(folder / "croissant.json")


def test_mlcroissant_validates_it_and_reads_every_record(exported: Path) -> None:
    dataset = read_croissant(exported)
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    # What the specification wants and nobody stated.
    assert {warning.split('"')[1].rsplit("/", 1)[-1] for warning in issues.warnings} == {"citeAs", "datePublished"}
    records = list(dataset.records("passages"))
    assert len(records) == 9
    by_text = {record["passages/text"].decode(): record for record in records}
    assert sorted(by_text) == sorted({row["text"] for row in ROWS})
    for row in ROWS:
        record = by_text[row["text"]]
        assert record["passages/split"].decode() == row["split"]
        assert record["passages/belief"] == row["belief"]
        assert [one["passages/spans/curie"].decode() for one in record["passages/spans"] or []] == [
            span["curie"] for span in row["spans"]
        ]
        assert [one["passages/relations/subject"] for one in record["passages/relations"] or []] == [
            relation["subject"] for relation in row["relations"]
        ]
        assert [one.decode() for one in record["passages/doc_ids"]] == row["doc_ids"]


def test_mlcroissant_reads_one_split_alone(exported: Path) -> None:
    dataset = read_croissant(exported)
    for split, rows in ROWS_BY_SPLIT.items():
        assert len(list(dataset.records("passages", filters={"passages/split": split}))) == rows


def test_mlcroissant_has_nothing_to_warn_of_where_all_is_stated(
    make_home: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = DatasetConfig(
        licence="CC0-1.0",
        creators={"A lab": "organization", "Ada": "person"},
        url="https://example.org",
        published="2026-01-02",
        citation="@misc{x}",
        licences={"a*": "CC0-1.0"},
    )
    home = with_card(write_corpus_home(tmp_path / "home", make_home), settings)
    assert export_corpus(home, tmp_path / "out")["not_stated"] == []
    with caplog.at_level(logging.WARNING):
        dataset = read_croissant(tmp_path / "out")
    assert not dataset.metadata.ctx.issues.warnings
    assert [one.name for one in dataset.metadata.creators] == ["A lab", "Ada"]
    assert dataset.metadata.date_published.date().isoformat() == "2026-01-02"
    metadata = json.loads((tmp_path / "out" / "croissant.json").read_text())
    assert metadata["license"] == "https://spdx.org/licenses/CC0-1.0.html"
    stated = {source["prov:label"]: source.get("license") for source in metadata["prov:wasDerivedFrom"]}
    assert stated == {"a.jsonl": "https://spdx.org/licenses/CC0-1.0.html", "b|c/notes.jsonl": None}


def test_every_file_is_listed_with_its_hash(exported: Path) -> None:
    metadata = json.loads((exported / "croissant.json").read_text(encoding="utf-8"))
    listed = {one["contentUrl"]: one["sha256"] for one in metadata["distribution"] if one["@type"] == "cr:FileObject"}
    there = {str(path.relative_to(exported)): file_sha256(path) for path in (exported / "data").rglob("*.parquet")}
    assert listed == there
    assert str(exported.parent) not in (exported / "croissant.json").read_text(encoding="utf-8")


def test_shards_are_linked_and_the_card_is_a_copy_that_may_be_edited(home: Path, exported: Path) -> None:
    (card,) = (home / "data_card").glob("card-*/README.md")
    assert (exported / "README.md").stat().st_ino != card.stat().st_ino
    assert (exported / "README.md").read_bytes() == card.read_bytes()
    for shard in shards_of(home):
        name = shard.path.partition("/")[2]
        assert (exported / "data" / name).stat().st_ino == (home / shard.path).stat().st_ino


def test_an_export_is_replaced_only_where_it_is_asked_for_and_only_an_export(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_corpus(home, out)
    with pytest.raises(MateriaError, match=r"is there already.*--force"):
        export_corpus(home, out)
    export_corpus(home, out, force=True)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(MateriaError, match="is no exported corpus"):
        export_corpus(home, tmp_path / "thesis", force=True)
    with pytest.raises(MateriaError, match="is a file"):
        export_corpus(home, tmp_path / "thesis" / "chapter1.tex", force=True)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "thesis"]


def test_a_card_of_another_corpus_goes_out_with_none(make_home: Callable[..., Path], tmp_path: Path) -> None:
    home = with_card(write_corpus_home(tmp_path / "home", make_home))
    changed = pq.read_table(home / shards_of(home)[0].path, partitioning=None).slice(0, 1)
    with Dataset(home, "corpus_shards").writer("00") as writer:
        writer.table("split=train/bucket=00/passages.parquet", CORPUS_PASSAGES).write(changed)
        writer.commit(skip_key="k", code_version="1", inputs={})
    with pytest.raises(MateriaError, match=r"data card of another corpus.*build --until data_card"):
        export_corpus(home, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_shard_that_is_gone_leaves_nothing_half_written(make_home: Callable[..., Path], tmp_path: Path) -> None:
    home = with_card(write_corpus_home(tmp_path / "home", make_home))
    gone = home / shards_of(home)[-1].path
    gone.unlink()
    with pytest.raises(MateriaError, match=f"{gone.name}: is no longer there. Run: materia build"):
        export_corpus(home, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_corpus_without_passages_does_not_leave(make_home: Callable[..., Path], tmp_path: Path) -> None:
    home = with_card(write_corpus_home(tmp_path / "home", make_home, []))
    with pytest.raises(MateriaError, match="has a corpus without passages"):
        export_corpus(home, tmp_path / "out")


def test_a_corpus_without_a_card_says_how_to_get_one(corpus_home: Path, tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match=r"has no data card. Run: materia build --until data_card."):
        export_corpus(corpus_home, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("out", "said"),
    [("s3://bucket/corpus", "is no folder of this machine"), ("", "a path is empty"), ("x" * 300, "cannot be reached")],
)
def test_a_place_that_is_no_folder_is_one_sentence_and_nothing_is_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MateriaError, match=said):
        export_corpus(home, out)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_be_named_by_a_dot_and_a_link_stays_a_link(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "here")
    export_corpus(home, ".")
    monkeypatch.chdir(tmp_path)
    export_corpus(home, "link")
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "link", "there"]
    for name in ("here", "there"):
        assert (tmp_path / name / "croissant.json").is_file()
