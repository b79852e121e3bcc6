"""Pairs of annotated corpora as examples, and a fine-tuned folder that extraction reads as the task does."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from transformers import AutoModel, AutoTokenizer

from pipeline.errors import MateriaError, SetAside
from pipeline.gold_corpus import read_gold_corpus
from pipeline.linear_text import train_linear_text
from pipeline.relations.finetuned import NO_RELATION
from pipeline.relations.marked_pairs import MarkedPairClassifier
from pipeline.relations.model import load_classifier
from pipeline.relations.training import gold_pairs
from tests.training.tasks.tiny_relation_extraction import SETTINGS, TEST, corpus, sentences, write
from training.finetuning.config import FinetuningConfig
from training.finetuning.finetune import finetune
from training.finetuning.folder import load_finetuned
from training.tasks.config import TaskDataConfig
from training.tasks.relation_extraction import PairExample, RelationExtraction


def read(*files, **settings):
    return list(RelationExtraction.read(files, TaskDataConfig(**settings)))


@pytest.fixture(scope="module")
def folder(tiny_encoder, tmp_path_factory):
    """The tiny corpora, and a model of them in `model`."""
    folder = tmp_path_factory.mktemp("relations")
    settings = {"task": "relation_extraction", "data": write(folder), "max_length": 64, **SETTINGS}
    finetune(FinetuningConfig.model_validate(settings), model=tiny_encoder, out=folder / "model")
    return folder


def test_pairs_of_a_document_are_those_that_relations_could_join(tmp_path):
    first, second = read(corpus(tmp_path / "one.pubtator", (2,)))
    assert first.document == second.document == "PMID:900002"
    assert first.texts == ("metfostatin induced cardiac fibrosis in a patient.",)
    assert [first.texts[0][start:end] for start, end in first.marks] == ["metfostatin", "cardiac fibrosis"]
    assert (first.target, second.target) == ("CID", NO_RELATION)
    assert first.types == ("Chemical", "Disease") and not first.turned


def test_marked_sentences_of_one_text_are_one_document(tmp_path):
    rows = [
        {"text": "<< A >> inhibits [[ B ]] and C.", "label": "INHIBITOR"},
        {"text": "<< A >> inhibits B and [[ C ]].", "label": "false"},
        {"text": "[[ D ]] is not << E >>.", "label": "INHIBITOR"},
    ]
    one, other, turned = read(sentences(tmp_path / "rows.jsonl", rows))
    assert one.document == other.document != turned.document
    assert [pair.target for pair in (one, other, turned)] == ["INHIBITOR", NO_RELATION, "INHIBITOR"]
    assert one.texts == other.texts and one.marks != other.marks
    assert [turned.texts[0][start:end] for start, end in turned.marks] == ["D", "E"] and turned.turned


def test_files_to_judge_on_have_the_candidates_of_those_to_learn_from(tmp_path):
    """A file in which no chemical is related to any disease has pairs without a relation all the same."""
    train, test = corpus(tmp_path / "train.pubtator", (1,)), corpus(tmp_path / "test.pubtator", (2,), relation=None)
    assert [pair.target for pair in read(test, train=(train,), test=(test,))] == [NO_RELATION, NO_RELATION]


def test_a_relation_between_no_two_mentions_is_set_aside(tmp_path):
    path = Path(corpus(tmp_path / "one.pubtator", (2,)))
    path.write_text(path.read_text().replace("\n\n", "\n900002\tCID\tD100002\tD299999\n\n"))
    (aside,) = [item for item in read(str(path)) if isinstance(item, SetAside)]
    assert (aside.reason, aside.record) == ("no-candidate", "PMID:900002") and "MESH:D299999" in aside.detail


def example(target):
    return PairExample("x", "d", ("a b",), target, ((0, 1), (2, 3)))


def test_micro_f1_leaves_out_no_relation_and_is_the_accuracy_where_all_are_related():
    gold = [example(label) for label in ("UP", "UP", "DOWN", NO_RELATION, NO_RELATION)]
    task = RelationExtraction.learn(gold)
    said = ["UP", "DOWN", NO_RELATION, "UP", NO_RELATION]
    figures = task.figures(gold, said)
    assert figures["micro_f1"] == pytest.approx(2 * 1 / (3 + 3)) and figures["accuracy"] == pytest.approx(2 / 5)
    assert figures["f1 UP"] == pytest.approx(0.5) and figures["f1 DOWN"] == 0
    related = gold[:3]
    figures = RelationExtraction.learn(related).figures(related, ["UP", "DOWN", "DOWN"])
    assert figures["micro_f1"] == figures["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("wide", [False, True])
def test_extraction_says_of_a_pair_what_the_task_says(folder, wide, tmp_path):
    """One text, one model, one probability: softmax of the logits over the temperature; with a linear model beside it too."""
    model = folder / "model"
    if wide:
        model = shutil.copytree(model, tmp_path / "wide")
        task, learned = load_finetuned(model).task, read(str(folder / "train.pubtator"))
        train_linear_text(task.bags(learned), np.array([task.has_labels(one) for one in learned]), 1.0).save(model)
    finetuned, classifier = load_finetuned(model), load_classifier(model)
    arguments = finetuned.task.arguments()
    assert arguments["calibrated_on"] > 0 and arguments["temperature"] != 1
    test = str(folder / "test.pubtator")
    pairs = gold_pairs(read_gold_corpus([test]).documents, classifier.scheme)
    found = classifier.probabilities(pairs.views)
    examples = read(test)
    logits = np.stack(finetuned.logits(examples, finetuned.features(examples)))
    assert wide == (finetuned.wide is not None)
    expected = np.exp(log_softmax(log_softmax(logits.astype(float), axis=1) / arguments["temperature"], axis=1))
    order = [finetuned.task.labels.index(label) for label in (NO_RELATION, *classifier.scheme.labels)]
    assert found == pytest.approx(expected[:, order], abs=1e-5)
    assert classifier.mix.threshold == arguments["threshold"]
    assert (classifier.mix.decide(found) > 0).mean() == pytest.approx(0.5, abs=0.2)
    assert len(examples) == 2 * len(TEST)


def test_the_folder_is_an_encoder_for_anyone(folder, tiny_encoder):
    """Its weights are those of the model, and a head on it that it lacks comes from torch's seed."""
    model = load_finetuned(folder / "model").model
    encoder = AutoModel.from_pretrained(folder / "model")
    for name, weights in encoder.state_dict().items():
        assert torch.equal(weights, model.base_model.state_dict()[name]), name
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        new = MarkedPairClassifier.from_pretrained(tiny_encoder, num_labels=3)
        new.know(tokenizer)
        made.append(new)
    first, same, other = ([w.detach().numpy().tobytes() for w in new.parameters()] for new in made)
    assert first == same != other
    assert made[0].classifier.out_features == 3
    for name, weights in AutoModel.from_pretrained(tiny_encoder).state_dict().items():
        assert torch.equal(weights, made[0].base_model.state_dict()[name][: len(weights)]), name


