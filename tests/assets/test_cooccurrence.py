"""Co-occurrence through a build: nothing unless asked for, and gone when it is asked for no longer."""

from pathlib import Path

import pytest

from assets.build import build
from assets.config import Config
from assets.extraction import STAGES
from assets.home import SAMPLE, Home, open_home
from pipeline.cooccurrence import EXTRACTOR
from pipeline.extraction_config import ExtractionConfig

STAGE = next(stage for stage in STAGES if stage.name == "cooccurrence")


def configured(home: Path, **settings: bool | int) -> Home:
    sources = [str(SAMPLE / "literature")], [str(SAMPLE / "vocabulary")]
    return open_home(str(home)).configure(*sources, Config(buckets=4, extraction=ExtractionConfig(**settings)))


def shuffled(home: Home) -> dict[str, list[str]]:
    keys = home.buckets
    dataset = home.dataset("evidence_by_bucket")
    return {key: dataset.read(key).column("extractor").to_pylist() for key in keys if dataset.paths(key)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_it_counts_where_asked_for_and_leaves_no_trace_after(home: Path) -> None:
    build(configured(home), "evidence_shuffle")
    before = shuffled(configured(home))
    assert configured(home).dataset("cooccurrence").read().num_rows == 0
    assert STAGE.stale(configured(home, cooccurrence_minimum=2)) == []

    asked = configured(home, cooccurrence=True, cooccurrence_minimum=1)
    assert STAGE.stale(asked) == ["all"]
    build(asked, "evidence_shuffle")
    rows = asked.dataset("cooccurrence").read()
    assert rows.num_rows > 0
    counted = [name for names in shuffled(asked).values() for name in names]
    assert counted.count(EXTRACTOR) == rows.num_rows

    build(configured(home), "evidence_shuffle")
    assert shuffled(configured(home)) == before
