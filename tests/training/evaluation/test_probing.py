"""Cloze probing: a model that was told ranks what is true first, one that was not does no better than blind."""

import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from pipeline.errors import MateriaError
from training.evaluation.causal import CausalLanguageModel
from training.evaluation.causal_scores import causal_scores
from training.evaluation.config import ProbingConfig
from training.evaluation.masked import MaskedLanguageModel
from training.evaluation.probing import probe
from training.evaluation.questions import make_questions
from training.statistics.bootstrap import compare

CONFIG = ProbingConfig(phrasings=1)


@pytest.fixture(scope="module")
def found(models, graph):
    return {name: probe(getattr(models, name), graph.triples, graph.names, CONFIG) for name in ("told", "untold")}


def test_a_model_that_was_told_is_above_blind(found):
    figures = {name: one.value() for name, one in found["told"].items()}
    assert figures["hits@1"] > 0.9
    assert figures["gain_mrr"] > 0.4
    assert compare([found["told"]["mrr"]], [found["told"]["blind_mrr"]]).p < 0.01


def test_one_that_read_as_much_of_a_shuffled_graph_is_not(found):
    assert compare([found["untold"]["mrr"]], [found["untold"]["blind_mrr"]]).difference.low < 0
    assert compare([found["told"]["gain_mrr"]], [found["untold"]["gain_mrr"]]).p < 0.01


def test_a_gain_is_the_difference_question_by_question(found):
    for name in ("mrr", "hits@1", "hits@10"):
        own, blind, gain = (found["told"][f"{kind}{name}"] for kind in ("", "blind_", "gain_"))
        assert np.allclose(gain.counts[:, 0, 0], own.counts[:, 0, 0] - blind.counts[:, 0, 0])


def test_every_model_is_asked_the_same(found):
    told, untold = (found[name]["mrr"] for name in ("told", "untold"))
    assert told.units == untold.units
    assert np.array_equal(told.counts[:, :, 1], untold.counts[:, :, 1])
    assert np.array_equal(found["told"]["frequency_mrr"].counts, found["untold"]["frequency_mrr"].counts)


def test_a_score_is_the_mean_log_probability_of_the_pieces_at_as_many_masks(models, graph):
    """Against the library, one sentence at a time."""
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(models.told), AutoTokenizer.from_pretrained(models.told)
    drug = next(iter(graph.treats)).capitalize()
    ids = tokenizer(f"[CLS] {drug} treats [MASK] [MASK]. [SEP]", return_tensors="pt")
    with torch.no_grad():
        likely = torch.log_softmax(model(**ids).logits[0], -1)
    masks = (ids["input_ids"][0] == tokenizer.mask_token_id).nonzero()[:, 0]
    pieces = tokenizer("renal pain", add_special_tokens=False)["input_ids"]
    expected = [likely[place, piece].item() for place, piece in zip(masks, pieces, strict=True)]

    ours = MaskedLanguageModel(models.told)
    left, right = ours.pieces([f"{drug} treats", "."])
    found = ours.log_probabilities([[*left, ours.mask, ours.mask, *right]], [[len(left), len(left) + 1]])
    assert found[range(2), pieces].tolist() == pytest.approx(expected, abs=1e-5)


def test_ranks_are_filtered_and_ties_take_the_mean(graph):
    """Of the candidates 0 to 3 the answer is 1; 0 is true too, 2 ties with it, 3 is better."""
    questions = next(q for q in make_questions(graph.triples, graph.names, CONFIG) if q.hidden == "object")
    small = type(questions)(
        "p", "object", tuple("abcd"), questions.names[:4], np.zeros(4), ("k",), questions.known_names[:1], questions.clozes,
        np.array([[0, 1]]), np.array([[0, 0], [0, 1]]),
    )  # fmt: skip
    assert small.ranks(np.array([[9.0, 1.0, 1.0, 5.0]])).tolist() == [2.5]


def test_questions_are_in_the_words_of_the_verbalizer_and_never_show_the_answer(graph):
    for questions in make_questions(graph.triples, graph.names, ProbingConfig(phrasings=3)):
        for number, cloze in enumerate(questions.clozes[False]):
            for name in questions.known_names:
                left, _, right = cloze.parts(name)
                assert name.text.lower() in f"{left}{right}".lower(), number
                assert not any(other.text in f"{left}{right}" for other in questions.names)
    texts = {
        "".join(c.parts(q.known_names[0], q.names[0]))
        for q in make_questions(graph.triples, graph.names, CONFIG)
        for c in q.clozes[False]
    }
    assert all(" treats " in text and text.endswith(".") for text in texts)


