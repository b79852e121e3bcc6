"""Token classifiers as recognisers: a tiny one with random weights, and what cannot be one."""

import itertools
import json
import re
import shutil

import numpy as np
import pytest

from pipeline.errors import MateriaError
from pipeline.finders import load_finder
from pipeline.ner.tag_sequences import TagSequences
from pipeline.ner.token_classifier import decode_spans

LABELS = ["O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A token classifier as `save_pretrained` leaves it: a tiny BERT with random weights, and a tokenizer that cuts words into pieces."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{c}" for c in letters), "as", "##pirin", "head"]
    tokenizer = Tokenizer(models.WordPiece({w: n for n, w in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    )
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
        initializer_range=1.0,
    )
    BertForTokenClassification(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def test_a_token_classifier_gives_spans_of_whole_words(classifier):
    texts = [
        "Aspirin causes headache, naïve \U0001f9ea re\u0301sume\u0301 users say.",
        "",
        "   ",
        "β-blockers 😀 and aspirin\nhelped.",
    ]
    finder = load_finder(str(classifier))
    found = finder.find(texts)
    assert found[1] == found[2] == []
    assert sum(map(len, found)) > 3
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            piece = text[span.start : span.end]
            assert piece == piece.strip() != ""
            assert span.label in ("Chemical", "Disease")
            assert 0 < span.score <= 1
            # No span begins or ends inside a word.
            assert not (span.start and text[span.start - 1].isalpha() and piece[0].isalpha())
            assert not (span.end < len(text) and text[span.end].isalpha() and piece[-1].isalpha())
    assert finder.name.startswith("tiny-bert@")


def test_loading_a_model_prints_nothing(classifier, capfd):
    """Neither bars nor a report of weights: the pooler in this folder is one that the classifier does not use."""
    import torch
    from transformers.utils import logging

    logging.enable_progress_bar()
    torch.manual_seed(0)
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig.from_pretrained(classifier)
    folder = classifier.parent / "with-pooler"
    shutil.copytree(classifier, folder)
    BertForSequenceClassification(config).save_pretrained(folder)
    shutil.copy(classifier / "config.json", folder)
    capfd.readouterr()
    load_finder(str(folder)).find(["aspirin"])
    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled()


def test_a_batch_gives_what_each_text_gives_alone(classifier):
    finder = load_finder(str(classifier))
    texts = ["aspirin", "headache and aspirin in many people of the town", "x"]
    together, alone = finder.find(texts), [finder.find([text])[0] for text in texts]
    assert [[s[:3] for s in spans] for spans in together] == [[s[:3] for s in spans] for spans in alone]


def test_a_text_longer_than_the_model_reads_is_read_in_windows(classifier):
    finder = load_finder(str(classifier))
    text = "aspirin for headache was tried in the town of gold. " * 30
    (spans,) = finder.find([text])
    # 62 pieces at once: far more than one window, and the last one is read too.
    assert {span.start // 520 for span in spans} == {0, 1, 2}
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))


def test_a_model_that_says_that_its_tags_are_iob2_is_read_by_valid_ones(classifier, tmp_path):
    """I- begins no span, as it does where nothing is said."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    folder = tmp_path / "ours"
    shutil.copytree(classifier, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "piece_tags": "IOB2"}))
    text = "aspirin caused headache in a town of headaches"
    found = [load_finder(str(model)).find([text])[0] for model in (folder, classifier)]
    encoded = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    model = AutoModelForTokenClassification.from_pretrained(folder)
    with torch.no_grad():
        logits = model(encoded["input_ids"], encoded["attention_mask"]).logits[0].numpy()
    words = encoded.word_ids()
    logits = logits[[words.index(word) for word in range(8)]]
    places = [word.span() for word in re.finditer(r"\w+", text)]
    for spans, strict in zip(found, (True, False), strict=True):
        tags = TagSequences(LABELS, strict=strict)
        path = tags.likeliest(logits)
        assert [span[:3] for span in spans] == [(places[a][0], places[b][1], kind) for a, b, kind in tags.spans(path)]
        assert (path == logits.argmax(1).tolist()) is not strict  # or nothing is shown


def test_a_model_without_padding_token_reads_texts_of_any_length(classifier, tmp_path):
    from transformers import AutoTokenizer

    folder = tmp_path / "unpadded"
    shutil.copytree(classifier, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    text = "aspirin for headache was tried in the town of gold. " * 10
    assert load_finder(str(folder)).find([text]) == load_finder(str(classifier)).find([text])


def test_how_sure_a_model_is_of_a_span_is_the_mean_over_its_words():
    tags = TagSequences(["O", "B-X", "I-X"], strict=True)
    logits = np.log(np.array([[0.2, 0.6, 0.2], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]], dtype=np.float32))
    offsets = [[(0, 2), (2, 4), (4, 6)]]
    (span,) = decode_spans("ab cd ", offsets, [[0, 1, 2]], [logits], tags)
    assert span[:3] == (0, 4, "X")
    assert span.score == pytest.approx(0.7)


def test_what_cannot_be_read_is_refused_with_a_remedy(classifier, tmp_path):
    def refused(change):
        folder = tmp_path / "model"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(classifier, folder)
        change(folder)
        with pytest.raises(MateriaError) as caught:
            load_finder(str(folder))
        return str(caught.value)

    def other_kind(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))

    def pickled(folder):
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    def broken(folder):
        (folder / "model.safetensors").write_bytes(b"no weights")

    assert "is a BertModel, not a token classifier" in refused(other_kind)
    assert "pickled ones are not read" in refused(pickled)
    assert "cannot be loaded" in refused(broken)
    assert "vectors of the graph" in refused(lambda folder: (folder / "graph_fusion.json").write_text("{}"))
