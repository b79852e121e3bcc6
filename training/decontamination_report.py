"""What a check of decontamination looked at and found: for a person, for a program, and as the error that stops the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from kg.markdown import as_it_is, table
from pipeline.errors import MateriaError

__all__ = ["Contaminated", "ContaminatedError", "DecontaminationReport", "TakenOut"]

_SCHEMA: Final = "materia_decontamination.v1"
_TOLD = 5
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Contaminated:
    """A row that a model may not be trained on.

    Attributes:
        shard: name of the file.
        row: its place in the file, from 0.
        reason: test-document or test-ngram, as in VERDICTS; or a reason of `kg.leaks.Leak`.
        other: the test document, or the held-out claim (its id, or its two ends).
        detail: the documents behind the row, the words that it shares with the test, or those that give the claim away.
        text: the beginning of the row.
    """

    shard: str
    row: int
    passage_id: str
    reason: str
    other: str
    detail: str
    text: str

    def __str__(self) -> str:
        """One line, without a final full stop."""
        return f"{self.shard}, row {self.row}: {self.reason} of {self.other} ({self.detail[:_SHOWN].rstrip('.')})"


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What a build left out of its corpus for the sake of tests.

    Attributes:
        counts: passages by reason.
        examples: passage, test document and words of some, by the columns of VERDICTS.
    """

    counts: Mapping[str, int]
    examples: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class DecontaminationReport:
    """What was looked at, and what was found.

    Attributes:
        shards: name and sha256 of the files that were read.
        rows: passages in them.
        unread: what a model was trained on besides, and why it could not be read.
        tests: name and sha256 of the files of test documents.
        test_documents: how many there are, those of the examples that were given included.
        set_aside: records of these files that could not be read.
        held_out: held-out claims.
        counts: contaminated rows by reason; a row may have several.
        found: the first of them, in the order of shards and rows.
        taken_out: what the build of the corpus had left out before; None where no build is known.
    """

    shards: Sequence[Sequence[str]]
    rows: int
    unread: Sequence[str]
    tests: Sequence[Sequence[str]]
    test_documents: int
    set_aside: int
    held_out: int
    counts: Mapping[str, int] = field(default_factory=dict)
    found: Sequence[Contaminated] = ()
    taken_out: TakenOut | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.counts

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values, under the name of its schema."""
        return {"schema": _SCHEMA, "clean": self.clean, **asdict(self)}

    def sentence(self) -> str:
        """What was looked at and found, in a sentence or three, for a page of results."""
        sought = f"for {self.test_documents:,} test documents and {self.held_out:,} held-out claims"
        if self.shards:
            found = _counted(self.counts) if self.counts else "none of them is there"
            told = [f"{self.rows:,} passages of {len(self.shards):,} shards were looked at {sought}: {found}."]
        else:
            told = [f"Nothing that the model was trained on could be looked at {sought}: it may have read them."]
        if self.taken_out is not None:
            out = _counted(self.taken_out.counts) if self.taken_out.counts else "nothing"
            told.append(f"The build of the corpus had taken out before: {out}.")
        told += [f"Not known: {what}." for what in self.unread]
        return " ".join(told)

    def markdown(self) -> str:
        """The sentence, and tables of what was found and of what was taken out."""
        parts = [self.sentence()]
        if self.found:
            rows = [[f.shard, str(f.row), f.reason, f.other, f.detail, f.text[:_SHOWN]] for f in self.found]
            parts.append(_table(["shard", "row", "reason", "of", "words", "text"], rows))
        if self.taken_out is not None and self.taken_out.examples:
            taken = [[e["passage_id"][:12], e["reason"], e["other"], e["detail"]] for e in self.taken_out.examples]
            parts.append(_table(["taken out", "reason", "test document", "words"], taken))
        return "\n\n".join(parts) + "\n"


class ContaminatedError(MateriaError):
    """What a model is trained on holds what it is to be judged on. `report` has all that was found."""

    def __init__(self, report: DecontaminationReport) -> None:
        self.report = report
        some = "; ".join(map(str, report.found[:_TOLD]))
        more = len(report.found) > _TOLD
        super().__init__(
            f"the training shards hold what the model is to be judged on ({_counted(report.counts)}): {some}"
            f"{'; and others' if more else ''}",
            remedy="Name the tests in corpus.test_documents, build the corpus again and train on that one, or judge on others",
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Cross process boundaries with the report."""
        return (ContaminatedError, (self.report,))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table(headings, [list(map(as_it_is, row)) for row in rows], text=len(headings))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.items()))
