"""Nearest concepts: what a plain sort by cosine gives, whatever the batch, and never by luck."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.embeddings.neighbours import nearest
from kg.embeddings.tables import Embeddings
from pipeline.errors import MateriaError
from tests.kg.embeddings.vectors import untrained


def saved(folder: Path, model: str = "rotate", entities: int = 50) -> Embeddings:
    embeddings = untrained(model, entities=entities)
    embeddings = replace(embeddings, entity_vectors=embeddings.entity_vectors.astype(np.float32))
    embeddings.save(folder)
    return embeddings


@pytest.mark.parametrize("model", ["transe", "complex"])
@pytest.mark.parametrize("rows", [7, 1000])
def test_neighbours_are_those_of_a_plain_sort_whatever_the_batch(model: str, rows: int, tmp_path: Path) -> None:
    embeddings = saved(tmp_path, model)
    unit = embeddings.entity_vectors / np.linalg.norm(embeddings.entity_vectors, axis=1, keepdims=True)
    for curie, found in zip(["E:03", "E:20"], nearest(tmp_path, ["E:03", "E:20"], 5, rows=rows), strict=True):
        cosines = unit @ unit[embeddings.entities.index(curie)]
        others = [i for i in np.argsort(-cosines, kind="stable") if embeddings.entities[i] != curie][:5]
        assert [one.curie for one in found] == [embeddings.entities[i] for i in others]
        assert [one.similarity for one in found] == pytest.approx(cosines[others].tolist(), abs=1e-6)
        assert [one.triples for one in found] == [50 - i for i in others]


def test_a_twin_is_the_nearest_and_nothing_is_its_own_neighbour(tmp_path: Path) -> None:
    saved(tmp_path)
    (found,) = nearest(tmp_path, ["E:04"], 100)
    assert (found[0].curie, found[0].similarity) == ("E:03", pytest.approx(1.0))
    assert len(found) == 49 and "E:04" not in {one.curie for one in found}


def test_a_vector_that_was_never_trained_is_no_neighbour(tmp_path: Path) -> None:
    embeddings = untrained("distmult")
    degrees = embeddings.degrees.copy()
    degrees[3] = 0
    replace(embeddings, degrees=degrees).save(tmp_path)
    (found,) = nearest(tmp_path, ["E:04"], 100)
    assert "E:03" not in {one.curie for one in found} and len(found) == 10
    with pytest.raises(MateriaError, match="E:03: has no vector in .*: no training triple names it"):
        nearest(tmp_path, ["E:03"])


def test_an_unknown_curie_is_an_error_with_the_most_alike(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(MateriaError, match=r"E:2x: has no vector.*Did you mean E:2"):
        nearest(tmp_path, ["E:2x"])
    with pytest.raises(MateriaError, match="holds no embeddings"):
        nearest(tmp_path / "nowhere", ["E:02"])


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"", None])
def test_damaged_tensors_are_one_sentence(damage: Any, tmp_path: Path) -> None:
    saved(tmp_path)
    file = tmp_path / "embeddings.safetensors"
    data = file.read_bytes()
    file.unlink()
    if damage:
        file.write_bytes(damage(data))
    with pytest.raises(MateriaError, match=r"embeddings.safetensors: is missing or damaged\. Name a folder"):
        nearest(tmp_path, ["E:02"])


def test_tensors_of_other_embeddings_are_one_sentence(tmp_path: Path) -> None:
    saved(tmp_path / "one")
    saved(tmp_path / "other", entities=20)
    (tmp_path / "other" / "embeddings.safetensors").replace(tmp_path / "one" / "embeddings.safetensors")
    with pytest.raises(MateriaError, match="is of other embeddings"):
        nearest(tmp_path / "one", ["E:02"])
