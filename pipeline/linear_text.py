"""A linear model over the words of texts: TF-IDF of hashed features, a logistic regression for each label.

    score(label) = scale * (bias + sum over features of weight * tf-idf),   tf-idf = (1 + log tf) * idf, each row of length 1

It is the wide half beside an encoder (Cheng et al. 2016, arXiv:1606.07792). Rare labels count as much as common ones (scikit-learn's
"balanced"). The losses are convex, so no seed matters. Features that one text alone has are left out. In a folder it is

    wide.safetensors   hashes of the features, their idf, weights and biases

Cost of a fit: 0.3 s for 1,500 abstracts and 5 labels, 0.6 s for 2,700 sentences and 13 labels. Rejected: one softmax over all labels by
scikit-learn's L-BFGS, which takes ten times as long, was no better (.649 to .681 on ChemProt, three folds of train), and cannot give
a record several labels. Scoring needs neither torch nor scikit-learn.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["FILE", "LinearText", "load_linear_text", "train_linear_text", "words_and_pairs", "words_of"]

#: Its name in a folder.
FILE: Final = "wide.safetensors"
_SCHEMA: Final = {"schema": "materia.wide.v1"}
_MIN_TEXTS: Final = 2
_WORD: Final = re.compile(r"\w+|[^\w\s]")

#: The features of a text, each as often as it has it.
Bag = Sequence[str]


@dataclass(frozen=True, slots=True)
class LinearText:
    """The model.

    Attributes:
        hashes: sorted hashes of the features known [n].
        idf: of each feature [n].
        weights: of each feature and label [n, labels].
        bias: of each label [labels].
    """

    hashes: npt.NDArray[np.int64]
    idf: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def scores(self, bags: Sequence[Bag]) -> npt.NDArray[np.float32]:
        """Scores [texts, labels]; those of a text do not depend on the texts beside it."""
        return np.asarray(_matrix(bags, self.hashes, self.idf) @ self.weights + self.bias, dtype=np.float32)

    def scaled(self, scale: float) -> LinearText:
        """The same with all scores times a number."""
        weights, bias = (np.asarray(array * scale, dtype=np.float32) for array in (self.weights, self.bias))
        return LinearText(self.hashes, self.idf, weights, bias)

    def save(self, folder: Path) -> None:
        """Write the file that the module names."""
        from safetensors.numpy import save_file

        arrays = {"hashes": self.hashes, "idf": self.idf, "weights": self.weights, "bias": self.bias}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / FILE, _SCHEMA)


def load_linear_text(folder: Path) -> LinearText | None:
    """The model of a folder; None where it has none.

    Raises:
        MateriaError: its file is damaged, or of another version.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / FILE
    if not file.exists():
        return None
    try:
        with safe_open(file, "numpy") as stored:
            if stored.metadata() == _SCHEMA:
                return LinearText(*(stored.get_tensor(name) for name in ("hashes", "idf", "weights", "bias")))
    except (OSError, SafetensorError) as error:
        raise MateriaError("is damaged", file=str(file), remedy="Fine-tune the model again") from error
    raise MateriaError("is of a version that cannot be read", file=str(file), remedy="Fine-tune the model again")


def train_linear_text(bags: Sequence[Bag], targets: npt.NDArray[np.bool_], c: float) -> LinearText:
    """Fit the model.

    Args:
        bags: features of each text.
        targets: whether a text has a label [texts, labels].
        c: weight of the losses against the penalty on the weights, as scikit-learn has it.
    """
    hashes, idf = _known(bags)
    matrix = _matrix(bags, hashes, idf)
    fitted = [_one_label(matrix, column, c) for column in targets.T]
    weights = np.stack([weights for weights, _ in fitted], axis=1).astype(np.float32)
    return LinearText(hashes, idf, weights, np.array([bias for _, bias in fitted], dtype=np.float32))


def words_of(text: str) -> list[str]:
    """Words and signs of a text, without case."""
    return [word.casefold() for word in _WORD.findall(text)]


def words_and_pairs(text: str, where: str = "") -> list[str]:
    """The words of a text and the pairs of neighbours, as features.

    Args:
        where: what tells them from the same words of another text.

    >>> words_and_pairs("No pain.", "q ")
    ['q no', 'q pain', 'q .', 'q no pain', 'q pain .']
    """
    words = words_of(text)
    return [where + word for word in words] + [f"{where}{one} {other}" for one, other in pairwise(words)]


def _one_label(
    matrix: sparse.csr_matrix, has: npt.NDArray[np.bool_], c: float
) -> tuple[npt.NDArray[np.float64], float]:
    """Weights and bias of a label."""
    count = int(has.sum())
    if count in (0, len(has)) or not matrix.nnz:  # nothing to tell apart: as likely as it is, whatever is said
        return np.zeros(matrix.shape[1]), math.log((count + 0.5) / (len(has) - count + 0.5))
    from sklearn.linear_model import LogisticRegression

    settings = {"solver": "liblinear", "dual": True, "max_iter": 1000, "random_state": 0}
    found = LogisticRegression(C=c, class_weight="balanced", **settings).fit(matrix, has)
    return found.coef_[0], float(found.intercept_[0])


def _hashed(bag: Bag) -> dict[int, int]:
    """How often a text has each feature, by the CRC-32 of the feature: the same on every machine."""
    return Counter(crc32(feature.encode("utf-8", "surrogatepass")) for feature in bag)


def _known(bags: Sequence[Bag]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The features that enough texts have, and their idf, as scikit-learn smooths it."""
    flat = np.fromiter((number for bag in bags for number in _hashed(bag)), dtype=np.int64)
    hashes, texts = np.unique(flat, return_counts=True)
    enough = texts >= _MIN_TEXTS
    idf = np.log((1 + len(bags)) / (1 + texts[enough])) + 1
    return hashes[enough], idf.astype(np.float32)


def _matrix(bags: Sequence[Bag], hashes: npt.NDArray[np.int64], idf: npt.NDArray[np.float32]) -> sparse.csr_matrix:
    """TF-IDF [texts, features], each row of length 1."""
    from scipy import sparse

    places, values, ends = [], [], [0]
    for bag in bags:
        counts = _hashed(bag)
        numbers = np.fromiter(sorted(counts), dtype=np.int64, count=len(counts))
        place = np.searchsorted(hashes, numbers)
        known = place < len(hashes)
        known[known] = hashes[place[known]] == numbers[known]
        often = np.fromiter((counts[number] for number in numbers[known].tolist()), dtype=np.float64)
        value = (1 + np.log(often)) * idf[place[known]]
        length = math.sqrt(float(value @ value))
        places.append(place[known])
        values.append(value / length if length else value)
        ends.append(ends[-1] + len(value))
    shape = (len(bags), len(hashes))
    if not bags:
        return sparse.csr_matrix(shape)
    return sparse.csr_matrix((np.concatenate(values), np.concatenate(places), ends), shape=shape)
