"""What each bucket gets of the vocabulary: its rows, no others, and a bucket whose rows are the same stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.build import build
from assets.config import Config
from assets.home import SAMPLE, Home, open_home
from kg.concept_buckets import ConceptBuckets, named_in
from kg.concepts import ambiguous_names
from kg.languages import Concept, language_of
from kg.tables import CONTEXT, TOLD_CONCEPTS
from kg.telling import Teller
from kg.told_concepts import TOLD_NAMES, ToldConcepts
from pipeline.duck import connect
from pipeline.hashing import bucket_of
from pipeline.tables import VOCABULARY

BUCKETS = 4
LANGUAGES = [language_of("en"), language_of("zh")]
ENGLISH = LANGUAGES[0]


def concept(number, name, synonyms=(), category="biolink:Disease", parents=()):
    return dict.fromkeys(VOCABULARY.names) | {
        "curie": f"MESH:{number}",
        "name": name,
        "category": category,
        "synonyms": [{"name": one, "scope": "exact"} for one in synonyms],
        "parents": [*parents],
    }


NAMES = (
    "Renal Failure",
    "Kidney failure",
    "Failure, Renal",
    "Failure, Kidney",
    "Gout",
    "gouts",
    "Hay fever",
    "Seasonal allergic rhinitis",
    "Death, Sudden, Cardiac",
    "sudden cardiac death",
)
CONCEPTS = st.lists(
    st.builds(
        concept,
        st.integers(0, 9),
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(NAMES), max_size=3),
        st.sampled_from(["biolink:Disease", "biolink:Drug"]),
        st.lists(st.sampled_from(["MESH:1", "MESH:2"]), max_size=1),
    ),
    max_size=8,
    unique_by=lambda row: row["curie"],
).map(lambda rows: sorted(rows, key=lambda row: row["curie"]))
NAMED = st.lists(st.tuples(st.integers(0, BUCKETS - 1), st.integers(0, 9)), max_size=12, unique=True)


def vocabulary_file(folder: Path, rows: list[dict[str, object]]) -> list[str]:
    path = folder / f"{len([*folder.iterdir()])}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, VOCABULARY), path)
    return [str(path)]


def pairs(named):
    return pa.table(
        {
            "bucket": pa.array([bucket for bucket, _ in named], pa.int64()),
            "curie": pa.array([f"MESH:{number}" for _, number in named], pa.string()),
        }
    )


def graph_rows(vocabulary, named, wanted=range(BUCKETS)):
    with connect(threads=1) as connection:
        whole = ConceptBuckets(connection, vocabulary, pairs(named), BUCKETS, wanted)
    with connect(threads=1) as connection:
        own = {bucket: hash_ for bucket, hash_ in whole.own.items() if bucket % 2}
        found = ConceptBuckets(connection, vocabulary, pairs(named), BUCKETS, wanted, own=own)
        assert (found.own, found.fingerprints) == (whole.own, whole.fingerprints)
        rows: dict[int, list[dict[str, object]]] = {bucket: [] for bucket in wanted}
        for bucket, batch in found.rows(wanted):
            rows[bucket] += batch.to_pylist()
        return found.fingerprints, rows


def told_rows(vocabulary, named, known=None, *, same_vocabulary=False):
    given = TOLD_NAMES.empty_table() if known is None else known
    rows: dict[int, list[dict[str, object]]] = {bucket: [] for bucket in range(BUCKETS)}
    with connect(threads=1) as connection:
        found = ToldConcepts(
            connection, vocabulary, pairs(named), BUCKETS, [ENGLISH], known=given, same_vocabulary=same_vocabulary
        )
        for bucket, batch in found.rows(range(BUCKETS)):
            rows[bucket] += batch.to_pylist()
    return {bucket: found.fingerprints.get(bucket, "") for bucket in rows}, rows, found.asked


@settings(max_examples=12)
@given(CONCEPTS, CONCEPTS, NAMED)
def test_fingerprints_tell_which_buckets_changed_and_names_that_are_known_are_as_if_asked(old, new, named):
    with TemporaryDirectory() as folder:
        files = [vocabulary_file(Path(folder), rows) for rows in (old, new)]
        (before, old_rows), (after, new_rows) = (graph_rows(file, named) for file in files)
        (told_before, old_told, known), (told_after, new_told, asked) = (told_rows(file, named) for file in files)
        assert told_rows(files[1], named, known) == (told_after, new_told, asked)
        assert told_rows(files[1], named, asked, same_vocabulary=True)[:2] == (told_after, new_told)
    for bucket in range(BUCKETS):
        assert (before[bucket] == after[bucket]) == (old_rows[bucket] == new_rows[bucket])
        assert (told_before[bucket] == told_after[bucket]) == (old_told[bucket] == new_told[bucket])


@settings(max_examples=12)
@given(CONCEPTS, NAMED)
def test_a_bucket_has_its_own_concepts_whole_and_of_those_it_names_the_name_and_class(rows, named):
    with TemporaryDirectory() as folder:
        file = vocabulary_file(Path(folder), rows)
        _, found = graph_rows(file, named)
        _, some = graph_rows(file, [pair for pair in named if pair[0] == 1], [1])
        whole = pq.read_table(file[0]).to_pylist()
    assert some[1] == found[1]
    for bucket, got in found.items():
        own = [row for row in whole if bucket_of(row["curie"], BUCKETS) == bucket]
        assert [{k: v for k, v in row.items() if k != "own"} for row in got if row["own"]] == own
        wanted = {f"MESH:{number}" for b, number in named if b == bucket} - {row["curie"] for row in own}
        others = [(row["curie"], row["name"], row["category"]) for row in whole if row["curie"] in wanted]
        assert [(row["curie"], row["name"], row["category"]) for row in got if not row["own"]] == others
        assert all(row["synonyms"] is None and row["parents"] is None for row in got if not row["own"])


@settings(max_examples=12)
@given(CONCEPTS, NAMED)
def test_telling_with_a_bucket_s_ambiguous_names_is_telling_with_all_of_them(rows, named):
    with TemporaryDirectory() as folder:
        file = vocabulary_file(Path(folder), rows)
        _, found, _ = told_rows(file, named)
        ambiguous = ambiguous_names(file)
    for got in found.values():
        concepts = pa.Table.from_pylist(got, TOLD_CONCEPTS)
        own = frozenset(name for row in got for name in row["ambiguous"])
        one, other = (Teller(ENGLISH, concepts, names) for names in (own, ambiguous))
        for curie in one.names:
            assert one.opening(curie) == other.opening(curie)
            assert [one._other(curie, n) for n in range(3)] == [other._other(curie, n) for n in range(3)]


@settings(max_examples=30)
@given(CONCEPTS, st.lists(st.sampled_from(["肾衰竭", "肾功能衰竭", "痛风"]), max_size=2), NAMED)
def test_a_concept_that_is_only_named_has_the_synonyms_that_naming_it_rests_on(rows, chinese, named):
    for row in rows[:2]:
        row["synonyms"] = row["synonyms"] + [{"name": name, "scope": "exact"} for name in chinese]
    with TemporaryDirectory() as folder, connect(threads=1) as connection:
        file = vocabulary_file(Path(folder), rows)
        found = ToldConcepts(connection, file, pairs(named), BUCKETS, LANGUAGES, known=TOLD_NAMES.empty_table())
        got = [(bucket, row) for bucket, batch in found.rows(range(BUCKETS)) for row in batch.to_pylist()]
    whole = {row["curie"]: Concept(*(row[name] for name in Concept._fields)) for row in rows}
    for bucket, row in got:
        concept, told = whole[row["curie"]], Concept(*(row[name] for name in Concept._fields))
        if bucket_of(row["curie"], BUCKETS) == bucket:
            assert told == concept
        for language in LANGUAGES:
            name = language.name_of(concept)
            assert language.name_of(told) == name
            others = language.other_names_of(concept, name) if name else ()
            assert (language.other_names_of(told, name) if name else ()) == others
            assert {other.text.lower() for other in others} <= {*row["other_names"]}


def test_what_rows_name_is_read_from_columns_and_from_inside_of_structs(tmp_path):
    context = CONTEXT.empty_table()
    pq.write_table(context, tmp_path / "none.parquet")
    rows = [{"triple_id": "a", "onward": {"object": "MESH:7"}}, {"triple_id": "b", "onward": None}]
    pq.write_table(pa.Table.from_pylist(rows, CONTEXT), tmp_path / "some.parquet")
    files = {0: [str(tmp_path / "none.parquet")], 3: [str(tmp_path / "some.parquet")]}
    assert named_in(files, ["onward.object"]).to_pylist() == [{"bucket": 3, "curie": "MESH:7"}]


def partitions(home: Home, asset: str) -> dict[str, str]:
    return {key: manifest.to_json() for key, manifest in home.dataset(asset).manifests().items()}


SYNONYM = '\nsynonym: "quite another name" EXACT []\n'


def edit(folder: Path, old: str, new: str) -> None:
    """Change the sample's vocabulary in one place."""
    path = folder / "sample.obo"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def home_of(tmp_path: Path, name: str, vocabulary: Path) -> Home:
    sources = {"vocabulary": [str(vocabulary)], "literature": [str(SAMPLE / "literature" / "pubmed26n0001.xml")]}
    return open_home(str(tmp_path / name)).configure(**sources, config=Config(buckets=8))


