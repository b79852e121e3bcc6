"""What a model is to be judged on is planted in a small home's shards, in every way it could come there, and must block."""

import json
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.home import open_home
from assets.models import pretraining_sources
from kg.claims import triple_id
from kg.cleaning.config import CleaningConfig
from kg.config import CorpusConfig
from kg.tables import PASSAGES, SELECTION, TRIPLES
from kg.verbalize import verbalize
from pipeline.errors import MateriaError
from pipeline.tables import VOCABULARY
from tests.training.pretraining_home import make_home
from training.data.shards import Shard
from training.decontamination import check_decontaminated, decontamination_report, taken_out
from training.decontamination_report import ContaminatedError
from training.manifest import shards_of_model
from training.tasks.base import Example

NAMES = {
    "T:metformin": "Metformin",
    "T:aspirin": "Aspirin",
    "T:diabetes": "Diabetes",
    "T:asthma": "Asthma",
    "T:sore": "sore throat",
}
CLAIMS = [
    ("T:metformin", "biolink:treats", "T:diabetes", "train"),
    ("T:aspirin", "biolink:treats", "T:asthma", "test"),
    ("T:aspirin", "biolink:causes", "T:sore", "validation"),
]
ABSTRACT = (
    "We enrolled forty patients with a mild cough and gave each of them honey before sleep for seven nights. "
    "Night cough became less frequent, and no child had any harm."
)
TEST = {"pmid": "777", "question": "Does honey help?", "context": ABSTRACT}


def triples():
    rows = [
        {"triple_id": triple_id(s, p, o), "subject": s, "subject_category": "biolink:NamedThing", "predicate": p, "object": o,
         "object_category": "biolink:NamedThing", "belief": 0.9, "support": 0.9, "contradiction": 0.0, "contested": False,
         "evidence_ids": [f"e-{o}"], "doc_ids": ["PMID:1"], "split": split}
        for s, p, o, split in CLAIMS
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, TRIPLES)


def told(split):
    """What the verbaliser makes of the claims of a split."""
    concepts = [{"curie": c, "name": n, "category": "biolink:NamedThing"} for c, n in sorted(NAMES.items())]
    rows = verbalize(triples(), pa.Table.from_pylist(concepts, VOCABULARY), CorpusConfig()).to_pylist()
    return [row for row in rows if row["split"] == split and row["form"] == "fact"]


def paper(text, number=1, **columns):
    row = {"passage_id": f"p{number}", "kind": "literature", "language": "en", "text": text, "sentences": [], "spans": [],
           "relations": [], "triple_ids": [], "evidence_ids": [], "doc_ids": [f"PMID:{number}"], "split": "train", "form": "text"}  # fmt: skip
    return row | columns


CLEAN = [
    paper("Patients were followed for two years, and honey was not given to any of them at all in this trial.", 1),
    paper("Aspirin is cheap. Asthma is common.", 2, sentences=[{"start": 0, "end": 17}, {"start": 18, "end": 35}]),
    *told("train"),
]


@pytest.fixture
def home(tmp_path):
    """A home with a clean corpus."""
    rows = triples().to_pylist()
    return open_home(str(make_home(tmp_path / "home", CLEAN, rows, NAMES)))


@pytest.fixture
def tests(tmp_path):
    path = tmp_path / "qa.json"
    path.write_text(json.dumps([TEST]))
    return str(path)


def plant(home, row):
    """Put a row into the middle of a training shard of the home; its name, and its place there."""
    name, path = next((s.name, s.path) for s in pretraining_sources(home).train)
    rows = pq.read_table(path, partitioning=None).to_pylist()
    place = len(rows) // 2
    rows.insert(place, row)
    pq.write_table(pa.Table.from_pylist(rows, PASSAGES), path)
    return name, place


def check(home, tests, **more):
    sources = pretraining_sources(home)
    more = {"names": sources.names, "vocabulary": home.dataset("vocabulary").paths()} | more
    return check_decontaminated(sources.train, tests, sources.triples, **more)


def test_a_clean_home_passes_and_the_report_says_what_was_looked_at(home, tests):
    report = check(home, [tests])
    assert report.clean
    assert (report.rows, report.test_documents, report.held_out) == (len(CLEAN), 1, 2)
    assert report.tests[0][0] == "qa.json"
    assert report.sentence().endswith("1 test documents and 2 held-out claims: none of them is there.")


