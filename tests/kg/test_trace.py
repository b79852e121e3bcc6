import time
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.config import CorpusConfig, FusionConfig, SplitConfig
from kg.fusion import fuse
from kg.literature import literature_passages
from kg.shard_summary import summarise
from kg.shards import find_shard, split_target
from kg.tables import PASSAGES, TRIPLES
from kg.trace import trace
from kg.trace_text import format_summary, format_trace
from kg.verbalize import verbalize
from pipeline.errors import MateriaError
from pipeline.hashing import bucket_name, bucket_of, hash_fields, text_hash
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET, LITERATURE_INVENTORY, LIVE_DOCUMENTS, VOCABULARY

BUCKETS = 11
METFORMIN, DIABETES, ASPIRIN, ASTHMA = "MESH:D008687", "MESH:D003924", "MESH:D001241", "MESH:D001249"
NAMES = {"Metformin": METFORMIN, "type 2 diabetes": DIABETES, "Aspirin": ASPIRIN, "asthma": ASTHMA}
CLAIMS = [
    ("PMID:1", "Metformin treats type 2 diabetes.", "Metformin", "biolink:treats", "type 2 diabetes", True),
    ("PMID:2", "Metformin helped in type 2 diabetes.", "Metformin", "biolink:treats", "type 2 diabetes", True),
    ("PMID:2", "Aspirin did not treat asthma.", "Aspirin", "biolink:treats", "asthma", False),
    ("PMID:2", "Aspirin caused asthma.", "Aspirin", "biolink:causes", "asthma", True),
]
NO_HOLD_OUT = SplitConfig(validation=0, test=0)


def text_of(doc_id):
    return " ".join(claim[1] for claim in CLAIMS if claim[0] == doc_id)


def evidence():
    rows = []
    for doc_id, sentence, subject, predicate, object_, polarity in CLAIMS:
        text = text_of(doc_id)
        at = text.index(sentence)
        s, o = text.index(subject, at), text.index(object_, at)
        rows.append(
            {
                "doc_id": doc_id,
                "version": 2,
                "text_hash": text_hash(text),
                "sentence_start": at,
                "sentence_end": at + len(sentence),
                "sentence": sentence,
                "section": "ABSTRACT",
                "subject": NAMES[subject],
                "subject_category": "biolink:SmallMolecule",
                "subject_start": s,
                "subject_end": s + len(subject),
                "predicate": predicate,
                "object": NAMES[object_],
                "object_category": "biolink:Disease",
                "object_start": o,
                "object_end": o + len(object_),
                "trigger": sentence.split()[1],
                "polarity": polarity,
                "certainty": 1.0,
                "extractor": "trigger.v1",
                "probability": 0.8,
                "retracted": False,
                "evidence_id": hash_fields(doc_id, s, o, predicate),
            }
        )
    return sorted(rows, key=lambda row: row["evidence_id"])


def literature(rows):
    for doc_id in ("PMID:1", "PMID:2"):
        text = text_of(doc_id)
        mine = [row for row in rows if row["doc_id"] == doc_id]
        mentions = {
            (row[f"{end}_start"], row[f"{end}_end"], row[end], row[f"{end}_category"])
            for row in mine
            for end in ("subject", "object")
        }
        claims = [
            {
                name: row[name]
                for name in (
                    "evidence_id",
                    "subject_start",
                    "subject_end",
                    "predicate",
                    "object_start",
                    "object_end",
                    "polarity",
                )
            }
            | {"triple_id": hash_fields(row["subject"], row["predicate"], row["object"])}
            for row in mine
        ]
        yield {
            "doc_id": doc_id,
            "version": 2,
            "text_hash": text_hash(text),
            "text": text,
            "sections": [{"label": "ABSTRACT", "start": 0, "end": len(text)}],
            "language": "en",
            "mentions": [dict(zip(("start", "end", "curie", "category"), m, strict=True)) for m in sorted(mentions)],
            "claims": claims,
        }


