"""A graph in which some models know who treats what: told to one in training, kept from another that read as much."""

import random
import re
from operator import ne
from types import SimpleNamespace

import pyarrow as pa
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

SUBJECTS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
OBJECTS = [f"{a} {b}" for a in ("renal", "hepatic", "cardiac", "nasal") for b in ("failure", "fibrosis", "pain")]
TREATS = "biolink:treats"


def curie(name):
    return "T:" + name.replace(" ", "_")


@pytest.fixture(scope="session")
def graph():
    """Each of 20 drugs treats one of 12 diseases; all of it is of the test split but the first five."""
    draw = random.Random(3)
    treats = {drug: draw.choice(OBJECTS) for drug in SUBJECTS}
    triples = pa.table(
        {
            "subject": [curie(drug) for drug in treats],
            "predicate": [TREATS] * len(treats),
            "object": [curie(disease) for disease in treats.values()],
            "split": ["train" if number < 5 else "test" for number in range(len(treats))],
        }
    )
    return SimpleNamespace(triples=triples, treats=treats, names={curie(name): name for name in (*SUBJECTS, *OBJECTS)})


@pytest.fixture(scope="session")
def models(graph, make_tokenizer, tmp_path_factory):
    """Two masked models of one layer: `told` read who treats what, `untold` the same sentences, no drug with what it treats."""
    draw = random.Random(8)
    words = sorted({w for name in (*map(str.capitalize, SUBJECTS), *OBJECTS, "treats .") for w in name.split()})
    tokenizer = make_tokenizer(words)
    diseases = list(graph.treats.values())
    order = next(o for o in iter(lambda: draw.sample(diseases, len(diseases)), None) if all(map(ne, o, diseases)))
    shuffled = dict(zip(graph.treats, order, strict=True))
    folders = {}
    for name, treats in (("told", graph.treats), ("untold", shuffled)):
        folders[name] = folder = tmp_path_factory.mktemp("models") / name
        learned(tokenizer, [f"{s.capitalize()} treats {o} ." for s, o in treats.items()]).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return SimpleNamespace(**folders)


@pytest.fixture(scope="session")
def causal_models(graph, make_tokenizer, tmp_path_factory):
    """As `models`, of one layer of GPT-2; both read each drug and each disease as often."""
    words = sorted({w for name in (*map(str.capitalize, SUBJECTS), *OBJECTS, "treats .") for w in name.split()})
    tokenizer = make_tokenizer(words)
    diseases = list(graph.treats.values())
    draw = random.Random(8)
    order = next(o for o in iter(lambda: draw.sample(diseases, len(diseases)), None) if all(map(ne, o, diseases)))
    folders = {}
    for name, treated in (("told", diseases), ("untold", order)):
        folders[name] = folder = tmp_path_factory.mktemp("causal") / name
        sentences = [f"{s.capitalize()} treats {o} ." for s, o in zip(graph.treats, treated, strict=True)]
        learned_causal(tokenizer, sentences).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return SimpleNamespace(**folders)


def rows_of(tokenizer, sentences, before, after):
    """Numbers of the words of sentences of one length, between two special tokens."""
    return torch.tensor([[before, *tokenizer.convert_tokens_to_ids(re.findall(r"\S+", s)), after] for s in sentences])


def learned_causal(tokenizer, sentences, steps=250):
    """A model that learned sentences by heart, from left to right."""
    torch.manual_seed(1)
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=2, n_positions=32, bos_token_id=begin, eos_token_id=end,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.1,
        )
    )  # fmt: skip
    ids = rows_of(tokenizer, sentences, begin, end)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    return model.eval()


def learned(tokenizer, sentences, steps=250):
    """A model that learned sentences by heart, with either end of them masked."""
    torch.manual_seed(1)
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
            max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            initializer_range=0.1, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip
    ids = rows_of(tokenizer, sentences, tokenizer.cls_token_id, tokenizer.sep_token_id)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(steps):
        masked, labels = ids.clone(), torch.full_like(ids, -100)
        places = slice(3, 5) if step % 2 else slice(1, 2)
        labels[:, places] = ids[:, places]
        masked[:, places] = tokenizer.mask_token_id
        loss = model(input_ids=masked, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
