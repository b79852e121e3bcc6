"""What stands beside a triple elsewhere: the triple that goes on, and the sentence that says it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.claims import triple_id
from kg.context_shuffle import STATE, ContextSince, shuffle_context
from kg.tables import CONTEXT, TRIPLES, WITHHELD_CLAIMS
from pipeline.hashing import bucket_of
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET

ENTITIES = [f"MESH:D00{n}" for n in range(6)]
SENTENCE = "Metformin lowered glucose in patients with type 2 diabetes."


def triple(subject, object_, belief=0.9, **columns):
    return {
        "triple_id": triple_id(subject, "biolink:causes", object_),
        "subject": subject,
        "predicate": "biolink:causes",
        "object": object_,
        "belief": belief,
        "support": belief,
        "contradiction": 0.0,
        "contested": False,
        "evidence_ids": ["e1"],
        "doc_ids": ["PMID:1"],
        "split": "train",
    } | columns


def evidence(subject, object_, number, **columns):
    return {
        "evidence_id": f"e{number}",
        "doc_id": "PMID:1",
        "text_hash": "h1",
        "sentence_start": 10,
        "sentence_end": 10 + len(SENTENCE),
        "sentence": SENTENCE,
        "subject": subject,
        "predicate": "biolink:causes",
        "object": object_,
        "polarity": True,
        "certainty": 1.0,
        "hypothetical": False,
        "retracted": False,
        "extractor": "trigger.v2",
    } | columns


PAPER = {
    "doc_id": "PMID:1",
    "text_hash": "h1",
    "language": "en",
    "mentions": [
        {"start": 0, "end": 5, "curie": "MESH:D000", "category": "biolink:Drug"},
        {"start": 10, "end": 19, "curie": "MESH:D000", "category": "biolink:Drug"},
        {"start": 53, "end": 68, "curie": "MESH:D001", "category": "biolink:Disease"},
        {"start": 200, "end": 215, "curie": "MESH:D001", "category": "biolink:Disease"},
    ],
}


class Tables:
    """Triples, evidence, papers and withheld claims as files, each in its bucket, and the context that is made of them."""

    def __init__(self, folder, triples, claims=(), papers=(PAPER,), withheld=(), buckets=3):
        self.folder, self.buckets = folder, buckets
        subjects = {row["triple_id"]: row["subject"] for row in triples}
        self.files, self.rows = {}, {}
        for name, rows, schema, key in (
            ("triples", triples, TRIPLES, lambda row: row["subject"]),
            ("evidence", claims, EVIDENCE, lambda row: row["subject"]),
            ("literature", papers, LITERATURE_BY_BUCKET, lambda row: row["doc_id"]),
            (
                "withheld",
                [{"triple_id": t["triple_id"]} for t in withheld],
                WITHHELD_CLAIMS,
                lambda r: subjects[r["triple_id"]],
            ),
        ):
            self.files[name] = {}
            for bucket in range(buckets):
                mine = [row for row in rows if bucket_of(key(row), buckets) == bucket]
                self.rows[name, bucket] = mine
                pq.write_table(pa.Table.from_pylist(mine, schema), folder / f"{name}-{bucket}.parquet")
                self.files[name][bucket] = [str(folder / f"{name}-{bucket}.parquet")]

    def make(self, before=None, **options):
        """The context by bucket; brought up to date from what `before` made where that is given."""
        with shuffle_context(*self.files.values(), minimum_belief=0.3, since=self._since(before), **options) as shuffle:
            self.states = {name: pa.Table.from_batches(rows, STATE[name]) for name, rows in shuffle.states.items()}
            for name, table in self.states.items():
                pq.write_table(table, self.folder / f"{name}.parquet")
            self.changed = shuffle.changed.to_pylist()
            pieces = list(shuffle.rows)
        assert [bucket for bucket, _ in pieces] == sorted(bucket for bucket, _ in pieces)
        self.made = {}
        for bucket in range(self.buckets):
            new = pa.Table.from_batches([rows for b, rows in pieces if b == bucket], CONTEXT)
            table = new if before is None else self._merged(bucket, before.made[bucket], new)
            self.made[bucket] = table
        return self

    def _since(self, before):
        if before is None:
            return None
        changed = [place for place, rows in self.rows.items() if rows != before.rows[place]]
        kept = {name: [str(before.folder / f"{name}.parquet")] for name in STATE}
        papers = {bucket for name, bucket in changed if name == "literature"}
        return ContextSince(kept, {bucket for name, bucket in changed if name != "literature"}, papers)

    def _merged(self, bucket, old, new):
        gone = {(row["triple_id"], row["onward"]) for row in self.changed if row["bucket"] == bucket}
        kept = [row for row in old.to_pylist() if (row["triple_id"], row["onward"] is not None) not in gone]
        rows = sorted([*kept, *new.to_pylist()], key=lambda row: (row["triple_id"], row["onward"] is None))
        return pa.Table.from_pylist(rows, CONTEXT)

    def context(self):
        return [row for table in self.made.values() for row in table.to_pylist()]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The context of some triples, evidence and papers."""

    def find(triples, claims=(), papers=(PAPER,), buckets=3, withheld=(), **options):
        tables = Tables(tmp_path_factory.mktemp("tables"), triples, claims, papers, withheld, buckets)
        subjects = {row["triple_id"]: row["subject"] for row in triples}
        for bucket, rows in tables.make(**options).made.items():
            assert {bucket_of(subjects[i], buckets) for i in rows["triple_id"].to_pylist()} <= {bucket}
        return tables.context()

    return find


