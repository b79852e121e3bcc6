import itertools
import json

import pytest
import spacy

from pipeline.errors import MateriaError
from pipeline.finders import FoundSpan, _joined, category_of_label, finder_name, load_finder

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


def test_labels_are_joined_whatever_their_scheme():
    labels = ["O", "B-X", "I-X", "Y", "L-X", "U-X", "B-Y"]
    text = "aa bb cc dd"

    def join(*numbers):
        words = [(3 * place, 3 * place + 2, number, 0.5) for place, number in enumerate(numbers)]
        return [(text[s.start : s.end], s.label) for s in _joined(text, words, labels)]

    assert join(1, 2, 0, 1) == [("aa bb", "X"), ("dd", "X")]
    assert join(1, 1, 2, 4) == [("aa", "X"), ("bb cc dd", "X")]
    assert join(2, 2, 3, 3) == [("aa bb", "X"), ("cc dd", "Y")]
    assert join(5, 2, 6, 2) == [("aa", "X"), ("bb", "X"), ("cc", "Y"), ("dd", "X")]


def test_a_spacy_folder_is_a_recogniser(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CHEMICAL", "pattern": "aspirin"}])
    nlp.to_disk(tmp_path / "ruler")
    finder = load_finder(str(tmp_path / "ruler"))
    assert finder.find(["😀 aspirin e\u0301 aspirin", ""]) == [
        [FoundSpan(2, 9, "CHEMICAL", 1.0), FoundSpan(13, 20, "CHEMICAL", 1.0)],
        [],
    ]


def test_the_name_of_a_model_says_its_content_and_no_path(tmp_path):
    nlp = spacy.blank("en")
    (tmp_path / "other").mkdir()
    nlp.to_disk(tmp_path / "one")
    nlp.to_disk(tmp_path / "other" / "one")
    assert finder_name(str(tmp_path / "one")) == finder_name(str(tmp_path / "other" / "one"))
    assert "/" not in finder_name(str(tmp_path / "one"))
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "one")
    assert finder_name(str(tmp_path / "one")) != finder_name(str(tmp_path / "other" / "one"))


def test_what_is_no_recogniser_is_said_in_one_sentence(tmp_path, classifier):
    with pytest.raises(MateriaError, match="no such folder, nor an installed model"):
        load_finder("en_no_such_model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MateriaError, match="empty one"):
        load_finder(str(tmp_path / "empty"))
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("notes")
    with pytest.raises(MateriaError, match="holds no model"):
        load_finder(str(tmp_path / "text"))
    (tmp_path / "text" / "meta.json").write_text("{")
    with pytest.raises(MateriaError, match="cannot be loaded"):
        load_finder(str(tmp_path / "text"))
    config = json.loads((classifier / "config.json").read_text())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    with pytest.raises(MateriaError, match="is a BertModel, not a token classifier"):
        load_finder(str(tmp_path / "other"))


def test_labels_of_models_stand_for_classes():
    labels = ["CHEMICAL", "Disease", "DiseaseOrPhenotypicFeature", "GeneOrGeneProduct", "brand", "ENTITY", "CellLine"]
    assert [category_of_label(label).removeprefix("biolink:") for label in labels] == [
        "ChemicalEntity",
        "Disease",
        "DiseaseOrPhenotypicFeature",
        "Gene",
        "ChemicalEntity",
        "NamedThing",
        "CellLine",
    ]
