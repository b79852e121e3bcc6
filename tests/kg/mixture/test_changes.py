"""The law of the choice: brought up to date by what changed, it is what it would be were all chosen anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.cleaning.clean import clean
from kg.cleaning.config import CleaningConfig
from kg.config import MixtureConfig, TemperatureConfig
from kg.mixture import Changes, Known, select_passages
from kg.mixture.changes import ASSERTED, KNOWN
from kg.tables import SELECTION
from pipeline.duck import connect
from tests.kg.mixture.conftest import BUCKETS, Home, kind_and_split, paper, told

CLEANING = CleaningConfig(near_shortest=10, shingle=2, near_duplicates=0.6)
MIXTURES = (
    MixtureConfig(),
    MixtureConfig(passages_per_document=1, tokens=40, temperature=TemperatureConfig(entities=2)),
)
#: Every table of a choice, by its name; those of a bucket with the bucket's.
Tables = dict[str, pa.Table]


def chosen(home: Home, mixture: MixtureConfig, known: Known | None = None) -> tuple[Tables, set[str]]:
    """What is written of a choice, as rows; and which passages were read for it."""
    read: set[str] = set()

    def noted(batches: Any) -> Any:
        for batch in batches:
            read.update(batch["passage_id"].to_pylist())
            yield batch

    with connect(threads=1) as connection:
        changes = Changes(connection, home.candidates, known)
        verdicts = clean(noted(changes.batches()), CLEANING, None, changes.signed)
        selection = select_passages(connection, changes, verdicts, mixture)
        evidence = list(home.candidates.evidence) if known is None else known.changed_evidence
        tables = {f"selection-{b}": SELECTION.empty_table() for b in selection.buckets}
        tables |= {f"known-{b}": KNOWN.empty_table() for b in selection.touched}
        tables |= {f"asserted-{b}": ASSERTED.empty_table() for b in evidence}
        for name, rows in (
            ("selection", selection.by_bucket()),
            ("known", selection.known()),
            ("asserted", selection.asserted(evidence)),
        ):
            for bucket, batch in rows:
                table = pa.Table.from_batches([batch])
                tables[f"{name}-{bucket}"] = pa.concat_tables([tables[f"{name}-{bucket}"], table])
        tables |= {"mixture": selection.mixture, "taken": selection.taken(), "located": selection.located()}
    return tables, read


def kept(folder: Path, tables: Tables, before: Home, now: Home) -> Known:
    """What a choice kept, in files, and what of the home changed since."""
    folder.mkdir()
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")

    def changed(one: list[str], other: list[str]) -> bool:
        return any(not pq.read_table(a).equals(pq.read_table(b)) for a, b in zip(one, other, strict=True))

    buckets = list(now.candidates.passages)
    files = {
        b: [(new, not changed([old], [new])) for old, new in zip(before.candidates.passages[b], paths, strict=True)]
        for b, paths in now.candidates.passages.items()
    }
    files = {b: of_bucket for b, of_bucket in files.items() if not all(stands for _, stands in of_bucket)}
    return Known(
        passages={b: str(folder / f"known-{b}.parquet") for b in buckets},
        taken=str(folder / "taken.parquet"),
        located=str(folder / "located.parquet"),
        asserted={b: str(folder / f"asserted-{b}.parquet") for b in now.candidates.evidence},
        changed_passages={b: [path for path, stands in of_bucket if not stands] for b, of_bucket in files.items()},
        standing=[(b, *kind_and_split(path)) for b, of_bucket in files.items() for path, stands in of_bucket if stands],
        changed_evidence=[
            b for b in now.candidates.evidence if changed(before.candidates.evidence[b], now.candidates.evidence[b])
        ],
        live_changed=changed(before.candidates.live, now.candidates.live),
    )


#: Passages of few words from a small stock, so that many are equal or alike, with what a passage's id does not tell.
_TEXT = st.lists(st.sampled_from(["ab cd", "ef gh", "ij kl", "mn op", "qr st"]), min_size=1, max_size=7).map(" ".join)
_COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(0, 5),
    "folder": st.sampled_from(["pubmed", "notes", "graph"]),
    "graph": st.sampled_from(["hetionet", "primekg"]),
    "told": st.booleans(),
    "split": st.sampled_from(["train", "train", "test"]),
    "text": _TEXT,
    "names": st.lists(st.sampled_from(["A", "B"]), max_size=2),
}
_PASSAGE = st.fixed_dictionaries(_COLUMNS)


def made(stock: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Passages of the stock. An id tells kind, document and text alone: split, folder and evidence may change under it."""
    passages = {}
    for one in stock:
        columns: dict[str, Any] = {"text": one["text"], "split": one["split"], "names": one["names"]}
        columns["folder"] = one["folder"]
        document = f"PMID:{one['number']}"
        if one["told"]:
            origin = "g" if one["folder"] == "graph" else "t"
            columns |= {"triple_ids": [f"{origin}{one['number']}"], "doc_ids": [document], "graph": one["graph"]}
            passage = told(one["number"], **columns)
        else:
            columns["folder"] = "notes" if one["folder"] == "graph" else one["folder"]
            passage = paper(one["number"], doc_id=document, **columns)
        identity = f"{one['told']:d}{one['number']}{one['text']}".encode().hex().ljust(64, "0")
        passages[identity] = passage | {"passage_id": identity}
    return list(passages.values())