def chains(rows):
    return {row["triple_id"]: row["onward"]["triple_id"] for row in rows if row["onward"]}


def expected(triples):
    """Of each triple, the next one about its object in the order of ids, unless it leads back."""
    after = {}
    for first in triples:
        following = [t for t in triples if t["subject"] == first["object"] and t["triple_id"] >= first["triple_id"]]
        if following:
            second = min(following, key=lambda t: t["triple_id"])
            if second["object"] != first["subject"]:
                after[first["triple_id"]] = second["triple_id"]
    return after


PAIRS = st.sets(
    st.tuples(st.sampled_from(ENTITIES), st.sampled_from(ENTITIES)).filter(lambda p: p[0] != p[1]), min_size=1
)


@settings(max_examples=12)
@given(PAIRS)
def test_a_triple_goes_on_to_the_next_one_about_its_object(found, pairs):
    triples = [triple(*pair) for pair in sorted(pairs)]
    rows = found(triples)
    assert chains(rows) == expected(triples)
    by_id = {t["triple_id"]: t for t in triples}
    for row in rows:
        assert all(row["onward"][name] == by_id[row["onward"]["triple_id"]].get(name) for name in row["onward"])


@settings(max_examples=8)
@given(PAIRS)
def test_a_new_triple_takes_the_place_of_others_and_moves_none(found, pairs):
    triples = [triple(*pair) for pair in sorted(pairs)]
    before, after = chains(found(triples[1:])), chains(found(triples))
    assert all(after.get(t) in (second, triples[0]["triple_id"], None) for t, second in before.items())


def test_what_is_not_told_as_true_in_training_is_no_link_of_a_chain(found):
    for more in ({"split": "test"}, {"belief": 0.2}, {"contested": True}, {"contradiction": 0.95}):
        a, b = triple("MESH:D000", "MESH:D001"), triple("MESH:D001", "MESH:D002")
        if a["triple_id"] < b["triple_id"]:
            assert chains(found([a, b])) == {a["triple_id"]: b["triple_id"]}
        assert chains(found([a, b | more])) == chains(found([a | more, b])) == {}


def quoted(rows):
    return {row["triple_id"]: row["quotation"] for row in rows if row["quotation"]}


def test_a_triple_is_quoted_with_the_mentions_of_its_sentence(found):
    said = triple("MESH:D000", "MESH:D001")
    rows = found([said], [evidence("MESH:D000", "MESH:D001", 2), evidence("MESH:D000", "MESH:D001", 1)])
    quotation = quoted(rows)[said["triple_id"]]
    assert (quotation["evidence_id"], quotation["doc_id"], quotation["sentence"]) == ("e1", "PMID:1", SENTENCE)
    assert [SENTENCE[m["start"] : m["end"]] for m in quotation["mentions"]] == ["Metformin", "type 2 diabetes"]


