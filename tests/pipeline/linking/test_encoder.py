"""Re-ranking by a Hugging Face encoder: a tiny BERT with weights of chance, whose tokenizer knows the names' letters."""

import json
import pickle
import subprocess
import sys
import zlib

import numpy as np
import pytest

from pipeline.errors import MateriaError
from pipeline.linking.encoder import NameEncoder, encoder_features
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import FEATURES, Linker, Query
from pipeline.linking.training import train_linker
from pipeline.vocabularies import load_vocabulary

MEDIC = "D056486||Drug-Induced Liver Injury|Toxic Hepatitis\nD006526||Hepatitis C|Hepatitis C infection\nD006505||Hepatitis|Hepatitides\nD004827||Epilepsy\n"
TEXT = "hepatitis toxica was seen"
QUERY = [Query(0, 16, "hepatitis toxica", "Disease")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A BERT of one layer made from a configuration, and a WordPiece tokenizer trained on the names."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(MEDIC.splitlines(), vocab_size=120, show_progress=False)
    tokenizer.save_model(str(folder))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    (folder / "medic.txt").write_text(MEDIC)
    return LinkingIndex.build(load_vocabulary([str(folder / "medic.txt")], lambda _: None), folder / "index")


def test_vectors_have_length_one_and_do_not_depend_on_their_company(folder):
    encoder = NameEncoder(str(folder))
    assert "[UNK]" not in encoder._tokenizer.tokenize("Hepatitis C")
    texts = ["Hepatitis C", "Epilepsy", "Hepatitis C", "a much longer name of a disease"]
    together = encoder.vectors(texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.array_equal(together[0], together[2])
    alone = pickle.loads(pickle.dumps(encoder)).vectors(["Epilepsy"])
    assert np.allclose(alone[0], together[1], atol=1e-5)
    assert not np.allclose(together[0], together[1], atol=1e-3)


def test_the_folder_says_whether_tokens_are_averaged(folder, tmp_path):
    import shutil

    shutil.copytree(folder, tmp_path / "mean")
    (tmp_path / "mean" / "1_Pooling").mkdir()
    (tmp_path / "mean" / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    first, mean = (NameEncoder(str(path)).vectors(["Hepatitis C"]) for path in (folder, tmp_path / "mean"))
    assert not np.allclose(first, mean, atol=1e-3)


class _ByLetters:
    """Vectors by hand: each text points where its first letter says."""

    def __init__(self):
        self.asked = []

    def vectors(self, texts):
        self.asked += texts
        angle = np.array([{"a": 0.0, "b": 0.5, "z": 1.5}[text[0]] for text in texts])
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_only_unsure_mentions_are_encoded_and_the_nearest_candidate_is_at_zero():
    texts = ["a mention", "a name", "b name", "z name", "a sure mention"]
    encoder = _ByLetters()
    probability = np.array([0.4, 0.3, 0.2, 0.95, 0.01])
    mentions = np.array([0, 0, 0, 1, 1])
    left, right = np.array([0, 0, 0, 4, 4]), np.array([3, 2, 1, 1, 2])
    apart = encoder_features(encoder, probability, mentions, texts=texts, left=left, right=right)
    expected = [1 - np.cos(1.5), 1 - np.cos(0.5), 0, 0, 0]
    assert np.allclose(apart, expected, atol=2e-4)
    assert "a sure mention" not in encoder.asked


def test_an_encoder_moves_probabilities_and_gives_the_same_again(folder, index):
    plain, encoded = Linker(index), Linker.open(index, encoder=str(folder))
    place = list(FEATURES).index("encoded_apart")
    rows = encoded.rows([(TEXT, QUERY)])
    assert (rows.features[:, place] > 0).any()
    assert not plain.rows([(TEXT, QUERY)]).features[:, place].any()
    (before,), (after,) = plain.link(TEXT, QUERY), encoded.link(TEXT, QUERY)
    assert {x.curie for x in before} == {x.curie for x in after}
    assert [x.probability for x in before] != [x.probability for x in after]
    again = pickle.loads(pickle.dumps(encoded))
    assert again.link(TEXT, QUERY)[0] == after


def test_what_an_encoder_is_worth_is_learned_from_mentions(folder, tmp_path):
    # None comes twice, so that none is remembered when its own candidates are weighed.
    mentions = [
        "hepatitis toxica",
        "drug hepatitis",
        "hepatitis C virus",
        "infection hepatitis",
        "injury of liver",
        "epileptic",
    ]
    meant = ["D056486", "D056486", "D006526", "D006526", "D056486", "D004827"]
    rows = [
        f"{n}|t|{text}\n{n}|a|Text.\n{n}\t0\t{len(text)}\t{text}\tDisease\t{identifier}\n"
        for n, (text, identifier) in enumerate(zip(mentions, meant, strict=True), 1)
    ]
    (tmp_path / "train.pubtator").write_text("\n".join(rows))
    (tmp_path / "medic.txt").write_text(MEDIC)
    files = [str(tmp_path / "train.pubtator")], [str(tmp_path / "medic.txt")]
    learned = {}
    for name, encoder in (("plain", None), ("one", str(folder)), ("two", str(folder))):
        train_linker(*files, tmp_path / name, encoder=encoder)
        weights = (tmp_path / name / "weights.json").read_text()
        learned[name] = json.loads(weights)["weights"]["encoded_apart"], zlib.crc32(weights.encode())
    assert learned["plain"][0] == 0
    assert learned["one"][0] != 0
    assert learned["one"] == learned["two"]


def test_a_folder_without_an_encoder_is_one_clear_error(tmp_path, index):
    with pytest.raises(MateriaError, match="no Hugging Face encoder"):
        Linker.open(index, encoder=str(tmp_path))


def test_nothing_heavy_is_imported_unless_it_is_asked_for(index):
    code = (
        "import sys; from pathlib import Path; from pipeline.linking.index import LinkingIndex; "
        "from pipeline.linking.linker import Linker, Query; "
        f"Linker(LinkingIndex.open(Path({str(index.folder)!r}))).link('hepatitis', [Query(0, 9, 'hepatitis')]); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
