"""The same model in PyKEEN: equal scores, equal filtered ranks, ready to predict, evaluate or train on. No pickle is read.

    from kg.embeddings.to_pykeen import load_pykeen
    model, factory = load_pykeen("embeddings/rotate")
    predict_target(model=model, head="MESH:D008687", relation="biolink:treats", triples_factory=factory)

Layout. Our complex vectors hold the real parts, then the imaginary parts; PyKEEN's are complex numbers. Our RotatE relation
is an angle, PyKEEN's the number of modulus 1 with this angle. Both score by the negative distance (TransE, RotatE) or the
inner product (DistMult, ComplEx), so nothing changes sign. PyKEEN gives relation r the place 2r and its reciprocal 2r + 1
where a factory creates inverse triples; then it asks for heads by the reciprocal, as we do.

PyKEEN is no dependency of Materia: install it beside. Rejected: PyKEEN's own `trained_model.pkl` and its binary factories,
which are pickles (loading one runs whatever it holds).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kg.embeddings.tables import Embeddings
from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pykeen.models import ERModel
    from pykeen.nn.modules import Interaction
    from pykeen.triples import TriplesFactory

__all__ = ["load_pykeen", "to_pykeen"]


def load_pykeen(folder: Path | str) -> tuple[ERModel[Any, Any, Any], TriplesFactory]:
    """As `to_pykeen`, from a folder that `Embeddings.save` wrote.

    Raises:
        MateriaError: the folder holds no embeddings, or PyKEEN is not installed.
    """
    return to_pykeen(Embeddings.load(Path(folder)))


def to_pykeen(embeddings: Embeddings) -> tuple[ERModel[Any, Any, Any], TriplesFactory]:
    """A PyKEEN model with these vectors, and a triples factory that maps CURIEs to its numbers.

    The factory holds no triples. To evaluate or train on, make one with the same numbers from your triples:
    `TriplesFactory.from_labeled_triples(rows, entity_to_id=factory.entity_to_id, relation_to_id=factory.relation_to_id)`,
    with `create_inverse_triples=True` for training.

    Raises:
        MateriaError: PyKEEN is not installed.
    """
    try:
        from pykeen.models import ERModel
        from pykeen.nn.init import PretrainedInitializer
        from pykeen.triples import TriplesFactory
        from pykeen.utils import NoRandomSeedNecessary
    except ImportError as error:
        raise MateriaError("PyKEEN is not installed", remedy="Install it: pip install pykeen") from error

    config = embeddings.config
    is_complex = config.model in ("rotate", "complex")
    entities, relations = _numbers(embeddings.entity_vectors, is_complex), _relations(embeddings)
    factory = TriplesFactory(
        mapped_triples=np.empty((0, 3), dtype=np.int64),
        entity_to_id={curie: number for number, curie in enumerate(embeddings.entities)},
        relation_to_id={curie: number for number, curie in enumerate(embeddings.relations)},
        create_inverse_triples=True,
    )
    tables = [
        {
            "shape": table.shape[1],
            "dtype": table.dtype,
            "initializer": PretrainedInitializer(torch.view_as_real(table) if is_complex else table),
        }
        for table in (entities, relations)
    ]
    if config.model == "rotate":
        tables[1]["constrainer"] = "complex_normalize"  # training on keeps relations rotations
    model: ERModel[Any, Any, Any] = ERModel(
        triples_factory=factory,
        interaction=_rotate_by_moduli() if (config.model, config.norm) == ("rotate", 1) else config.model,
        random_seed=NoRandomSeedNecessary,
        interaction_kwargs={"p": config.norm} if config.model == "transe" else None,
        entity_representations_kwargs=tables[0],
        relation_representations_kwargs=tables[1],
    )
    return model.eval(), factory


def _rotate_by_moduli() -> Interaction[Any, Any, Any]:
    """RotatE with norm 1, the sum of the moduli. PyKEEN 1.11's own takes `p` and does not look at it: it has norm 2 only."""
    from pykeen.nn.modules import RotatEInteraction

    class RotatEByModuli(RotatEInteraction):
        def forward(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
            return -(h * r - t).abs().sum(-1)

    return RotatEByModuli()


def _relations(embeddings: Embeddings) -> Tensor:
    """Relations, each followed by its reciprocal."""
    vectors = np.stack([embeddings.relation_vectors, embeddings.reciprocal_vectors], axis=1)
    vectors = vectors.reshape(-1, vectors.shape[-1])
    if embeddings.config.model == "rotate":
        angles = torch.from_numpy(vectors)
        return torch.polar(torch.ones_like(angles), angles)
    return _numbers(vectors, embeddings.config.model == "complex")


def _numbers(vectors: NDArray[np.float32], is_complex: bool) -> Tensor:
    """Vectors as PyKEEN has them: complex numbers where the halves are real and imaginary parts."""
    tensor = torch.from_numpy(np.array(vectors))
    return torch.complex(*tensor.chunk(2, dim=-1)) if is_complex else tensor