@pytest.mark.parametrize(
    "columns",
    [
        {"polarity": False},
        {"certainty": 0.5},
        {"hypothetical": True},
        {"retracted": True},
        {"text_hash": "h2"},
        {"extractor": "kgx_edges.v1"},
        {"doc_id": "PMID:2"},
        {"sentence": "METHODS: metformin was given to patients with diabetes."},
        {"sentence": "We gave metformin to patients who had type 2 diabetes."},
        {"sentence": "It lowered glucose in patients who had type 2 diabetes."},
        {"sentence": "Metformin was given. Diabetes improved in all patients."},
        {"sentence": 'Metformin "cured" patients who had type 2 diabetes mellitus.'},
        {"sentence": "Metformin helped."},
        {"sentence": "and metformin lowered glucose in patients with type 2 diabetes."},
    ],
)
def test_what_does_not_say_it_plainly_in_one_sentence_of_a_paper_is_not_quoted(found, columns):
    said = triple("MESH:D000", "MESH:D001")
    assert quoted(found([said], [evidence("MESH:D000", "MESH:D001", 1, **columns)])) == {}


def test_only_what_is_asked_for_is_looked_for(found):
    triples = [triple(a, b) for a in ENTITIES for b in ENTITIES if a != b]
    claims = [evidence("MESH:D000", "MESH:D001", 1)]
    assert quoted(found(triples, claims, chains=False)) and not chains(found(triples, claims, chains=False))
    assert chains(found(triples, claims, quotations=False)) and not quoted(found(triples, claims, quotations=False))


def test_buckets_and_threads_do_not_change_the_rows(found):
    triples = [triple(a, b) for a in ENTITIES for b in ENTITIES if a != b]
    claims = [evidence(t["subject"], t["object"], n) for n, t in enumerate(triples)]
    once = sorted(found(triples, claims, buckets=1, threads=1), key=str)
    assert sorted(found(triples, claims, buckets=7, threads=3), key=str) == once


def test_what_entails_a_held_out_claim_is_no_link_and_its_sentences_are_not_quoted(found):
    said, other = triple("MESH:D000", "MESH:D001"), triple("MESH:D000", "MESH:D002")
    claims = [evidence("MESH:D000", "MESH:D001", 1), evidence("MESH:D000", "MESH:D002", 2, polarity=False)]
    assert quoted(found([said, other], claims)) != {}
    assert quoted(found([said, other], claims, withheld=[other])) == {}
    triples = [triple(a, b) for a in ENTITIES for b in ENTITIES if a != b]
    linked = set(chains(found(triples)).values())
    assert (
        linked - set(chains(found(triples, withheld=[t for t in triples if t["triple_id"] in linked])).values())
        == linked
    )


#: Which pairs are claims, with belief and split; who says them, in which paper and sentence; which are withheld; what papers mention.
WORLDS = st.tuples(
    st.dictionaries(
        st.tuples(st.sampled_from(ENTITIES), st.sampled_from(ENTITIES)).filter(lambda p: p[0] != p[1]),
        st.tuples(st.sampled_from([0.9, 0.8, 0.2]), st.sampled_from(["train", "train", "train", "test"])),
        min_size=1,
        max_size=14,
    ),
    st.sets(st.tuples(st.integers(0, 13), st.integers(1, 4), st.sampled_from([10, 100])), max_size=14),
    st.sets(st.integers(0, 13), max_size=3),
    st.dictionaries(st.integers(1, 4), st.sampled_from(["en", "de"]), max_size=4),
)


def tables_of(folder, world):
    folder.mkdir()
    pairs, sayings, withheld, papers = world
    triples = [triple(*pair, belief, split=split) for pair, (belief, split) in sorted(pairs.items())]
    claims = [
        evidence(
            t["subject"], t["object"], f"{t['triple_id']}-{paper}-{start}", doc_id=f"PMID:{paper}", sentence_start=start
        )
        | {"sentence_end": start + len(SENTENCE)}
        for number, paper, start in sorted(sayings)
        for t in triples[number : number + 1]
    ]
    texts = [PAPER | {"doc_id": f"PMID:{paper}", "language": language} for paper, language in sorted(papers.items())]
    return Tables(folder, triples, claims, texts, [t for n, t in enumerate(triples) if n in withheld], buckets=5)


@settings(max_examples=10)
@given(WORLDS, WORLDS)
def test_bringing_the_context_up_to_date_equals_making_it_anew(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("worlds")
    # Evidence of a paper reaches the buckets together with its text.
    first, second = ((p, {s for s in says if s[1] in papers}, w, papers) for p, says, w, papers in (first, second))
    before = tables_of(folder / "before", first).make()
    whole = tables_of(folder / "whole", second).make()
    after = tables_of(folder / "after", second).make(before)
    assert after.made == whole.made
    assert after.states == whole.states
    touched = {row["bucket"] for row in after.changed}
    assert {bucket for bucket in range(5) if before.made[bucket] != whole.made[bucket]} == touched