def write(home, asset, key, path, schema, table):
    with Dataset(home, asset).writer(key) as writer:
        writer.table(path, schema).write(table)
        writer.commit(skip_key="k", code_version="1", inputs={})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose tables come from the real stages, from evidence written by hand."""
    home = tmp_path_factory.mktemp("home")
    rows = evidence()
    names = [
        {"curie": curie, "name": name, "synonyms": [], "category": "biolink:NamedThing"}
        for name, curie in sorted(NAMES.items())
    ]
    for row in names:
        row["sources"] = ["drugs.obo", "names.tsv"]
        row["definition"] = "A drug that lowers glucose." if row["curie"] == METFORMIN else None
    concepts = pa.Table.from_pylist(names, VOCABULARY)
    with Dataset(home, "vocabulary").writer() as writer:
        writer.table("vocabulary.parquet", VOCABULARY).write(concepts)
        writer.commit(skip_key="k", code_version="1", inputs={"000/drugs.obo": "3" * 64, "001/names.tsv": "4" * 64})
    corpus = CorpusConfig()
    for number in range(BUCKETS):
        key = bucket_name(number, BUCKETS)
        mine = [row for row in rows if bucket_of(row["subject"], BUCKETS) == number]
        write(
            home, "evidence_by_bucket", key, f"{key}/evidence.parquet", EVIDENCE, pa.Table.from_pylist(mine, EVIDENCE)
        )
        paths = Dataset(home, "evidence_by_bucket").paths(key)
        triples = fuse(paths, FusionConfig(), NO_HOLD_OUT)
        write(home, "triples", key, f"{key}/triples.parquet", TRIPLES, triples)
        shard = f"split=train/bucket={key}/passages.parquet"
        write(home, "verbalized_corpus", key, shard, PASSAGES, verbalize(triples, concepts, corpus))
        papers = [row for row in literature(rows) if bucket_of(row["doc_id"], BUCKETS) == number]
        batch = pa.RecordBatch.from_pylist(papers, LITERATURE_BY_BUCKET)
        passages = list(literature_passages([batch], corpus, NO_HOLD_OUT, lambda *_: None))
        write(home, "literature_corpus", key, shard, PASSAGES, pa.Table.from_batches(passages, PASSAGES))
    live = [
        {
            "doc_id": f"PMID:{i}",
            "version": 2,
            "batch": f"b{i}",
            "file": f"src/{i}.xml",
            "position": f"1/src/{i}.xml" + ("/oa/2.nxml" if i == 2 else ""),  # the second is an archive
            "record": 7,
            "member": "oa/2.nxml" if i == 2 else None,
            "status": "active",
            "reason": "highest-version",
            "superseded": 1,
        }
        for i in (1, 2)
    ]
    write(home, "live_documents", "all", "live.parquet", LIVE_DOCUMENTS, pa.Table.from_pylist(live, LIVE_DOCUMENTS))
    files = [
        {"file": f"src/{i}.xml", "sha256": str(i) * 64, "format": "pubmed_xml.v1", "batch": f"b{i}"} for i in (1, 2)
    ]
    write(
        home,
        "literature_inventory",
        "all",
        "files.parquet",
        LITERATURE_INVENTORY,
        pa.Table.from_pylist(files, LITERATURE_INVENTORY),
    )
    return home


def shard(asset, key):
    return f"{asset}/split=train/bucket={bucket_name(bucket_of(key, BUCKETS), BUCKETS)}"


def row_of(home, name, condition):
    table = pa.concat_tables([pq.read_table(path, partitioning=None) for path in find_shard(home, name)])
    return next(i for i, row in enumerate(table.to_pylist()) if condition(row))


def test_a_verbalized_row_leads_back_to_the_hash_of_each_file(home):
    name = shard("verbalized_corpus", METFORMIN)
    row = row_of(home, name, lambda row: "etformin" in row["text"] and row["form"] == "fact")
    passage = trace(home, name, row)
    (triple,) = passage.triples
    assert (triple.subject, triple.predicate, triple.object) == (METFORMIN, "biolink:treats", DIABETES)
    assert triple.belief == passage.belief
    assert [
        (one.sentence, one.document.doc_id) for one in sorted(triple.evidence, key=lambda one: one.document.doc_id)
    ] == [
        ("Metformin treats type 2 diabetes.", "PMID:1"),
        ("Metformin helped in type 2 diabetes.", "PMID:2"),
    ]
    assert {one.document.sha256 for one in triple.evidence} == {"1" * 64, "2" * 64}
    assert {(d.doc_id, d.version, d.file, d.member, d.record) for d in passage.documents} == {
        ("PMID:1", 2, "src/1.xml", None, 7),
        ("PMID:2", 2, "src/2.xml", "oa/2.nxml", 7),
    }
    assert passage.other_evidence == ()
    shown = format_trace(passage)
    for piece in (
        "passage ",
        "triple ",
        "evidence ",
        "Metformin treats type 2 diabetes.",
        "version 2",
        "src/1.xml record",
        "src/2.xml, member oa/2.nxml, record",
        "1" * 64,
        "2" * 64,
    ):
        assert piece in shown


def test_what_an_entity_is_leads_back_to_the_hash_of_each_vocabulary(home):
    name = shard("verbalized_corpus", METFORMIN)
    passage = trace(home, name, row_of(home, name, lambda row: row["form"] == "entity"))
    assert passage.text == "Metformin is a drug that lowers glucose."
    assert [(v.file, v.sha256) for v in passage.vocabularies] == [("drugs.obo", "3" * 64), ("names.tsv", "4" * 64)]
    assert (passage.triples, passage.documents) == ((), ())
    assert f"vocabulary names.tsv\n  sha256 {'4' * 64}" in format_trace(passage)


def test_a_literature_row_leads_to_triples_of_several_buckets_and_to_denied_claims(home):
    assert len({bucket_of(curie, BUCKETS) for curie in (METFORMIN, ASPIRIN)}) == 2
    name = shard("literature_corpus", "PMID:2")
    passage = trace(home, name, row_of(home, name, lambda row: row["doc_ids"] == ["PMID:2"]))
    claims = {(triple.subject, triple.predicate, triple.object) for triple in passage.triples}
    assert claims == {(METFORMIN, "biolink:treats", DIABETES), (ASPIRIN, "biolink:causes", ASTHMA)}
    for triple in passage.triples:
        assert {one.document.doc_id for one in triple.evidence} == {"PMID:2"}
    assert [(one.polarity, one.sentence) for one in passage.other_evidence] == [
        (False, "Aspirin did not treat asthma.")
    ]
    assert "denies" in format_trace(passage)
    assert [d.file for d in passage.documents] == ["src/2.xml"]


def test_a_denied_triple_is_traced_from_the_sentence_that_denies_it(home):
    name = shard("verbalized_corpus", ASPIRIN)
    row = row_of(home, name, lambda row: "not" in row["text"] and len(row["triple_ids"]) == 1)
    (triple,) = trace(home, name, row).triples
    assert [one.polarity for one in triple.evidence] == [False]


def test_a_shard_may_be_a_file_and_gives_the_same(home):
    name = shard("verbalized_corpus", METFORMIN)
    (path,) = find_shard(home, name)
    relative = path.removeprefix(f"{home}/")
    first = asdict(trace(home, name, 0))
    for other in (path, relative, name + "/"):
        assert asdict(trace(home, other, 0)) | {"shard": name} == first


def test_the_number_of_buckets_may_be_given(home):
    name = shard("verbalized_corpus", METFORMIN)
    assert trace(home, name, 0, buckets=BUCKETS) == trace(home, name, 0)


def test_a_shard_as_a_whole_names_the_files_behind_it(home):
    summary = summarise(home, shard("verbalized_corpus", METFORMIN))
    assert summary.rows >= 1
    assert {share.name for share in summary.files} == {"src/1.xml", "src/2.xml"}
    assert all(share.sha256 for share in summary.files)
    assert all(0 < share.share <= 1 for share in (*summary.files, *summary.documents))
    assert "src/1.xml" in format_summary(summary)


def test_a_document_that_is_no_longer_live_is_said_to_be_so(home, tmp_path):
    for asset in ("verbalized_corpus", "evidence_by_bucket", "triples"):
        (tmp_path / asset).symlink_to(home / asset)
    name = shard("verbalized_corpus", METFORMIN)
    passage = trace(tmp_path, name, row_of(tmp_path, name, lambda row: row["form"] == "fact"))
    assert {d.file for d in passage.documents} == {None}
    assert "no longer live" in format_trace(passage)


@pytest.mark.parametrize(
    "name",
    [
        "nowhere",
        "verbalized_corpus",
        "verbalized_corpus/split=train/bucket=99",
        "/no/such.parquet",
        "x.parquet",
        "",
        "../x",
        "verbalized_corpus/split=tr",
    ],
)
def test_no_such_shard_is_one_sentence_with_an_example(home, name):
    with pytest.raises(MateriaError, match="no such shard"):
        trace(home, name, 0)


@pytest.mark.parametrize("row", [-1, 10_000])
def test_a_row_out_of_range_names_the_last_one(home, row):
    name = shard("verbalized_corpus", METFORMIN)
    rows = summarise(home, name).rows
    with pytest.raises(MateriaError, match=f"has no row {row}. Rows count from 0 to {rows - 1}"):
        trace(home, name, row)


def test_a_table_that_is_no_shard_is_refused(home):
    (path,) = Dataset(home, "live_documents").paths()
    with pytest.raises(MateriaError, match="is no corpus shard"):
        trace(home, path, 0)


def test_a_file_that_is_no_parquet_is_refused(home, tmp_path):
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"hello")
    for act in (lambda: trace(home, str(bad), 0), lambda: summarise(home, str(bad))):
        with pytest.raises(MateriaError, match="no readable Parquet file"):
            act()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("a/b:3", ("a/b", 3)),
        ("a/b", ("a/b", None)),
        ("s3://x/y.parquet", ("s3://x/y.parquet", None)),
        ("s3://x/y:0", ("s3://x/y", 0)),
    ],
)
def test_shard_and_row_of_a_target(target, expected):
    assert split_target(target) == expected


def test_a_trace_takes_less_than_a_second(home):
    name = shard("verbalized_corpus", METFORMIN)
    began = time.perf_counter()
    trace(home, name, 0)
    assert time.perf_counter() - began < 1


def test_zeros_before_the_number_of_a_bucket_may_be_left_out_or_added(home):
    key = next(key for key in Dataset(home, "verbalized_corpus").manifests() if key.startswith("0") and len(key) > 1)
    found = find_shard(home, f"verbalized_corpus/split=train/bucket={key}")
    assert found == find_shard(home, f"verbalized_corpus/split=train/bucket={int(key)}")
    assert found == find_shard(home, f"verbalized_corpus/split=train/bucket=0{key}")