@pytest.mark.parametrize(
    ("row", "reason", "words"),
    [
        (paper(ABSTRACT, 5), "test-ngram", "we enrolled forty patients with a mild cough"),
        (paper(ABSTRACT.upper().replace(" ", "  "), 5), "test-ngram", "we enrolled forty patients with a mild cough"),
        (paper("So " + ABSTRACT[3:80] + "milk", 5), "test-ngram", "enrolled forty patients with a mild cough"),
        (paper("Honey did.", 777), "test-document", "from PMID:777"),
    ],
    ids=["whole", "in capitals", "a part", "by its name alone"],
)
def test_a_planted_test_document_blocks_and_is_named_with_row_shard_and_words(home, tests, row, reason, words):
    shard, place = plant(home, row)
    with pytest.raises(ContaminatedError) as caught:
        check(home, [tests])
    (found,) = caught.value.report.found
    assert (found.shard, found.row, found.reason, found.other) == (shard, place, reason, "PMID:777")
    assert words in found.detail
    for part in (shard, f"row {place}", "PMID:777", words, "build the corpus again"):
        assert part in str(caught.value)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_verbalized_held_out_triple_in_a_training_shard_blocks(home, tests, split):
    row = told(split)[0] | {"split": "train"}
    shard, place = plant(home, row)
    with pytest.raises(ContaminatedError) as caught:
        check(home, [tests])
    report = caught.value.report
    assert {(one.shard, one.row) for one in report.found} == {(shard, place)}
    assert {"held-out-triple", "pair-in-sentence", "held-out-relation"} == set(report.counts)
    assert row["text"] in {one.text for one in report.found}


def test_a_held_out_triple_told_in_mere_words_blocks_too(home, tests):
    text = "ASPIRIN is a treatment of asthma."
    _, place = plant(home, paper(text, 6))
    with pytest.raises(ContaminatedError, match=rf"row {place}: pair-in-words of T:aspirin and T:asthma \({text[:-1]}"):
        check(home, [tests])


def test_a_claim_that_entails_a_held_out_one_blocks(home, tests, tmp_path):
    kinds = [{"curie": "T:child", "name": "asthma of children", "parents": ["T:asthma"]}]
    pq.write_table(pa.Table.from_pylist(kinds, VOCABULARY), tmp_path / "kinds.parquet")
    spans = [{"start": s, "end": e, "curie": c, "category": "biolink:NamedThing"} for s, e, c in ((0, 7, "T:aspirin"), (15, 33, "T:child"))]  # fmt: skip
    relation = [{"subject": 0, "predicate": "biolink:treats", "object": 1, "source": "e1"}]
    text = "Aspirin treats asthma of children."
    sentence = [{"start": 0, "end": len(text)}]
    plant(home, paper(text, 6, spans=spans, relations=relation, sentences=sentence))
    assert check(home, [tests], vocabulary=[]).clean
    with pytest.raises(ContaminatedError, match="entails-held-out of T:aspirin and T:asthma"):
        check(home, [tests], vocabulary=[str(tmp_path / "kinds.parquet")])


def test_examples_of_tasks_are_tests_as_files_are(home):
    by_text = Example("data.tsv, row 9", "data.tsv:9", ("Does honey help?", ABSTRACT), "yes")
    by_name = Example("data.tsv, row 8", "PMID:777", ("Other words?",), "no")
    assert check(home, [by_text, by_name]).clean
    shard, place = plant(home, paper(ABSTRACT, 777))
    with pytest.raises(ContaminatedError, match=f"{shard}, row {place}: test-ngram of data.tsv, row 9"):
        check(home, [by_text])
    with pytest.raises(ContaminatedError, match=f"{shard}, row {place}: test-document of data.tsv, row 8"):
        check(home, [by_name])


def test_what_a_build_may_switch_off_is_on(home, tests):
    plant(home, paper(ABSTRACT, 777))
    off = CleaningConfig(test_ids=False, test_ngram=None)
    with pytest.raises(ContaminatedError):
        check(home, [tests], cleaning=off)


def test_all_rows_are_counted_and_some_are_named(home, tests):
    for number in range(30):
        plant(home, paper(ABSTRACT, 100 + number))
    sources = pretraining_sources(home)
    report = decontamination_report(sources.train, [tests], sources.triples, limit=7)
    assert (report.counts, len(report.found)) == ({"test-ngram": 30}, 7)
    assert str(ContaminatedError(report)).count("test-ngram of") == 5
    assert "and others" in str(ContaminatedError(report))


def test_the_report_is_json_and_markdown_and_the_error_crosses_processes(home, tests):
    plant(home, paper(ABSTRACT, 5))
    with pytest.raises(ContaminatedError) as caught:
        check(home, [tests])
    report = caught.value.report
    values = json.loads(json.dumps(report.to_json()))
    assert (values["schema"], values["clean"]) == ("materia_decontamination.v1", False)
    assert values["found"][0]["other"] == "PMID:777"
    assert "| test-ngram | PMID:777 |" in report.markdown()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_file_of_tests_in_which_nothing_can_be_read_is_refused(home, tmp_path):
    empty = tmp_path / "empty.json"
    empty.write_text("")
    with pytest.raises(MateriaError, match=r"empty.json: holds no test document that can be read"):
        check(home, [str(empty)])
    with pytest.raises(MateriaError, match=r"none.json: does not exist"):
        check(home, [str(tmp_path / "none.json")])


