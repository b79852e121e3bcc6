"""Entities of texts: seqeval's figures, long documents, what cannot be learned, and a folder that others read."""

import shutil
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2
from transformers import AutoTokenizer, pipeline
from upath import UPath

from assets.config import load_config
from assets.home import Home
from assets.stage import refresh
from assets.stages import until
from pipeline.content import folder_hash
from pipeline.errors import SetAside
from pipeline.finders import load_finder
from pipeline.ner.tag_sequences import TagSequences
from tests.training.tasks import tiny_entity_recognition as tiny
from training.finetuning.config import FinetuningConfig
from training.finetuning.finetune import finetune
from training.finetuning.folder import load_finetuned
from training.tasks.base import Example
from training.tasks.config import TaskDataConfig
from training.tasks.entity_recognition import EntityRecognition

TAGS = ("O", "B-X", "I-X", "B-Y", "I-Y", "B-Z", "I-Z")


def read(*files):
    return list(EntityRecognition.read([str(file) for file in files], TaskDataConfig()))


def entities_of(tags):
    """Entities of words of two letters, parted by spaces."""
    spans = TagSequences(TAGS, strict=True).spans([TAGS.index(tag) for tag in tags])
    return tuple((3 * first, 3 * last + 2, kind) for first, last, kind in spans)


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=9), min_size=1, max_size=5)
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::Warning:seqeval")
def test_where_tokens_are_words_the_figures_are_those_of_seqeval(documents):
    gold = [[right for right, _ in document] for document in documents]
    said = [[guess for _, guess in document] for document in documents]
    examples = [Example(str(n), str(n % 3), ("",), entities_of(tags)) for n, tags in enumerate(gold)]
    predicted = [entities_of(tags) for tags in said]
    task = EntityRecognition(["X", "Y", "Z"])
    figures = task.figures(examples, predicted)
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    assert task.outcomes(examples, predicted).value() == pytest.approx(f1_score(gold, said, **strict))
    if not any((*example.target, *entities) for example, entities in zip(examples, predicted, strict=True)):
        return  # seqeval has no report of nothing
    report = classification_report(gold, said, output_dict=True, **strict)
    assert figures["micro_f1"] == pytest.approx(report["micro avg"]["f1-score"])
    assert figures["precision"] == pytest.approx(report["micro avg"]["precision"])
    assert figures["recall"] == pytest.approx(report["micro avg"]["recall"])
    assert figures["support"] == report["micro avg"]["support"]
    assert figures["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"])
    assert figures["weighted_f1"] == pytest.approx(report["weighted avg"]["f1-score"])
    kinds = [name for name in report if not name.endswith(" avg")]
    assert {name.partition(".")[0] for name in figures if "." in name} == {*kinds}
    for kind in kinds:
        assert figures[f"{kind}.f1"] == pytest.approx(report[kind]["f1-score"])
        assert figures[f"{kind}.support"] == report[kind]["support"]


def test_documents_are_counted_apart(tiny_encoder):
    examples = [Example("1", "PMID:1", ("ab",), ((0, 2, "X"),)), Example("2", "PMID:2", ("ab",), ())]
    outcomes = EntityRecognition(["X"]).outcomes(examples, [((0, 2, "X"),), ((0, 1, "X"),)])
    assert outcomes.units == ("PMID:1", "PMID:2")
    assert outcomes.counts[:, 0].tolist() == [[1, 0, 0], [0, 1, 0]]


def test_the_same_mentions_are_read_from_pubtator_and_from_columns(tmp_path):
    (tmp_path / "a.pubtator").write_text(
        "7|t|Gout\n7|a|No aspirin\n7\t0\t4\tGout\tDisease\tD1\n7\t8\t15\taspirin\tDrug\tD2\n\n"
    )
    (tmp_path / "b.iob").write_text("-DOCSTART- O\n\nGout B-Disease\n\nNo O\naspirin B-Drug\n")
    first, second = read(tmp_path / "a.pubtator"), read(tmp_path / "b.iob")
    for (example,) in (first, second):
        named = [(example.texts[0][start:end], kind) for start, end, kind in example.target]
        assert named == [("Gout", "Disease"), ("aspirin", "Drug")]
    assert first[0].document == "PMID:7"


def test_mentions_that_a_longer_one_hides_are_judged_all_the_same(tmp_path):
    path = tmp_path / "nested.pubtator"
    path.write_text("7|t|renal failure\n7|a|\n7\t0\t13\trenal failure\tDisease\tD1\n7\t0\t5\trenal\tOrgan\tD2\n\n")
    (example,) = read(path)
    assert example.target == ((0, 5, "Organ"), (0, 13, "Disease"))
    assert EntityRecognition(["Disease", "Organ"]).outcomes([example], [((0, 13, "Disease"),)]).counts.sum() == 2


def test_annotations_with_other_words_than_the_text_are_set_aside(tmp_path):
    path = tmp_path / "other.pubtator"
    path.write_text("7|t|renal failure\n7|a|\n7\t0\t13\trenal failure\tDisease\tD1\n7\t0\t5\tnasal\tOrgan\tD2\n\n")
    aside, example = read(path)
    assert isinstance(aside, SetAside)
    assert (aside.file, aside.record, aside.reason) == ("other.pubtator", "PMID:7 at 0", "annotation-mismatch")
    assert example.target == ((0, 13, "Disease"),)


