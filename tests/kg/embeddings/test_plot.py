"""The map of the entities: right components, the same bytes each time, a legend and labels that can be read."""

from pathlib import Path

import numpy as np

from kg.embeddings.plot import draw_embeddings, plot_embeddings, principal_components
from tests.kg.embeddings.vectors import untrained

CATEGORIES = {f"E:{i:02}": "biolink:Drug" if i % 2 else "biolink:Disease" for i in range(30)} | {"E:30": None}


def test_components_are_those_of_a_singular_value_decomposition() -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    points, shares = principal_components(vectors, np.arange(40))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centred = unit - unit.mean(0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(points), np.abs(centred @ axes[:2].T), atol=1e-6)
    np.testing.assert_allclose(shares, values[:2] ** 2 / (values**2).sum(), atol=1e-6)


def test_the_same_embedding_is_the_same_picture(tmp_path: Path) -> None:
    embeddings = untrained("rotate", entities=40)
    for name in ("a.png", "b.png"):
        plot_embeddings(embeddings, CATEGORIES, tmp_path / name)
    picture = (tmp_path / "a.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and picture == (tmp_path / "b.png").read_bytes()


def test_the_legend_counts_categories_and_the_largest_concepts_are_named() -> None:
    figure = draw_embeddings(untrained("complex", entities=40), CATEGORIES, names={"E:00": "aspirin"})
    (axis,) = figure.axes
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["Disease (15)", "Drug (15)", "other (10)"]
    labels = [text for text in axis.texts if text.get_text()]
    assert labels[0].get_text() == "aspirin"
    boxes = [text.get_window_extent() for text in labels]
    assert 3 < len(boxes) <= 25
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_one_entity_or_none_that_was_trained_makes_a_picture_too(tmp_path: Path) -> None:
    embeddings = untrained("distmult", entities=5)
    for degrees in ([1, 0, 0, 0, 0], [0, 0, 0, 0, 0]):
        embeddings.degrees[:] = degrees
        plot_embeddings(embeddings, {}, tmp_path / "small.png")
        assert (tmp_path / "small.png").stat().st_size > 1000
