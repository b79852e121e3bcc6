"""Tokenizers of every family: the same bytes in every process, the layout of the family, and clear refusals."""

import hashlib
import random
import subprocess
import sys

import pytest
from transformers import AutoTokenizer

from pipeline.errors import MateriaError
from training.data.config import TokenizerConfig
from training.data.tokenizers import TOKENIZERS, load_tokenizer, train_tokenizer

SMALL = TokenizerConfig(vocabulary=400, alphabet=100)
TEXTS = ["Metformin treats type 2 diabetes.", "Aspirin does not treat diabetes: β-cells."] * 3


def texts():
    """Random words over few letters, so that many merges tie: where an order by hash map would show."""
    draw = random.Random(3)
    return [" ".join("".join(draw.choices("abcdefgh", k=draw.randint(2, 6))) for _ in range(20)) for _ in range(200)]


def fingerprint(folder):
    found = {}
    for family in TOKENIZERS:
        train_tokenizer(family, texts, SMALL, max_length=64).save_pretrained(folder / family)
        found |= {
            f"{family}/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted((folder / family).iterdir())
        }
    return found


def test_training_twice_gives_the_same_bytes_also_in_a_new_process(tmp_path):
    """The mistake guarded against: the library numbers pieces by a hash map with a random seed, another in each process."""
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


@pytest.mark.parametrize("family", sorted(TOKENIZERS))
def test_a_folder_is_read_back_as_the_family_and_loses_no_text(family, tmp_path):
    made = train_tokenizer(family, lambda: TEXTS, SMALL, max_length=32)
    made.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert type(tokenizer) is type(made) and tokenizer.model_max_length == 32 and len(tokenizer) <= 400
    said = "metformin does not treat diabetes" if family == "bert" else "Metformin does not treat diabetes"
    ids = tokenizer(said)["input_ids"]
    assert ids == made(said)["input_ids"] and tokenizer.decode(ids, skip_special_tokens=True).strip() == said


@pytest.mark.parametrize(
    ("family", "first", "last"),
    [("bert", "[CLS]", "[SEP]"), ("gpt2", None, None), ("llama", "<|begin_of_text|>", None), ("xlnet", None, "<cls>")],
)
def test_special_tokens_are_those_of_the_family(family, first, last):
    tokenizer = train_tokenizer(family, lambda: TEXTS, SMALL, max_length=32)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("diabetes")["input_ids"])
    special = set(tokenizer.all_special_tokens)
    assert (tokens[0] if tokens[0] in special else None) == first
    assert (tokens[-1] if tokens[-1] in special else None) == last


def test_pieces_of_the_alphabet_are_no_special_tokens():
    tokenizer = train_tokenizer(
        "bert", lambda: ["abc abd"], TokenizerConfig(vocabulary=100, alphabet=50), max_length=16
    )
    assert len(tokenizer.all_special_tokens) == 5 and tokenizer.tokenize("cab") == ["c", "##a", "##b"]


def test_rare_characters_beyond_the_alphabet_are_unknown_and_bytes_never_are():
    many = [" ".join(chr(0x4E00 + n) for n in range(30)) + " aaa bbb" * 40]
    config = TokenizerConfig(vocabulary=300, alphabet=26)
    for family in ("bert", "xlnet"):
        tokenizer = train_tokenizer(family, lambda: [*many, "龥"], config, max_length=16)
        unknown = tokenizer.unk_token_id
        assert unknown in tokenizer("龥")["input_ids"] and unknown not in tokenizer("aaa")["input_ids"]
    tokenizer = train_tokenizer("gpt2", lambda: many, config, max_length=16)
    assert tokenizer.decode(tokenizer("Ж 𝜷")["input_ids"]) == "Ж 𝜷"


@pytest.mark.parametrize("family", sorted(TOKENIZERS))
def test_nothing_to_train_on_and_no_room_are_clear_sentences(family):
    with pytest.raises(MateriaError, match="no text to train a tokenizer on"):
        train_tokenizer(family, list, SMALL, max_length=16)
    letters = " ".join(chr(0x4E00 + n) for n in range(200))
    with pytest.raises(MateriaError, match=r"a vocabulary of 100 cannot hold .*Set tokenizer.vocabulary to"):
        train_tokenizer(family, lambda: [letters], TokenizerConfig(vocabulary=100), max_length=16)


def test_a_folder_without_a_tokenizer_is_a_clear_sentence(tmp_path):
    with pytest.raises(MateriaError, match="holds no tokenizer that can be read"):
        load_tokenizer(str(tmp_path))