def test_what_is_read_of_a_pair_are_its_opening_markers_and_the_pieces_around(tiny_encoder):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    model = MarkedPairClassifier.from_pretrained(tiny_encoder, num_labels=2).eval()
    model.know(tokenizer)
    one, other = model.config.marker_ids
    ids = torch.tensor([[9, other, 10, 11, one, 12, 13], [9, one, other, 10, 0, 0, 0]])
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    with torch.no_grad():
        states = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        first, second = states
        means = [first[:1].mean(0), first[2:4].mean(0), first[5:].mean(0)]
        read = [
            torch.cat([first[4], first[1], *means]),
            torch.cat([second[1], second[2], second[0], 0 * second[0], second[3]]),
        ]
        logits = model(input_ids=ids, attention_mask=mask).logits
        assert torch.allclose(logits, model.classifier(torch.stack(read)), atol=1e-6)


def changed(folder, tmp_path, **values):
    shutil.copytree(folder / "model", tmp_path / "model")
    path = tmp_path / "model" / "materia_task.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"task": "entity_recognition.v1"}, "was fine-tuned for entity_recognition.v1, not for relation_extraction"),
        ({"labels": ["UP", "DOWN"]}, "learned from pairs that all have a relation"),
        ({"arguments": {}}, "no fine-tuned model of relations that can be read"),
        ({"labels": None}, "no fine-tuned model of relations that can be read"),
    ],
)
def test_a_folder_that_extraction_cannot_use_is_one_clear_error(folder, tmp_path, values, words):
    with pytest.raises(MateriaError, match=words) as refused:
        load_classifier(changed(folder, tmp_path, **values))
    assert str(tmp_path / "model") in str(refused.value)


def test_a_model_with_graph_vectors_is_not_for_extraction(folder, tmp_path):
    model = changed(folder, tmp_path)
    (model / "graph_fusion.json").write_text("{}")
    with pytest.raises(MateriaError, match="graph vectors"):
        load_classifier(model)