def test_what_the_build_took_out_before_is_listed_and_counted(tmp_path):
    def row(number, reason, other=None, detail=None):
        return {"passage_id": f"p{number}", "split": "train", "taken": 0, "tokens": 9, "reason": reason, "other": other, "detail": detail}  # fmt: skip

    rows = [row(1, "duplicate"), row(2, None), row(3, "test-document", "PMID:777", "from PMID:777"),
            row(4, "test-ngram", "PMID:778", "3 of 9 runs"), row(5, "test-ngram", "PMID:779", "2 of 9 runs")]  # fmt: skip
    path = tmp_path / "selection.parquet"
    pq.write_table(pa.Table.from_pylist(rows, SELECTION), path)
    taken = taken_out([str(path)], limit=2)
    assert taken.counts == {"test-document": 1, "test-ngram": 2}
    assert [example["other"] for example in taken.examples] == ["PMID:777", "PMID:778"]
    report = decontamination_report([], [], triples(), taken=taken)
    assert "taken out before: 1 test-document, 2 test-ngram." in report.sentence()
    assert "| PMID:778 | 3 of 9 runs |" in report.markdown()


def test_the_shards_of_a_model_are_known_by_its_record_as_long_as_they_are_what_they_were(home, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    shards = pretraining_sources(home).train
    split = [{"name": s.name, "sha256": s.sha256, "split": "train"} for s in shards]
    gone = {"name": "corpus_shards/gone.parquet", "sha256": "0" * 64, "split": "train"}
    held = {"name": "corpus_shards/held.parquet", "sha256": "0" * 64, "split": "validation"}
    (model / "materia_manifest.json").write_text(json.dumps({"shards": [*split, gone, held]}))
    there, unread = shards_of_model(model, home.url)
    assert [shard.name for shard in there] == [shard.name for shard in shards]
    assert unread == ["corpus_shards/gone.parquet, which model was trained on, does not exist"]

    sources = pretraining_sources(home)
    assert (
        "Not known: corpus_shards/gone.parquet"
        in check_decontaminated(there, [], sources.triples, unread=unread).sentence()
    )
    name, _ = plant(home, paper(ABSTRACT, 5))
    there, unread = shards_of_model(model, home.url)
    assert name not in {shard.name for shard in there}
    assert any(name in why and "is not the shard that its manifest names" in why for why in unread)


def test_a_model_without_a_record_is_said_to_be_unknown(tmp_path):
    assert shards_of_model(tmp_path, tmp_path) == ([], [f"{tmp_path.name} has no record of what it was trained on"])
    (tmp_path / "file").write_text("no folder")
    assert shards_of_model(tmp_path / "file", tmp_path) == ([], ["file has no record of what it was trained on"])
    (tmp_path / "materia_manifest.json").write_text("{}")
    with pytest.raises(MateriaError, match="materia_manifest.json: is no record of a model"):
        shards_of_model(tmp_path, tmp_path)


def test_a_shard_that_is_none_is_one_sentence(tmp_path):
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "x.parquet")
    with pytest.raises(MateriaError, match="is no shard of passages: it lacks the column passage_id"):
        check_decontaminated([Shard.of(tmp_path / "x.parquet", tmp_path)], [], triples())


def test_a_model_of_an_ablation_is_known_by_the_corpora_beside_it(home, tmp_path):
    (first, *_) = pretraining_sources(home).train
    model = tmp_path / "models" / "all-seed=1"
    for folder in (model, tmp_path / "corpora"):
        folder.mkdir(parents=True)
    corpus = tmp_path / "corpora" / "told.parquet"
    with home.url.joinpath(first.name).open("rb") as file:
        corpus.write_bytes(file.read())
    made = Shard.of(corpus, tmp_path)
    record = {"shards": [{"name": made.name, "sha256": made.sha256, "split": "train"}]}
    (model / "materia_manifest.json").write_text(json.dumps(record))
    assert shards_of_model(model, home.url) == ([made], [])


def test_a_check_that_looked_at_nothing_does_not_say_that_nothing_is_there():
    sentence = decontamination_report([], [Example("t, 1", "PMID:5", (ABSTRACT,), "a")], triples()).sentence()
    assert "none of them is there" not in sentence
    assert "Nothing that the model was trained on could be looked at for 1 test documents" in sentence