def test_what_cannot_be_learned_as_it_stands_is_counted(tiny_encoder):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    text = "renal qxz"
    assert len(tokenizer.tokenize(text)) > 2  # so that a word has several pieces
    examples = [
        Example("1", "1", (text,), ((0, 9, "Disease"), (0, 5, "Organ"))),
        Example("2", "2", (text,), ((6, 7, "Organ"),)),
    ]
    task = EntityRecognition.learn(examples)
    assert task.unlearned(examples, tokenizer) == {"overlapping": 1, "widened": 1}
    first, second = (feature.labels for feature in task.features(examples, tokenizer, 16))
    assert first == [-100, 1, *[2] * (len(first) - 3), -100]
    assert second == [-100, 0, 3, *[4] * (len(first) - 4), -100]


@settings(max_examples=25)
@given(length=st.integers(16, 64), number=st.integers(0, 30), sentences=st.integers(1, 40))
def test_right_tags_of_all_windows_give_back_the_mentions(tiny_encoder, length, number, sentences):
    """Nothing is cut off, nothing is found twice, whatever the window."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    text, mentions = tiny.paper(number, sentences)
    example = Example("1", "1", (text,), tuple((start, end, kind) for start, end, _, kind in mentions))
    task = EntityRecognition(["Chemical", "Disease"])
    features = task.features([example], tokenizer, length)
    logits = [np.eye(5, dtype=np.float32)[np.maximum(feature.labels, 0)] for feature in features]
    assert task.predict([example], features, logits) == [example.target]


@pytest.mark.realdata
def test_every_mention_of_bc5cdr_can_be_learned(tiny_encoder, materia_data):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    examples = read(materia_data / "annotated" / "bc5cdr" / "dev.pubtator")
    assert sum(len(example.target) for example in examples) == 9_160
    examples = examples[:60]
    task = EntityRecognition.learn(examples)
    features = task.features(examples, tokenizer, 128)
    logits = [np.eye(5, dtype=np.float32)[np.maximum(feature.labels, 0)] for feature in features]
    figures = task.figures(examples, task.predict(examples, features, logits))
    lost = sum(task.unlearned(examples, tokenizer).values())
    assert figures["recall"] == pytest.approx(1 - lost / figures["support"])
    assert lost < 5


@pytest.fixture(scope="module")
def trained(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    config = FinetuningConfig(task="entity_recognition", data=tiny.write(folder), max_length=48, **tiny.SETTINGS)
    report = finetune(config, model=tiny_encoder, out=folder / "ner")
    return SimpleNamespace(report=report, folder=folder / "ner", texts=[tiny.paper(n, 40)[0] for n in (73, 80)])


def test_extraction_finds_in_a_text_what_the_task_predicts(trained):
    """The loop: the folder is a recogniser, which reads the same windows by the same rule."""
    finetuned = load_finetuned(trained.folder)
    predicted = finetuned.predict([Example(text, text, (text,), ()) for text in trained.texts])
    found = load_finder(str(trained.folder)).find(trained.texts)
    assert [tuple(span[:3] for span in spans) for spans in found] == predicted
    assert sum(map(len, found)) > 50


def test_transformers_reads_the_folder_without_materia(trained):
    text = tiny.paper(73)[0]
    ner = pipeline("token-classification", model=str(trained.folder), aggregation_strategy="simple")
    (found,) = load_finder(str(trained.folder)).find([text])
    assert [(e["start"], e["end"], e["entity_group"]) for e in ner(text)] == [span[:3] for span in found] != []
    assert trained.report["unlearned"] == {}


def test_a_build_reads_with_the_folder_and_says_so(trained, tmp_path):
    """Its name and a hash of its content stand at each mention, and a model trained otherwise makes mentions stale."""
    papers = tiny.pubtator(tmp_path / "papers.pubtator", range(80, 90))
    (tmp_path / "names.tsv").write_text("id\tname\tcategory\nMESH:D1\tcardiac pain\tbiolink:Disease\n")
    shutil.copytree(trained.folder, tmp_path / "entities")
    settings = tmp_path / "materia.yaml"
    settings.write_text("small_file_groups: 1\nextraction: {ner: entities}")
    home = Home(UPath(tmp_path / "home"))
    home = home.configure([papers], [str(tmp_path / "names.tsv")], load_config(str(settings)))
    stages = until("mentions")
    for stage in stages:
        list(refresh(stage, home, stage.keys(home)))
    rows = pa.concat_tables(
        home.dataset("mentions").read(key) for key in home.dataset("mentions").manifests()
    ).to_pylist()
    name = f"entities@{folder_hash(trained.folder)[:12]}"
    found = {(row["doc_id"], row["start"], row["end"]) for row in rows if row["finder"] == name}
    documents = read(papers)
    predicted = load_finetuned(trained.folder).predict(documents)
    assert found == {(e.document, *span) for e, spans in zip(documents, predicted, strict=True) for *span, _ in spans}
    assert {row["category"] for row in rows if row["finder"] == name} == {"biolink:ChemicalEntity", "biolink:Disease"}
    assert not any(stage.stale(home) for stage in stages)
    (tmp_path / "entities" / "model.safetensors").write_bytes(b"others")
    assert [stage.name for stage in stages if stage.stale(home)] == ["mentions"]
