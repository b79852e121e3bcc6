"""From words to claims: nothing is guessed."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kg.claim_search import claims_like, find_concept, find_predicate
from kg.claims import triple_id
from kg.tables import TRIPLES
from pipeline.errors import MateriaError
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY, VOCABULARY_MERGES

BUCKETS = 3
CONCEPTS = [
    {"curie": "MESH:1", "name": "Metformin", "category": "biolink:SmallMolecule"},
    {
        "curie": "MESH:2",
        "name": "Migraine Disorders",
        "synonyms": [{"name": "Migraine", "scope": "exact"}],
        "category": "biolink:Disease",
    },
    {"curie": "HP:2", "name": "Migraine", "category": "biolink:PhenotypicFeature"},
    {"curie": "MESH:3", "name": "Cold", "category": "biolink:Disease"},
    {"curie": "MESH:4", "name": "cold", "category": "biolink:PhysicalEntity"},
    {
        "curie": "MESH:5",
        "name": "Nociception",
        "synonyms": [{"name": "ache", "scope": "related"}],
        "category": "biolink:Disease",
    },
    {"curie": "MESH:6", "name": "Asthma", "translations": [{"language": "zh", "name": "哮喘", "scope": "exact"}]},
]
CLAIMS = {
    ("MESH:1", "biolink:treats", "MESH:2"): 0.9,
    ("MESH:1", "biolink:causes", "MESH:3"): 0.5,
    ("MESH:1", "biolink:treats", "MESH:4"): 0.7,
    ("MESH:5", "biolink:treats", "MESH:2"): 0.8,
}


def put(home: Path, asset: str, key: str, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    with Dataset(home, asset).writer(key) as writer:
        writer.table(f"{key}/{asset}.parquet", schema).write(pa.Table.from_pylist(rows, schema))
        writer.commit(skip_key="k", code_version="1", inputs={})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    put(home, "vocabulary", "all", VOCABULARY, CONCEPTS)
    put(home, "vocabulary_merges", "all", VOCABULARY_MERGES, [{"curie": "DOID:6364", "merged_into": "MESH:2"}])
    rows = [
        dict(zip(("triple_id", "subject", "predicate", "object"), (triple_id(*c), *c), strict=True))
        | {"belief": belief, "supporting_documents": 1}
        for c, belief in CLAIMS.items()
    ]
    for bucket in range(BUCKETS):
        mine = [row for row in rows if bucket_of(row["subject"], BUCKETS) == bucket]
        put(home, "triples", bucket_name(bucket, BUCKETS), TRIPLES, sorted(mine, key=lambda row: row["triple_id"]))
    return home


@pytest.mark.parametrize(
    ("words", "curie", "found_by"),
    [
        ("metformin", "MESH:1", "preferred name"),
        ("  METFORMIN ", "MESH:1", "preferred name"),
        ("MESH:1", "MESH:1", "identifier"),
        ("DOID:6364", "MESH:2", "merged identifier"),
        ("ache", "MESH:5", "inexact synonym"),
        ("哮喘", "MESH:6", "exact synonym"),
        ("own:1", "own:1", "identifier"),
    ],
)
def test_a_concept_by_name_or_identifier(home: Path, words: str, curie: str, found_by: str) -> None:
    concept = find_concept(home, words, "subject", BUCKETS)
    assert (concept.curie, concept.found_by) == (curie, found_by)


def test_of_two_concepts_with_a_name_the_one_with_claims_and_the_other_is_told(home: Path) -> None:
    concept = find_concept(home, "migraine", "object", BUCKETS)
    assert (concept.curie, concept.found_by, concept.others) == ("MESH:2", "exact synonym", ("HP:2 Migraine",))


def test_an_ambiguous_name_lists_the_candidates(home: Path) -> None:
    with pytest.raises(MateriaError) as raised:
        find_concept(home, "cold", "object", BUCKETS)
    assert "is a name of 2 concepts: MESH:3 Cold (Disease, 1 claims); MESH:4 cold (PhysicalEntity, 1 claims)" in str(
        raised.value
    )
    with pytest.raises(MateriaError, match="is a name of 2 concepts"):
        find_concept(home, "migraine", "subject", BUCKETS)


def test_a_mistyped_name_gets_the_names_like_it(home: Path) -> None:
    with pytest.raises(MateriaError, match="Did you mean Metformin"):
        find_concept(home, "metfromin", "subject", BUCKETS)
    with pytest.raises(MateriaError, match="Give a CURIE"):
        find_concept(home, "zzzz'; DROP", "subject", BUCKETS)


@pytest.mark.parametrize("words", ["treats", "biolink:treats", "TREATS", " Treats "])
def test_a_predicate_in_words(words: str) -> None:
    assert find_predicate(words) == "biolink:treats"


def test_a_predicate_of_several_words_and_none() -> None:
    assert find_predicate("ameliorates condition") == find_predicate("Biolink:ameliorates_condition")
    with pytest.raises(MateriaError, match="Did you mean treats"):
        find_predicate("treets")


def test_the_claims_that_fit_the_most_believed_first(home: Path) -> None:
    def objects(*claim: str | None, limit: int | None = None) -> tuple[list[str], int]:
        found, total = claims_like(home, BUCKETS, *claim, limit=limit)
        return found["object"].to_pylist(), total

    assert objects("MESH:1") == (["MESH:2", "MESH:4", "MESH:3"], 3)
    assert objects("MESH:1", "biolink:treats") == (["MESH:2", "MESH:4"], 2)
    assert objects(None, None, "MESH:2") == (["MESH:2", "MESH:2"], 2)
    assert objects(limit=1) == (["MESH:2"], 4)
    assert objects("MESH:1", "biolink:treats", "MESH:2") == (["MESH:2"], 1)
    assert objects("MESH:9") == ([], 0)
