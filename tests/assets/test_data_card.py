"""The data card as Dagster shows it, and what makes it stale."""

# ruff: noqa: F811  (a fixture of another folder is a parameter here)

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from upath import UPath

from assets.config import Config
from assets.data_card import STAGES, data_card
from assets.home import Home
from assets.metadata import partition_metadata
from assets.stage import Job
from assets.stages import until
from kg.dataset_config import DatasetConfig
from tests.kg.conftest import BUCKETS, make_home  # noqa: F401  (a fixture)
from tests.kg.corpus_home import write_corpus_home

(STAGE,) = STAGES


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_home: Callable[..., Path]) -> Home:
    folder = write_corpus_home(tmp_path_factory.mktemp("home"), make_home)
    settings = DatasetConfig(name="A corpus", licence="CC0-1.0")
    return Home(UPath(folder), config=Config(buckets=BUCKETS, dataset=settings), recorded=True)


def test_the_card_is_shown_as_markdown_with_its_plots(home: Home) -> None:
    with home.dataset("data_card").writer() as writer:
        data_card(Job(home, "all", writer, 1, lambda _: None, {}, None))
        manifest = writer.commit(skip_key="k", code_version="1", inputs={})
    metadata = partition_metadata(STAGE, home, "all", manifest)
    assert isinstance(metadata["card"], dg.MarkdownMetadataValue)
    assert metadata["card"].value.startswith("# A corpus")
    assert "data:image/png;base64," in metadata["card"].value
    assert metadata["passages"] == 8
    assert manifest.summary["not_stated"] == ["licences", "url", "creators", "published"]
    assert str(home.url) not in Path(home.url / manifest.files[0].path).name


def test_a_licence_makes_the_card_stale_and_no_passage_or_model(home: Home) -> None:
    other = Home(home.url, config=Config(buckets=BUCKETS, dataset=DatasetConfig(licence="MIT")), recorded=True)
    changed = [stage.name for stage in until(None) if stage.settings(home) != stage.settings(other)]
    assert changed == ["data_card"]
    assert not [stage.name for stage in until(None) if "data_card" in {need.asset for need in stage.needs}]


@pytest.mark.parametrize(
    ("asset", "change"),
    [
        ("verbalized_corpus", {"summary": {"told": {"untold-no-name": 3}}}),  # a language that nothing can be told in
        ("literature_corpus", {"summary": {"withheld_sentences": 2}}),
        ("vocabulary", {"inputs": {"000/a.obo": "another hash"}}),  # a comment in the file
    ],
)
def test_what_changes_in_manifests_and_no_table_makes_the_card_stale(
    tmp_path: Path, make_home: Callable[..., Path], asset: str, change: dict[str, Any]
) -> None:
    """The card went on telling the SHA-256 and the counts of the build before, as the tables were the same."""
    home = Home(UPath(write_corpus_home(tmp_path, make_home)), config=Config(buckets=BUCKETS), recorded=True)
    before = STAGE.settings(home)
    path = tmp_path / asset / "_manifests" / "all.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert STAGE.settings(home) != before