def test_frequent_answers_are_counted_in_training_triples_alone(graph):
    questions = next(q for q in make_questions(graph.triples, graph.names, CONFIG) if q.hidden == "object")
    assert questions.frequency.sum() == 5


def test_what_cannot_be_asked_is_refused(models, graph, tmp_path):
    train = graph.triples.filter([split == "train" for split in graph.triples["split"].to_pylist()])
    with pytest.raises(MateriaError, match="no triple of the test split"):
        probe(models.told, train, graph.names, CONFIG)
    with pytest.raises(MateriaError, match="holds no model|there is no model"):
        probe(tmp_path, graph.triples, graph.names, CONFIG)


@pytest.mark.parametrize("kind", ["models", "causal_models"])
def test_weights_that_were_cut_short_are_told_in_a_sentence(kind, request, graph, tmp_path):
    folder = shutil.copytree(request.getfixturevalue(kind).told, tmp_path / "model")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(MateriaError, match=r"model: holds no model that can be judged as .+ \(.+\)\. Give the folder"):
        probe(folder, graph.triples, graph.names, CONFIG)


@pytest.fixture(scope="module")
def of_causal(causal_models, graph):
    return {
        name: probe(getattr(causal_models, name), graph.triples, graph.names, CONFIG) for name in ("told", "untold")
    }


def test_a_causal_model_that_was_told_is_above_blind_and_one_that_was_not_is_not(of_causal):
    told, untold = of_causal["told"], of_causal["untold"]
    assert told["hits@1"].value() > 0.9
    assert compare([told["mrr"]], [told["blind_mrr"]]).p < 0.01
    assert compare([untold["mrr"]], [untold["blind_mrr"]]).difference.low < 0
    assert compare([told["gain_mrr"]], [untold["gain_mrr"]]).p < 0.01


def test_both_kinds_of_model_are_asked_the_same(of_causal, found):
    assert of_causal["told"]["mrr"].units == found["told"]["mrr"].units
    assert np.array_equal(of_causal["told"]["frequency_mrr"].counts, found["told"]["frequency_mrr"].counts)


def test_a_score_of_a_causal_model_is_the_log_probability_of_the_sentence(causal_models, graph):
    """Against the library, one sentence at a time, and up to what all sentences of a question share."""
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(causal_models.told),
        AutoTokenizer.from_pretrained(causal_models.told),
    )

    def of_sentence(text):
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
        with torch.no_grad():
            return -model(ids, labels=ids).loss.item() * (ids.shape[1] - 1)

    ours = CausalLanguageModel(causal_models.told)
    for questions in make_questions(graph.triples, graph.names, CONFIG):
        (cloze,) = questions.clozes[False]
        scores, blind = causal_scores(ours, questions)
        for number, known in enumerate(questions.known_names[:3]):
            texts = ["".join(cloze.parts(known, candidate)) for candidate in questions.names]
            gaps = scores[number] - list(map(of_sentence, texts))
            assert gaps == pytest.approx(gaps[:1].repeat(len(gaps)), abs=1e-4)
        if questions.hidden == "subject":  # the sentence begins with the candidate
            assert blind[0] == pytest.approx([of_sentence(name.initial) for name in questions.names], abs=1e-4)
        else:
            assert np.exp(blind[0]) == pytest.approx(np.exp(scores).mean(axis=0))


def test_what_a_causal_model_has_no_room_for_is_left_out_of_its_context(causal_models, graph):
    small = CausalLanguageModel(causal_models.told)
    small.room = 3
    questions = next(q for q in make_questions(graph.triples, graph.names, CONFIG) if q.hidden == "object")
    scores, _ = causal_scores(small, questions)
    assert (scores == scores[0]).all()  # of the drug nothing is left


def test_a_model_that_reads_in_the_order_of_a_permutation_is_refused(graph, make_tokenizer, tmp_path):
    from transformers import XLNetConfig, XLNetLMHeadModel

    tokenizer = make_tokenizer()
    sizes = {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16}
    XLNetLMHeadModel(XLNetConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(MateriaError, match="xlnet"):
        probe(tmp_path, graph.triples, graph.names, CONFIG)