def test_after_any_edit_of_the_vocabulary_graph_and_passages_are_those_of_a_clean_build(tmp_path):
    folder = tmp_path / "vocabulary"
    shutil.copytree(SAMPLE / "vocabulary", folder)
    home = home_of(tmp_path, "home", folder)
    build(home, ["told_concepts", "knowledge_graph"])
    before = {asset: partitions(home, asset) for asset in ("concepts_by_bucket", "told_concepts")}
    edit(folder, "\nname: aspirin\n", f"\nname: aspirin{SYNONYM}")
    build(home, ["told_concepts", "concepts_by_bucket"])
    after = {asset: partitions(home, asset) for asset in before}
    changed = {
        asset: {key for key, then in some.items() if after[asset][key] != then} for asset, some in before.items()
    }
    assert len(changed["concepts_by_bucket"]) == 1
    assert 0 < len(changed["told_concepts"]) < 8
    # A concept more, another name for one, and the synonym gone again.
    edit(folder, "\n[Term]\n", "\n[Term]\nid: X:1\nname: a new condition\n\n[Term]\n")
    edit(folder, f"\nname: aspirin{SYNONYM}", "\nname: High blood pressure\n")
    clean = home_of(tmp_path, "clean", folder)
    assets = (
        "vocabulary",
        "name_index",
        "concept_shuffle",
        "told_concept_shuffle",
        "knowledge_graph",
        "verbalized_corpus",
    )
    for one in (home, clean):
        build(one, ["verbalized_corpus", "knowledge_graph"])
    for asset in (*assets, "concepts_by_bucket", "told_concepts"):
        assert partitions(home, asset) == partitions(clean, asset), asset
