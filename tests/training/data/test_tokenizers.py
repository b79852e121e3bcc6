"""The tokenizer: the same bytes in every process, BERT's layout, and clear refusals."""

import hashlib
import random
import subprocess
import sys

import pytest
from transformers import AutoTokenizer

from pipeline.errors import MateriaError
from training.data.tokenizers.wordpiece import SPECIAL_TOKENS, train_tokenizer


def texts():
    """Random words over few letters, so that many merges tie: where an order by hash map would show."""
    draw = random.Random(3)
    return [" ".join("".join(draw.choices("abcdefgh", k=draw.randint(2, 6))) for _ in range(20)) for _ in range(200)]


def fingerprint(folder):
    train_tokenizer(texts, vocabulary=400, alphabet=100, max_length=64).save_pretrained(folder)
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_training_twice_gives_the_same_bytes_also_in_a_new_process(tmp_path):
    """The mistake guarded against: the library numbers "##c" by a hash map with a random seed, another in each process."""
    program = (
        "import importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('t', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "print(module.fingerprint(pathlib.Path(sys.argv[2])))"
    )
    here = fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "b") == here
    there = subprocess.run(
        [sys.executable, "-c", program, __file__, str(tmp_path / "c")], capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == str(here)


def test_auto_tokenizer_reads_it_as_bert(tmp_path):
    corpus = ["Metformin treats type 2 diabetes.", "Aspirin does not treat diabetes."] * 3
    train_tokenizer(lambda: corpus, vocabulary=120, alphabet=50, max_length=32).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.convert_ids_to_tokens(range(5)) == list(SPECIAL_TOKENS)
    assert (tokenizer.model_max_length, tokenizer.mask_token, tokenizer.pad_token_id) == (32, "[MASK]", 0)
    encoded = tokenizer("METFORMIN treats", "diabetes")
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]" and tokens.count("[SEP]") == 2 and "[UNK]" not in tokens
    assert encoded["token_type_ids"][0] == 0 and encoded["token_type_ids"][-1] == 1
    assert tokenizer.decode(encoded["input_ids"], skip_special_tokens=True) == "metformin treats diabetes"


def test_pieces_of_the_alphabet_are_no_special_tokens():
    tokenizer = train_tokenizer(lambda: ["abc abd"], vocabulary=100, alphabet=50, max_length=16)
    assert set(tokenizer.all_special_tokens) == set(SPECIAL_TOKENS)
    assert tokenizer.tokenize("cab") == ["c", "##a", "##b"]


def test_rare_characters_beyond_the_alphabet_are_unknown():
    tokenizer = train_tokenizer(lambda: ["aaa bbb aaa bbb", "x"], vocabulary=100, alphabet=3, max_length=16)
    assert tokenizer.tokenize("x aaa") == ["[UNK]", "aaa"]


def test_nothing_to_train_on_and_no_room_are_clear_sentences():
    with pytest.raises(MateriaError, match="no text to train a tokenizer on"):
        train_tokenizer(list, vocabulary=100, alphabet=50, max_length=16)
    with pytest.raises(MateriaError, match=r"cannot hold an alphabet of 26 characters.*Set vocabulary to more than"):
        train_tokenizer(lambda: ["abcdefghijklmnopqrstuvwxyz"], vocabulary=50, alphabet=50, max_length=16)
