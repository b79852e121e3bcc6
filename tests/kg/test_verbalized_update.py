"""Told passages by difference: whatever changes, the files are those of telling the whole bucket."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.config import CorpusConfig, SplitConfig
from kg.corpus_shards import SPLITS
from kg.languages import Concept, language_of
from kg.standing_rows import StandingRows
from kg.tables import CONTEXT, PASSAGES, TOLD_CONCEPTS, WITHHELD_CLAIMS
from kg.telling_units import ENTITY
from kg.told_concepts import other_names
from kg.told_from import FINGERPRINTS, ToldFrom
from kg.verbalize import verbalize_units
from kg.verbalized_update import UNITS, VerbalizedUpdate
from pipeline.duck import connect
from pipeline.storage import TableSink
from tests.kg.test_verbalize import CLAIMS, CONCEPTS, context, onward, quotation, table, triple

CONFIG, HELD_OUT = CorpusConfig(facts_per_passage=2), SplitConfig(validation=0.1, test=0.1)
SUBJECTS = list(CONCEPTS)[:4]
CLAIMS_OF_FEW = [claim for claim in CLAIMS if claim[0] in SUBJECTS and claim[1] != "affects"]


class World(NamedTuple):
    """What the passages of a bucket are made from."""

    claims: dict[tuple[str, str, str], float]
    onward: dict[int, int]
    quoted: frozenset[int]
    withheld: frozenset[int]
    synonyms: dict[str, str]
    nameless: frozenset[str]
    ambiguous: frozenset[str]
    read: frozenset[str]


WORDS = ["sugar pill", "glucose lowering", "fits", "raised pressure", "odd <b>name</b>"]
worlds = st.builds(
    World,
    claims=st.dictionaries(st.sampled_from(CLAIMS_OF_FEW), st.sampled_from([0.1, 0.5, 0.9]), max_size=12),
    onward=st.dictionaries(st.integers(0, 11), st.integers(0, len(CLAIMS) - 1), max_size=4),
    quoted=st.frozensets(st.integers(0, 11), max_size=3),
    withheld=st.frozensets(st.integers(0, 11), max_size=2),
    synonyms=st.dictionaries(st.sampled_from(list(CONCEPTS)), st.sampled_from(WORDS)),
    nameless=st.frozensets(st.sampled_from(list(CONCEPTS)), max_size=2),
    ambiguous=st.frozensets(st.sampled_from(WORDS)),
    read=st.frozensets(st.sampled_from(["drug", "lowers", "disease"])),
)


@st.composite
def changes(draw: st.DrawFn) -> tuple[World, World]:
    """A world, and one that differs in some of what it is made of."""
    before, other = draw(worlds), draw(worlds)
    parts = draw(st.frozensets(st.sampled_from(World._fields), max_size=3))
    after = before._replace(**{part: getattr(other, part) for part in parts})
    if "claims" in parts and draw(st.booleans()):  # few claims change, most stay
        after = after._replace(claims={**before.claims, **dict(list(other.claims.items())[:2])})
    return before, after


def inputs(world: World, folder: Path) -> dict[str, list[str]]:
    splits = ("train", "train", "train", "validation", "test")
    rows = [
        triple(s, p, o, belief, split=splits[len(o) * len(p) % 5], direction=None)
        for (s, p, o), belief in sorted(world.claims.items())
    ]
    beside = [onward(rows[i], triple(*CLAIMS[j])) for i, j in world.onward.items() if i < len(rows)]
    sentence = "Something lowered something else in most of those who had it."
    beside += [quotation(rows[i], sentence, []) for i in world.quoted if i < len(rows)]
    concepts = []
    for curie, (name, category) in CONCEPTS.items():
        synonyms = [{"name": world.synonyms[curie], "scope": "exact"}] if curie in world.synonyms else []
        row = Concept(curie, name, category, synonyms, f"A drug or disease that lowers {name[:3]}.", [])
        others = other_names(row, [language_of("en")])
        told = {"other_names": others, "ambiguous": [other for other in others if other in world.ambiguous]}
        if curie not in world.nameless:
            concepts.append(row._asdict() | told)
    withheld = [rows[i]["triple_id"] for i in sorted(world.withheld) if i < len(rows)]
    tables = {
        "triples": table(*rows),
        "withheld": pa.table(
            {"triple_id": pa.array(withheld, pa.string()), "entails": withheld}, schema=WITHHELD_CLAIMS
        ),
        "context": context(*beside) if beside else CONTEXT.empty_table(),
        "concepts": pa.Table.from_pylist(concepts, TOLD_CONCEPTS),
    }
    for name, made in tables.items():
        pq.write_table(made, folder / f"{name}.parquet")
    return {name: [str(folder / f"{name}.parquet")] for name in tables}


def reads(world: World) -> Any:
    """A reader that knows some words."""
    return lambda texts: [
        [(t.index(w), t.index(w) + len(w), f"X:{w}", "biolink:Drug") for w in sorted(world.read, key=t.find) if w in t]
        for t in texts
    ]


class Built(NamedTuple):
    folder: Path
    world: World
    told_anew: int
    figures: dict[str, Any]
    set_aside: list[Any]

    def bytes(self) -> dict[str, bytes]:
        return {name: (self.folder / name).read_bytes() for name in (*SPLITS, "units")}


def build(world: World, folder: Path, before: Built | None = None, config: CorpusConfig = CONFIG) -> Built:
    folder.mkdir()
    paths = inputs(world, folder)
    with connect(threads=1) as connection, ExitStack() as files:
        told_from = ToldFrom(
            connection, *({"0": paths[name]} for name in ("triples", "context", "concepts", "withheld")), buckets=1
        )
        changed_names = before.world.read ^ world.read if before else frozenset()
        update = VerbalizedUpdate(
            told_from.fingerprints().get(0, FINGERPRINTS.empty_table()),
            pq.read_table(before.folder / "units") if before else UNITS.empty_table(),
            (lambda texts: pc.match_substring_regex(texts, "|".join(changed_names))) if changed_names else None,
            entities="entity" in config.forms,
        )
        triples, beside, concepts = told_from.rows(update.made)
        told = verbalize_units(
            triples,
            concepts,
            config,
            ambiguous=frozenset(pc.list_flatten(concepts["ambiguous"]).to_pylist()),
            context=beside,
            splits=HELD_OUT,
            read=reads(world),
            about=[subject for subject, part in update.made if part == ENTITY],
        )
        standing = {
            split: files.enter_context(StandingRows(str(before.folder / split), PASSAGES)) for split in SPLITS if before
        }
        shards = dict(update.merge(told, standing))
        for split in SPLITS:
            if before and split not in shards:
                (folder / split).write_bytes((before.folder / split).read_bytes())
            else:
                write(folder / split, shards.get(split, PASSAGES.empty_table()))
        write(folder / "units", update.units, UNITS)
        return Built(folder, world, len(told.units), update.figures(), update.set_aside())


def write(path: Path, rows: pa.Table, schema: pa.Schema = PASSAGES) -> None:
    sink = TableSink(path, schema)
    sink.write(rows)
    sink.close()


@settings(max_examples=12)
@given(changes(), st.sampled_from([CONFIG, CorpusConfig(forms=("fact", "chain"))]))
def test_what_is_brought_up_to_date_is_what_is_told_as_a_whole(
    change: tuple[World, World], config: CorpusConfig
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        before = build(change[0], folder / "before", config=config)
        after, whole = (
            build(change[1], folder / "after", before, config),
            build(change[1], folder / "whole", config=config),
        )
        assert after.bytes() == whole.bytes()
        assert (after.figures, after.set_aside) == (whole.figures, whole.set_aside)


def test_only_the_subject_of_a_new_claim_is_told_anew_and_not_even_what_it_is(tmp_path: Path) -> None:
    claims = dict.fromkeys(CLAIMS_OF_FEW[:10], 0.9)
    plain = World(claims, {}, frozenset(), frozenset(), {}, frozenset(), frozenset(), frozenset())
    before = build(plain, tmp_path / "before")
    assert before.told_anew > 2
    more = build(plain._replace(claims=claims | {CLAIMS_OF_FEW[10]: 0.9}), tmp_path / "more", before)
    assert more.told_anew == 1
    assert build(plain, tmp_path / "same", before).told_anew == 0
    # Nothing else has the new name.
    renamed = build(plain._replace(read=frozenset({"Met."})), tmp_path / "renamed", before)
    assert renamed.told_anew == 1
