"""How often an extractor is right when it says so: what calibration learns and fusion applies, in one JSON file.

For each extractor with its version: steps from its own figure (probability x certainty) to the probability that such a claim of one
document holds, and its systematic error, the share of its claims that stay wrong however many documents repeat them. An extractor
that the file does not name keeps its own figures.

The file also tells what it was learned from and how it was judged, by names and hashes of files, never by paths or clocks, so that
whoever reads a belief can find out what it rests on. It is JSON because it is small and a person should be able to read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.sources import text_of
from pipeline.storage import write_atomically

__all__ = [
    "STEPS",
    "Bin",
    "Extractor",
    "File",
    "Judgement",
    "LearnedFrom",
    "Reliabilities",
    "Step",
    "load_reliabilities",
    "save_reliabilities",
]

#: Columns of `Reliabilities.steps`.
STEPS = pa.schema([("extractor", pa.string()), ("least", pa.float64()), ("probability", pa.float64())])

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Inner = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Strict):
    """A file of annotations: its name without folders, and the SHA-256 of its bytes."""

    name: str
    sha256: str


class LearnedFrom(_Strict):
    """What was learned from: files, their documents, the claims that could be made of them, and how many of those hold."""

    files: tuple[File, ...]
    documents: _Count
    claims: _Count
    true: _Count


class Step(_Strict):
    """Claims whose probability x certainty is at least `least` hold with this probability; seen were so many, so many of them true."""

    least: _Share
    probability: _Inner
    claims: _Count = 0
    true: _Count = 0


class Extractor(_Strict):
    """One version of an extractor.

    Attributes:
        systematic_error: share of its claims that are wrong however often it repeats them.
        steps: of what it affirms, ascending in both figures; the first begins at 0.
        denial: probability that what it denies does not hold; none where that was not learned.
    """

    systematic_error: _Inner
    steps: tuple[Step, ...] = Field(min_length=1)
    denial: _Inner | None = None

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.steps[0].least != 0:
            raise ValueError("the first step must begin at 0")
        for one, other in zip(self.steps, self.steps[1:], strict=False):
            if other.least <= one.least or other.probability < one.probability:
                raise ValueError("steps must ascend, and their probabilities must not fall")
        return self


class Bin(_Strict):
    """Claims believed from `least` to `most`: how many, their mean belief, and the share of them that holds (none where there are none)."""

    least: _Share
    most: _Share
    n: _Count
    mean_belief: _Share | None
    share_true: _Share | None


class Judgement(_Strict):
    """How beliefs did on documents that nothing was learned from. The figures are those of `kg.calibration`.

    Attributes:
        n: claims judged.
        base_rate: share of them that holds.
        auc: none where all claims hold, or none does.
    """

    files: tuple[File, ...]
    documents: _Count
    n: _Count
    base_rate: _Share
    ece: _Share
    brier: _Share
    brier_skill: float = Field(le=1, allow_inf_nan=False)
    auc: _Share | None
    bins: tuple[Bin, ...]


class Reliabilities(_Strict):
    """What is known of extractors' reliability.

    Attributes:
        format: name and version of the format.
        learned_from: the documents behind it.
        extractors: by name and version, as evidence states them.
        unclaimed: probability of a claim that could have been made and that no extractor made; none where that was not learned.
        judged_on: how it did elsewhere; none where that was not tried.
    """

    format: Literal["materia_reliabilities.v1"] = "materia_reliabilities.v1"
    learned_from: LearnedFrom
    extractors: dict[str, Extractor]
    unclaimed: _Inner | None = None
    judged_on: Judgement | None = None

    def steps(self) -> pa.Table:
        """All steps [STEPS], sorted: a figure at or above `least`, up to that extractor's next row, is worth `probability`."""
        rows = [
            {"extractor": name, "least": step.least, "probability": step.probability}
            for name in sorted(self.extractors)
            for step in self.extractors[name].steps
        ]
        return pa.Table.from_pylist(rows, schema=STEPS)

    @property
    def systematic_errors(self) -> Mapping[str, float]:
        """The systematic error of each extractor, by name."""
        return {name: self.extractors[name].systematic_error for name in sorted(self.extractors)}

    @property
    def denials(self) -> Mapping[str, float]:
        """The probability that a denial is right, of each extractor for which it was learned. It takes the place of steps."""
        return {name: one.denial for name, one in sorted(self.extractors.items()) if one.denial is not None}

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of what beliefs depend on: steps, errors and denials, not how they were judged or how the file is laid out."""
        worth = {
            name: [one.systematic_error, [[step.least, step.probability] for step in one.steps], one.denial]
            for name, one in self.extractors.items()
        }
        return hash_json([self.format, worth])


def load_reliabilities(path: str | Path) -> Reliabilities:
    """Read what `save_reliabilities` wrote.

    Raises:
        MateriaError: there is no such file, or it is none of this version.
    """
    text = text_of(str(path))
    try:
        return Reliabilities.model_validate_json(text)
    except ValidationError as error:
        first: Any = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise MateriaError(
            f"holds no reliabilities ({place + ': ' if place else ''}{first['msg'].lower()})",
            file=str(path),
            remedy="Learn them: materia calibrate --train FILE --gold FILE --out FILE",
        ) from error


def save_reliabilities(reliabilities: Reliabilities, path: str | Path) -> None:
    """Write the file, in one step: the same reliabilities are the same bytes."""
    text = json.dumps(reliabilities.model_dump(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomically(Path(path), text)
