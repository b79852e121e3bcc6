"""Candidates made by hand: papers of two folders and facts told from them, in Parquet files of four buckets."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.config import MixtureConfig
from kg.corpus_shards import SPLITS
from kg.mixture import Candidates, Changes, select_passages
from kg.passage_rows import PassageRows
from kg.tables import PASSAGES, TRIPLES, VERDICTS
from pipeline.duck import connect
from pipeline.hashing import bucket_of, hash_fields
from pipeline.tables import EVIDENCE, LIVE_DOCUMENTS

BUCKETS = 4
WORDS = "one two three four five six seven eight nine ten"


def paper(number: int, folder: str = "pubmed", **columns: Any) -> dict[str, Any]:
    """A passage of ten words of a paper in a folder."""
    doc_id = columns.pop("doc_id", f"PMID:{folder}{number}")
    return {
        "kind": "literature",
        "folder": folder,
        "doc_ids": [doc_id],
        "text": f"{WORDS} {folder}{number}"[4:],
    } | columns


def told(number: int, predicate: str = "biolink:treats", **columns: Any) -> dict[str, Any]:
    """A passage of ten words that tells one fact, from the paper of the same number."""
    return {
        "kind": "verbalized",
        "folder": columns.pop("folder", "pubmed"),
        "triple_ids": [f"t{number}"],
        "predicates": [predicate],
        "text": f"{WORDS} fact{number}"[4:],
    } | columns


def row_of(made: dict[str, Any]) -> dict[str, Any]:
    """All columns of a passage. Its evidence has the id of its triple, and its document the number of that."""
    columns = {
        "language": "en",
        "sentences": [(0, len(made["text"]))],
        "spans": [(0, 3, curie, "biolink:NamedThing") for curie in made.get("names", ())],
        "relations": [],
        "triple_ids": [],
        "evidence_ids": [],
        "doc_ids": [f"PMID:{made['folder']}{i}" for i in made.get("triple_ids", ())],
        "belief": None,
        "split": "train",
    }
    columns |= {name: value for name, value in made.items() if name in columns or name in ("text", "passage_id")}
    columns["evidence_ids"] = [f"e{triple_id}" for triple_id in columns["triple_ids"]]
    columns.setdefault("passage_id", hash_fields(made["kind"], made["text"]))
    return columns


def kind_and_split(path: str) -> list[str]:
    """What a file of passages holds."""
    return Path(path).name.split("-")[:2]


class Home:
    """Files of passages and what stands behind them, and what is selected of them."""

    def __init__(self, folder: Path, passages: Sequence[dict[str, Any]]) -> None:
        folder.mkdir()
        self.passages = passages
        self.rows = [row_of(made) for made in passages]
        files: dict[str, list[str]] = {}
        for bucket in range(BUCKETS):
            files[str(bucket)] = []
            for kind, split in product(("literature", "verbalized"), SPLITS):
                some = PassageRows(kind)
                for made, row in zip(passages, self.rows, strict=True):
                    if (made["kind"], row["split"], bucket_of(row["passage_id"], BUCKETS)) == (kind, split, bucket):
                        some.add(**row)
                path = folder / f"{kind}-{split}-{bucket}.parquet"
                pq.write_table(pa.Table.from_batches([some.batch()], PASSAGES), path)
                files[str(bucket)].append(str(path))
        triples: dict[str, dict[str, Any]] = {}
        evidence: dict[str, dict[str, Any]] = {}
        live: dict[str, str] = {}
        for made, row in zip(passages, self.rows, strict=True):
            for triple_id, predicate, doc_id in zip(
                row["triple_ids"], made.get("predicates", ()), row["doc_ids"], strict=False
            ):
                triples[triple_id] = {"triple_id": triple_id, "predicate": predicate}
                one = {"evidence_id": f"e{triple_id}", "doc_id": doc_id, "extractor": "trigger.v2"}
                if made["folder"] == "graph":
                    one |= {"section": f"{made.get('graph', 'hetionet')}/edges.sif, line 3", "extractor": "sif.v1"}
                evidence[one["evidence_id"]] = one
            live |= dict.fromkeys(row["doc_ids"], f"{made['folder']}/file.xml")
        located = [{"doc_id": doc_id, "file": file} for doc_id, file in live.items()]
        paths: dict[str, list[str]] = {}
        tables = {"triples": (list(triples.values()), TRIPLES), "live": (located, LIVE_DOCUMENTS)}
        for bucket in range(BUCKETS):
            inside = [one for name, one in evidence.items() if bucket_of(name, BUCKETS) == bucket]
            tables[f"evidence-{bucket}"] = (inside, EVIDENCE)
        for name, (values, schema) in tables.items():
            paths[name] = [str(folder / f"{name}.parquet")]
            pq.write_table(pa.Table.from_pylist(values, schema), paths[name][0])
        grounds = {str(bucket): paths[f"evidence-{bucket}"] for bucket in range(BUCKETS)}
        self.candidates = Candidates(files, grounds, paths["triples"], paths["live"])

    def select(self, rejected: Sequence[str] = (), **mixture: Any) -> dict[str, dict[str, Any]]:
        """SELECTION by passage id; some passages are rejected as `bad` before."""
        bad = [{"passage_id": one, "reason": "bad", "other": None, "detail": "by hand"} for one in rejected]
        verdicts = pa.Table.from_pylist(bad, VERDICTS).to_batches()
        with connect(threads=1) as connection:
            changes = Changes(connection, self.candidates)
            selection = select_passages(connection, changes, verdicts, MixtureConfig.model_validate(mixture))
            self.mixture, self.rejected = selection.mixture, selection.rejected()
            rows = {}
            for bucket, batch in selection.by_bucket():
                for row in batch.to_pylist():
                    rows[row["passage_id"]] = row | {"bucket": bucket}
        assert len(rows) == len(self.rows)
        return rows

    def tokens(self, selected: dict[str, dict[str, Any]], **of: Any) -> int:
        """Tokens taken of the training passages whose columns are as given."""
        kinds = {row["passage_id"]: "verbalized" if row["triple_ids"] else "literature" for row in self.rows}
        return sum(
            row["taken"] * row["tokens"]
            for row in selected.values()
            if row["split"] == "train"
            and all((row | {"kind": kinds[row["passage_id"]]})[k] == v for k, v in of.items())
        )


@pytest.fixture
def home_of(tmp_path: Path) -> Callable[[Sequence[dict[str, Any]]], Home]:
    """Makes homes of candidates."""
    numbers = iter(range(1000))
    return lambda passages: Home(tmp_path / f"home{next(numbers)}", passages)
