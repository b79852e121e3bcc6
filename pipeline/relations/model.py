"""A trained classifier of relations and its folder: `relations.json` says what it is, `model.safetensors` holds the numbers.

The folder is versioned, holds nothing pickled, and is named by a hash of its bytes, so that evidence tells which training it is from.
The folder of a model that `materia finetune relation_extraction` wrote does as well (`finetuned`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.content import folder_hash
from pipeline.errors import MateriaError
from pipeline.relations.finetuned import is_finetuned, load_finetuned_relations
from pipeline.relations.mix import Mix
from pipeline.relations.pairs import Scheme
from pipeline.relations.views import View
from pipeline.relations.wide import Wide

__all__ = ["FORMAT", "Classifier", "load_classifier", "save_classifier"]

#: Name and version of the folder's format, and of the features in it: raise it when either changes.
FORMAT = "materia_relations.v1"
_HEADER, _TENSORS = "relations.json", "model.safetensors"


class Voter(Protocol):
    """One of the models that are mixed."""

    def log_probabilities(self, views: Sequence[View], /) -> npt.NDArray[np.float64]:
        """Log-probabilities of the labels [pairs, labels]."""
        ...


@dataclass(frozen=True, slots=True)
class Classifier:
    """What is between two entities, by features and by networks.

    Attributes:
        scheme: what it tells apart.
        wide: weights of features; none where the networks vote alone.
        deep: networks over passages; their votes are averaged.
        mix: how the two are joined.
        name: name and version of the format with a hash of the folder, as evidence states it.
        report: what it was trained on.
    """

    scheme: Scheme
    wide: Wide | None
    deep: tuple[Voter, ...]
    mix: Mix
    name: str = FORMAT
    report: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, views: Sequence[View]) -> npt.NDArray[np.float64]:
        """Calibrated probabilities [pairs, 1 + labels]: of no relation, then of each label of the scheme."""
        if not views:
            return np.zeros((0, len(self.scheme.labels) + 1))
        return self.mix.probabilities(votes(self.wide, self.deep, views))


def votes(wide: Wide | None, deep: Sequence[Voter], views: Sequence[View]) -> list[npt.NDArray[np.float64]]:
    """The votes that a mix joins: of the features and of the networks together, where there are any."""
    found = [] if wide is None else [wide.log_probabilities([view.features for view in views])]
    if deep:
        found.append(np.mean([network.log_probabilities(views) for network in deep], axis=0))
    return found


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Write a classifier into a folder, which is made, or replaced as a whole once all is written."""
    import shutil
    import tempfile

    from safetensors.numpy import save_file

    from pipeline.relations.deep import Deep

    assert classifier.wide is not None
    tensors: dict[str, npt.NDArray[Any]] = {
        "wide.hashes": classifier.wide.hashes,
        "wide.weights": classifier.wide.weights,
    }
    words: list[list[str]] = []
    for number, network in enumerate(classifier.deep):
        assert isinstance(network, Deep)
        words.append(list(network.words))
        tensors |= {f"deep.{number}.{name}": tensor.numpy() for name, tensor in network.state_dict().items()}
    header = {
        "format": FORMAT,
        **classifier.scheme.to_dict(),
        "mix": {"weights": classifier.mix.weights, "biases": classifier.mix.biases},
        "threshold": classifier.mix.threshold,
        "words": words,
        "report": classifier.report,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".materia.") as scratch:
        made = Path(scratch) / "model"
        made.mkdir()
        save_file(tensors, str(made / _TENSORS))
        (made / _HEADER).write_text(json.dumps(header, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.copymode(made / _HEADER, made / _TENSORS)  # safetensors shuts out every other user
        if folder.exists():
            folder.rename(Path(scratch) / "before")
        made.rename(folder)
        shutil.rmtree(Path(scratch) / "before", ignore_errors=True)


def load_classifier(folder: Path | str) -> Classifier:
    """Open the folder of a classifier.

    Raises:
        MateriaError: it holds none, or one of another version.
    """
    folder = Path(folder)
    if is_finetuned(folder):
        return load_finetuned_relations(folder)
    try:
        header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
        if header["format"] != FORMAT:
            raise MateriaError(f"holds a {header['format']}, not a {FORMAT}", file=str(folder), remedy="Train it again")
        return _load(folder, header)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
        raise MateriaError(
            f"holds no classifier of relations that can be read ({type(error).__name__})",
            file=str(folder),
            remedy="Train it again: materia train relations --train FILE --out DIR",
        ) from error


def _load(folder: Path, header: dict[str, Any]) -> Classifier:
    from safetensors.numpy import load_file

    tensors = load_file(str(folder / _TENSORS))
    deep: list[Voter] = []
    if header["words"]:
        import torch

        from pipeline.relations.deep import Deep

        for number, words in enumerate(header["words"]):
            network = Deep(words, len(header["labels"]) + 1)
            start = f"deep.{number}."
            network.load_state_dict(
                {k.removeprefix(start): torch.from_numpy(v) for k, v in tensors.items() if k.startswith(start)}
            )
            deep.append(network.eval())
    mix = Mix(tuple(header["mix"]["weights"]), tuple(header["mix"]["biases"]), header["threshold"])
    wide = Wide(tensors["wide.hashes"], tensors["wide.weights"])
    return Classifier(
        Scheme.from_dict(header), wide, tuple(deep), mix, f"{FORMAT}.{folder_hash(folder)[:8]}", header["report"]
    )
