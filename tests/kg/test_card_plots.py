"""The plots of the data card: the same figures are the same bytes; what there is nothing of is not drawn."""

from dataclasses import replace
from pathlib import Path

import pytest

from kg.card_figures import CardFigures, card_figures
from kg.card_plots import card_plots
from kg.dataset_config import DatasetConfig
from kg.plots import write_png


@pytest.fixture(scope="module")
def figures(corpus_home: Path) -> CardFigures:
    return card_figures(corpus_home, DatasetConfig())


def test_the_same_figures_are_the_same_bytes(figures: CardFigures, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        for name, (figure, text) in card_plots(figures).items():
            assert text
            write_png(figure, tmp_path / folder / name)
    made = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert made == ["beliefs.png", "classes.png", "lengths.png", "predicates.png", "tokens.png", "years.png"]
    for name in made:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert b"tEXt" not in content


def test_what_there_is_nothing_of_is_not_drawn(figures: CardFigures) -> None:
    bare = replace(
        figures,
        years=((None, 3),),
        beliefs=(0,) * 20,
        statistics=replace(figures.statistics, predicates=(), classes=()),
    )
    assert set(card_plots(bare)) == {"tokens.png", "lengths.png"}


def test_the_figures_count_each_passage_once(figures: CardFigures) -> None:
    assert figures.years == ((1999, 1), (None, 1))
    assert (figures.beliefs[0], figures.beliefs[10], figures.beliefs[15]) == (1, 1, 2)
    assert {kind: sum(counts) for kind, counts in figures.lengths.items()} == {"literature": 4, "verbalized": 4}
    # Of as many passages the CURIE decides.
    assert [(one.name, one.passages) for one in figures.entities] == [
        ("Aspirin", 3),
        ("Asthma", 3),
        ("Diabetes | type 2", 3),
        ("Metformin", 3),
    ]
    assert figures.extractors == (("trigger.v1", 2),)
    assert {(row.passage["kind"], row.passage["language"]) for row in figures.examples} == {
        ("literature", "en"),
        ("verbalized", "en"),
        ("verbalized", "zh"),
    }
