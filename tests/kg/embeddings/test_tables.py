"""A folder of embeddings: every row has its CURIE and its triples, tensors and tables agree, damage is noticed."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.tables import Embeddings
from kg.embeddings.train import train_encoded
from pipeline.errors import DiskFullError, MateriaError
from tests.kg.embeddings.graphs import ring


def made(folder: Path, model: str = "rotate") -> Embeddings:
    embeddings = train_encoded(ring(), EmbeddingConfig(model=model, dim=8, epochs=2))
    embeddings.save(folder)
    return embeddings


@pytest.mark.parametrize("model", ["transe", "distmult", "rotate", "complex"])
def test_what_is_loaded_is_what_was_saved(model: str, tmp_path: Path) -> None:
    before, after = made(tmp_path, model), Embeddings.load(tmp_path)
    for name in ("entity_vectors", "relation_vectors", "reciprocal_vectors", "degrees"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    for name in ("config", "scorer", "entities", "relations", "metrics", "threshold", "counts", "triples"):
        assert getattr(before, name) == getattr(after, name)


def test_whoever_may_read_one_file_may_read_all(tmp_path: Path) -> None:
    made(tmp_path)
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_a_full_disk_leaves_the_embeddings_that_were_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def no_room(tensors: object, path: str, metadata: object) -> None:
        Path(path).write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.numpy.save_file", no_room)
    with pytest.raises(DiskFullError):
        made(tmp_path, "complex")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_row_i_of_the_tensors_is_row_i_of_the_table(tmp_path: Path) -> None:
    embeddings = made(tmp_path)
    tensors = load_file(tmp_path / "embeddings.safetensors")
    for name, columns in (
        ("entities", {"vector": "entities"}),
        ("relations", {"vector": "relations", "reciprocal": "reciprocals"}),
    ):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        assert table["curie"].to_pylist() == getattr(embeddings, name)
        for column, tensor in columns.items():
            np.testing.assert_array_equal(np.array(table[column].to_pylist(), dtype=np.float32), tensors[tensor])


def test_every_row_leads_to_its_triples(tmp_path: Path) -> None:
    """The manifest pins the training triples by their hash; those that name the CURIE are the row's."""
    made(tmp_path)
    graph = ring()
    lines = sorted((graph.entities[s], graph.relations[p], graph.entities[o]) for s, p, o in graph.train)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    text = "".join("\t".join(line) + "\n" for line in lines)
    assert manifest["triples"]["train"] == hashlib.sha256(text.encode()).hexdigest()
    for row in pq.read_table(tmp_path / "entities.parquet").to_pylist():
        assert row["triples"] == sum(row["curie"] in (s, o) for s, _, o in lines)
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert manifest["files"]["entities.parquet"]["rows"] == len(graph.entities)


@pytest.mark.parametrize("name", ["entities.parquet", "embeddings.safetensors", "relations.parquet", "report.json"])
def test_a_file_that_is_damaged_or_missing_is_named(name: str, tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")
    with pytest.raises(MateriaError, match=rf"{name}: is missing or not as it was written\. .*materia embed"):
        Embeddings.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(MateriaError, match=r"is missing or not as it was written|holds no embeddings"):
        Embeddings.load(tmp_path)


def test_a_folder_of_something_else_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(MateriaError, match=r"holds no embeddings"):
        Embeddings.load(tmp_path)
    made(tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace("materia.embeddings.v2", "materia.embeddings.v9"))
    with pytest.raises(MateriaError, match=r"of a version that cannot be read"):
        Embeddings.load(tmp_path)