@pytest.mark.parametrize("mixture", MIXTURES, ids=["all", "drawn"])
@settings(max_examples=6)
@given(data=st.data())
def test_any_changes_one_after_another_give_what_a_new_choice_gives(
    mixture: MixtureConfig, data: st.DataObject
) -> None:
    stock = data.draw(st.lists(_PASSAGE, max_size=14))
    with TemporaryDirectory() as folder:
        home = Home(Path(folder) / "0", made(stock))
        tables, _ = chosen(home, mixture)
        for step in range(1, 3):
            gone = data.draw(st.sets(st.integers(0, max(0, len(stock) - 1)), max_size=3))
            moved = data.draw(st.fixed_dictionaries({name: _COLUMNS[name] for name in ("folder", "graph", "split")}))
            stock = [one | (moved if i % 5 == step else {}) for i, one in enumerate(stock) if i not in gone]
            stock += data.draw(st.lists(_PASSAGE, max_size=3))
            now = Home(Path(folder) / f"{step}", made(stock))
            updated, _ = chosen(now, mixture, kept(Path(folder) / f"kept{step}", tables, home, now))
            tables |= updated
            anew, _ = chosen(now, mixture)
            assert {name: table.to_pylist() for name, table in tables.items()} == {
                name: table.to_pylist() for name, table in anew.items()
            }
            home = now


def test_only_what_came_and_what_it_may_duplicate_is_read(tmp_path: Path) -> None:
    text = "one paper says in twenty different words that this remedy cures what no other remedy ever did in any trial before"
    home = Home(
        tmp_path / "0", [paper(i, text=f"number {i} of ten other texts says something else") for i in range(10)]
    )
    home = Home(tmp_path / "1", [*home.passages, paper(20, text=f"{text} today")])
    tables, read = chosen(home, MIXTURES[0])
    assert len(read) == 11
    now = Home(tmp_path / "2", [*home.passages, paper(21, text=f"{text} now")])
    updated, read = chosen(now, MIXTURES[0], kept(tmp_path / "kept", tables, home, now))
    ids = {row["passage_id"] for row in now.rows[-2:]}
    assert read == ids
    assert len([name for name in updated if name.startswith("selection")]) <= 2 < BUCKETS
    rejected = {
        row["passage_id"]
        for name in updated
        if name.startswith("sel")
        for row in updated[name].to_pylist()
        if row["reason"]
    }
    assert len(rejected) == 1 and rejected < ids


def test_nothing_is_read_where_nothing_came(tmp_path: Path) -> None:
    home = Home(tmp_path / "0", [paper(i) for i in range(5)] + [told(i) for i in range(5)])
    tables, _ = chosen(home, MIXTURES[0])
    known = replace(
        kept(tmp_path / "kept", tables, home, home),
        changed_passages={b: home.candidates.passages[b] for b in "01"},
        live_changed=True,
    )
    updated, read = chosen(home, MIXTURES[0], known)
    assert not read
    assert set(updated) == {"mixture", "taken", "located"}
