"""Before a model is judged: what it was trained on holds no test document and no held-out claim, or nothing goes on.

Every row of the shards is read, whatever the build that made them says of itself: they may be from elsewhere, and a model may
be judged on tests that its corpus was not cleaned for. Test documents are found by name and by runs of 13 words
(`kg.cleaning`), held-out claims by linked names, triples and what entails them (`kg.leaks`), in rows without links by names
in words (`kg.unlinked_leaks`). Rules that a build may switch off are on here.

44,605 passages, 8,651 test documents and 638 held-out claims took 9 seconds of processor time, half of it to read the tests.
Rejected: to trust the checks of the build (they know the tests that its configuration named), and to leave out what is found
while training (two models would be trained on different rows without anybody having asked for it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from kg.claims import triple_id
from kg.cleaning.config import CleaningConfig
from kg.cleaning.contamination import Contamination
from kg.cleaning.downstream import DownstreamTests, downstream_identity, gather_tests
from kg.cleaning.downstream_files import DownstreamDocument, read_downstream_file
from kg.cleaning.words import normal_form, words_of
from kg.leaks import Leak, leaks_among, open_held_out
from kg.tables import SELECTION, TRIPLES
from kg.unlinked_leaks import UnlinkedLeaks
from pipeline.duck import connect, table_view
from pipeline.errors import MateriaError, SetAside
from pipeline.readers.identifiers import identifier
from training.data.shards import Shard, open_shard
from training.decontamination_report import Contaminated, ContaminatedError, DecontaminationReport, TakenOut

if TYPE_CHECKING:
    from training.tasks.base import Example

__all__ = ["check_decontaminated", "decontamination_report", "taken_out"]

_COLUMNS: Final = (
    "passage_id", "kind", "language", "text", "sentences", "spans", "relations", "triple_ids", "doc_ids", "split", "form",
)  # fmt: skip
_CLAIM: Final = ("triple_id", "subject", "predicate", "object", "split")
_BATCH = 4096
_SHOWN = 200
_TAKEN_OUT: Final = "selection WHERE reason IN ('test-document', 'test-ngram')"
#: Leaks of a shard that are counted; who has more has to build again in any case.
_MOST_LEAKS = 1000


def check_decontaminated(
    shards: Sequence[Shard], tests: Iterable[str | Example[Any]], triples: pa.Table, **more: Any
) -> DecontaminationReport:
    """As `decontamination_report`, and stop where anything was found.

    Raises:
        ContaminatedError: names the first rows with the test document, or held-out claim, and the words; it has the report.
        MateriaError: a shard or a file of tests cannot be read.
    """
    report = decontamination_report(shards, tests, triples, **more)
    if not report.clean:
        raise ContaminatedError(report)
    return report


def decontamination_report(
    shards: Sequence[Shard],
    tests: Iterable[str | Example[Any]],
    triples: pa.Table,
    *,
    names: Mapping[str, str] | None = None,
    vocabulary: Sequence[str] = (),
    documents: Sequence[str] = (),
    cleaning: CleaningConfig | None = None,
    taken: TakenOut | None = None,
    unread: Sequence[str] = (),
    limit: int = 20,
) -> DecontaminationReport:
    """Look in shards for what a model trained on them is to be judged on.

    Args:
        shards: what the model is trained on: Parquet files of PASSAGES, each of them a training row.
        tests: files of test documents, in any form that `corpus.test_documents` may have; and examples of tasks to be judged
            (or stopped early) on.
        triples: of TRIPLES subject, predicate, object and split; those of another split than `train` are held out.
        names: name of each entity by CURIE, to find held-out claims in rows without links.
        vocabulary: Parquet files of VOCABULARY, for what entails a held-out claim through is_a.
        documents: Parquet files of DOCUMENTS, whose aliases say what else test documents are called.
        cleaning: how long and how many runs of words count; a rule that it switches off is on as by default.
        taken, unread: what is known of the corpus besides, for the report: see `taken_out` and `manifest.shards_of_model`.
        limit: how many rows are named, at most, for tests and for claims each.

    Raises:
        MateriaError: a shard or a file of tests cannot be read.
    """
    defaults, files, problems = CleaningConfig(), list[str](), Counter[str]()
    config = cleaning or defaults
    config = config.model_copy(update={"test_ids": True, "test_ngram": config.test_ngram or defaults.test_ngram})
    known = gather_tests(_documents(tests, files, problems), config, documents)
    claims = _claims(triples)
    held = claims.filter(pc.not_equal(claims["split"], "train"))
    found: dict[str, list[Contaminated]] = {"tests": [], "leaks": []}
    counts, rows = Counter[str](), 0
    with connect() as connection:
        open_held_out(connection, claims, vocabulary)
        search = _Search(connection, known, held, names or {}, config)
        for shard in shards:
            read, *some = search.among(shard)
            rows += read
            for kind, here in zip(found, some, strict=True):
                counts.update(reason for _, reason in {(one.row, one.reason) for one in here})
                found[kind] += here[: limit - len(found[kind])]
    return DecontaminationReport(
        shards=[[shard.name, shard.sha256] for shard in shards],
        rows=rows,
        unread=list(unread),
        tests=downstream_identity(sorted(files)),
        test_documents=len(known.labels),
        set_aside=problems.total(),
        held_out=held.num_rows,
        counts=dict(sorted(counts.items())),
        found=sorted(chain(*found.values()), key=lambda one: (one.shard, one.row, one.reason, one.other)),
        taken_out=taken,
    )


def _documents(
    tests: Iterable[str | Example[Any]], files: list[str], problems: Counter[str]
) -> Iterator[DownstreamDocument]:
    """Test documents of files and of examples; notes the files, and counts what they hold that cannot be read."""
    for test in tests:
        if not isinstance(test, str):
            name = identifier(test.document)
            yield DownstreamDocument(test.id, (name,) if name else (), test.texts)
            continue
        files.append(test)
        read = 0
        for item in read_downstream_file(test):
            if isinstance(item, SetAside):
                problems[item.reason] += 1
            else:
                read += 1
                yield item
        if not read:
            raise MateriaError(
                "holds no test document that can be read", file=test, remedy="Get it again, or name another file"
            )


def _claims(triples: pa.Table) -> pa.Table:
    """What identifies each triple, and its split."""
    if "triple_id" not in triples.column_names:
        ends = (triples[name].to_pylist() for name in ("subject", "predicate", "object"))
        triples = triples.append_column("triple_id", pa.array(map(triple_id, *ends), TRIPLES.field("triple_id").type))
    return triples.select(_CLAIM)


class _Search:
    """What must not be there, ready to be looked for in shards.

    Args:
        connection: an empty DuckDB database.
        held: the claims that are held out.
    """

    def __init__(
        self, connection: Any, tests: DownstreamTests, held: pa.Table, names: Mapping[str, str], config: CleaningConfig
    ) -> None:
        self._connection = connection
        self._config = config
        self._tests = Contamination(tests, config)
        self._unlinked = UnlinkedLeaks(zip(held["subject"].to_pylist(), held["object"].to_pylist(), strict=True), names)

    def among(self, shard: Shard) -> tuple[int, list[Contaminated], list[Contaminated]]:
        """Rows of a shard; those with test documents, and those that give held-out claims away."""
        tests: list[Contaminated] = []
        leaks: list[Contaminated] = []
        start = 0
        with open_shard(shard, _COLUMNS) as file:
            for batch in file.iter_batches(_BATCH, columns=list(_COLUMNS), use_threads=False):
                tests += self._test_documents(shard, start, batch)
                leaks += [_leaked(shard, start + row, leak) for row, leak in self._unlinked.among(batch)]
                start += batch.num_rows
            passages = file.iter_batches(_BATCH, columns=list(_COLUMNS), use_threads=False)
            linked = leaks_among(self._connection, passages, None, _MOST_LEAKS)
        places = _rows_of(shard, {leak.passage_id for leak in linked})
        return start, tests, leaks + [_leaked(shard, places[leak.passage_id], leak) for leak in linked]

    def _test_documents(self, shard: Shard, start: int, batch: pa.RecordBatch) -> Iterator[Contaminated]:
        normal = normal_form(batch.column("text"))
        verdicts = self._tests.verdicts(batch, self._config, normal, words_of(normal))
        places = pc.index_in(verdicts.column("passage_id"), batch.column("passage_id")).to_pylist()
        for place, verdict in zip(places, verdicts.to_pylist(), strict=True):
            text = batch.column("text")[place].as_py()
            yield Contaminated(shard.name, start + place, **verdict, text=text[:_SHOWN])


def _leaked(shard: Shard, row: int, leak: Leak) -> Contaminated:
    other = f"{leak.subject} and {leak.object}" if leak.object else leak.subject or "another split"
    return Contaminated(shard.name, row, leak.passage_id, leak.reason, other, leak.text[:_SHOWN], leak.text[:_SHOWN])


def _rows_of(shard: Shard, passage_ids: set[str]) -> dict[str, int]:
    """The first row of each of these passages."""
    if not passage_ids:
        return {}
    with open_shard(shard, ("passage_id",)) as file:
        names = file.read(columns=["passage_id"]).column(0).to_pylist()
    places: dict[str, int] = {}
    for row, name in enumerate(names):
        if name in passage_ids:
            places.setdefault(name, row)
    return places


def taken_out(selection: Sequence[str], limit: int = 20) -> TakenOut:
    """What a build left out of its corpus because a test document is in it.

    Args:
        selection: Parquet files of SELECTION.
        limit: examples, at most.
    """
    with connect() as connection:
        table_view(connection, "selection", selection, SELECTION)
        counts = connection.execute(f"SELECT reason, count(*) FROM {_TAKEN_OUT} GROUP BY ALL ORDER BY ALL").fetchall()  # noqa: S608
        query = f"SELECT passage_id, reason, other, detail FROM {_TAKEN_OUT} ORDER BY ALL LIMIT {int(limit)}"  # noqa: S608
        examples = connection.execute(query).fetchall()
    names = ("passage_id", "reason", "other", "detail")
    return TakenOut(dict(counts), [dict(zip(names, row, strict=True)) for row in examples])
