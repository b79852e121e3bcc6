"""`materia corpus`: rows to look at, counts, and the folder that leaves, from the command line's own entry."""

# ruff: noqa: F811  (a fixture of another folder is a parameter here)

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from kg.data_card import write_card
from kg.dataset_config import DatasetConfig
from pipeline.storage import Dataset
from tests.kg.conftest import BUCKETS, make_home  # noqa: F401  (a fixture)
from tests.kg.corpus_home import write_corpus_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_home: Callable[..., Path]) -> Path:
    """A home with a finished corpus, and no card of it."""
    folder = write_corpus_home(tmp_path_factory.mktemp("home"), make_home)
    record = {"literature": "sample", "vocabulary": "sample", "retracted": [], "config": {"buckets": BUCKETS}}
    (folder / "home.json").write_text(json.dumps(record))
    return folder


def out_of(words: list[object], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(list(map(str, words))) == 0
    return capsys.readouterr().out


def test_preview_shows_rows_with_what_is_behind_them(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["corpus", "preview", "--home", home, "--kind", "verbalized", "--predicate", "causes", "-n", "1"]
    shown = out_of(words, capsys)
    assert "Aspirin is said to cause asthma." in shown
    assert "PMID:2 denies: Aspirin did not cause asthma." in shown
    assert "\x1b" not in shown


def test_an_entity_may_be_given_by_name(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = out_of(["corpus", "preview", "--home", home, "--entity", "metformin", "--json"], capsys)
    rows = json.loads(shown)
    assert len(rows) == 3
    assert {span["curie"] for row in rows for span in row["passage"]["spans"]} >= {"MESH:D008687"}
    assert all(row["chain"]["documents"][0]["file"] == "a.jsonl" for row in rows)


def test_stats_as_a_table_and_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The home may be named before the word or after it.
    table = out_of(["corpus", "--home", home, "stats"], capsys)
    assert "11 candidates, 8 taken." in table
    assert "Withheld: 1 sentences of training papers (25.00%)" in table
    figures = json.loads(out_of(["corpus", "stats", "--home", home, "--json"], capsys))
    assert figures["withheld_share"] == 0.25
    assert sum(part["passages"] for part in figures["parts"]) == 8
    assert figures["rejected"] == [{"reason": "duplicate", "kind": "verbalized", "passages": 3, "tokens": 21}]


def test_export_says_what_is_not_stated(
    make_home: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_corpus_home(tmp_path / "home", make_home)
    with Dataset(folder, "data_card").writer() as writer:
        write_card(folder, writer.folder("card"), DatasetConfig())
        writer.summary["not_stated"] = ["url"]
        writer.commit(skip_key="k", code_version="1", inputs={})
    said = out_of(["corpus", "export", tmp_path / "out", "--home", folder], capsys)
    assert "9 passages" in said
    assert "state under `dataset` in the configuration: url." in said
    assert (tmp_path / "out" / "README.md").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["stats", "--home", "{tmp}/none"], "holds no corpus. Run: materia build --until corpus."),
        (["preview", "--home", "{tmp}/none"], "holds no corpus"),
        (["export", "{tmp}/out", "--home", "{tmp}/none"], "holds no corpus"),
        (["preview", "corpus_shards/split=dev/bucket=00"], "no such shard: corpus_shards/split=dev/bucket=00"),
        (["preview", "--language", "de"], "no passage fits. Leave out one of the conditions."),
        (["preview", "--rows", "0"], "--rows is less than 1"),
        (["preview", "--predicate", "heals"], "heals"),
        (["preview", "--entity", "unobtainium"], "no concept of the vocabulary has this name"),
        (["export", "{tmp}/out"], "has no data card. Run: materia build --until data_card."),
    ],
)
def test_a_mistake_is_one_sentence(
    words: list[str], says: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(tmp=tmp_path) for word in words]
    at = [] if "--home" in words else ["--home", str(home)]
    assert main(["corpus", *words, *at]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line
    assert not list(tmp_path.iterdir())
