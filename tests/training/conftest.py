"""A small corpus that can be learned: drugs that treat or cause diseases, told in several ways."""

import itertools
import random
import re
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from kg.embeddings.encode import encode_triples
from kg.tables import PASSAGES
from training.backbones.config import LANGUAGE_OF, BackboneConfig
from training.backbones.table import make_backbone
from training.config import PretrainingConfig
from training.data.builder import RowBuilder
from training.data.config import TokenizerConfig
from training.data.graph import GraphIndex
from training.data.links import LinkSampler
from training.data.loader import held_out_batches
from training.data.names import EncodedNames
from training.data.shards import Shard, predicates_of, read_texts
from training.data.tokenizers import train_tokenizer
from training.objectives.table import OBJECTIVES

DRUGS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
DISEASES = [
    f"{a} {b}" for a in ("renal", "hepatic", "cardiac", "nasal") for b in ("failure", "fibrosis", "pain", "edema")
]
TOLD = {
    "biolink:treats": ("{s} treats {o}.", "{s} is effective against {o}."),
    "biolink:causes": ("{s} causes {o}.", "{o} was induced by {s}."),
    None: ("{s} was given, and {o} was recorded.", "We measured {o} before {s}."),
}
FILLER = ("The trial was randomized.", "Patients were followed for two years.", "No other events were seen.")


def curie(name):
    return "T:" + name.replace(" ", "_")


def passage(number, split, draw):
    """A passage of three to five sentences, about half of which tell a relation."""
    text, sentences, spans, relations = "", [], [], []
    kinds = [draw.choice(list(TOLD)) for _ in range(draw.randint(2, 3))]
    drug = draw.choice(DRUGS)
    for kind in kinds:
        start = len(text)
        disease = DISEASES[(DRUGS.index(drug) * 3 + list(TOLD).index(kind)) % len(DISEASES)]
        template = draw.choice(TOLD[kind])
        sentence = template.format(s=drug, o=disease)
        places = sorted((sentence.index(name), name) for name in (drug, disease))
        for at, name in places:
            category = "biolink:Drug" if name == drug else "biolink:Disease"
            spans.append(
                {"start": start + at, "end": start + at + len(name), "curie": curie(name), "category": category}
            )
        if kind:
            first = places[0][1] == drug
            subject, target = (len(spans) - 2, len(spans) - 1) if first else (len(spans) - 1, len(spans) - 2)
            relations.append({"subject": subject, "predicate": kind, "object": target, "source": f"e{number}"})
        text += sentence
        sentences.append({"start": start, "end": len(text)})
        text += " "
        start = len(text)
        text += draw.choice(FILLER)
        sentences.append({"start": start, "end": len(text)})
        text += " "
    return {
        "passage_id": f"{split}{number:05}", "kind": "literature", "language": "en", "text": text.rstrip(),
        "sentences": sentences, "spans": spans, "relations": relations, "triple_ids": [], "evidence_ids": [],
        "doc_ids": [f"PMID:{number}"], "belief": None, "split": split,
    }  # fmt: skip


def write_shard(folder, name, rows):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, PASSAGES), path, row_group_size=50)
    return Shard.of(path, folder)


def make_triples():
    rows = []
    for i, drug in enumerate(DRUGS):
        for j, kind in enumerate(("biolink:treats", "biolink:causes")):
            split = "validation" if (i, j) == (3, 0) else "test" if (i, j) == (5, 1) else "train"
            rows.append((curie(drug), kind, curie(DISEASES[(i * 3 + j) % len(DISEASES)]), split))
    names = ("subject", "predicate", "object", "split")
    return pa.table({name: [row[k] for row in rows] for k, name in enumerate(names)})


SPECIALS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
            "mask_token": "[MASK]", "bos_token": "[BOS]", "eos_token": "[EOS]"}  # fmt: skip


def make_tokenizer(words=tuple(f"w{i}" for i in range(43)), **left_out):
    """A tokenizer of whole words with the special tokens of every family; those named are left out."""
    numbers = {word: i for i, word in enumerate([*SPECIALS.values(), *words])}
    backend = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    roles = {role: token for role, token in SPECIALS.items() if role not in left_out}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **roles)


@pytest.fixture(scope="session", name="make_tokenizer")
def _make_tokenizer():
    return make_tokenizer


@pytest.fixture(scope="session", name="write_shard")
def _write_shard():
    return write_shard


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Shards, triples and names."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(7)
    train = [
        write_shard(
            folder, f"split=train/bucket={b}/p.parquet", [passage(100 * b + i, "train", draw) for i in range(60)]
        )
        for b in range(4)
    ]
    validation = [
        write_shard(folder, "split=validation/p.parquet", [passage(i, "validation", draw) for i in range(20)])
    ]
    return SimpleNamespace(
        folder=folder,
        train=train,
        validation=validation,
        triples=make_triples(),
        names={curie(name): name for name in (*DRUGS, *DISEASES)},
    )


@pytest.fixture(scope="session")
def tiny_encoder(corpus, tmp_path_factory):
    """Folder of a BERT of one layer of 32, from new weights, and a tokenizer that knows the words of the corpus and any ASCII."""
    letters = " ".join(map(chr, range(33, 127)))

    def texts():
        yield from read_texts(corpus.train)
        yield from [letters] * 2

    tokenizer = train_tokenizer("bert", texts, TokenizerConfig(vocabulary=400), max_length=128)
    torch.manual_seed(1)
    sizes = BackboneConfig(layers=1, hidden=32, heads=2, feed_forward=64)
    folder = tmp_path_factory.mktemp("tiny") / "encoder"
    make_backbone(sizes, tokenizer, 128).save(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small():
    """A configuration that trains in a second or two."""
    return PretrainingConfig(
        backbone={"layers": 1, "hidden": 48, "heads": 2, "feed_forward": 96},
        tokenizer={"vocabulary": 300},
        data={"max_length": 64, "rows": 8, "triples": 8, "workers": 0},
        trainer={"steps": 20, "tensorboard": False},
    )


def configuration(family, names, schedule=None, **backbone):
    """Tiny sizes; the named objectives at weight 1 and no others."""
    return PretrainingConfig(
        backbone={"family": family, "layers": 1, "hidden": 16, "heads": 2, "feed_forward": 16, **backbone},
        data={"max_length": 96, "rows": 2, "triples": 6, "negatives": 4, "workers": 0},
        objectives={name: {"weight": 1.0 if name in names else 0.0} for name in OBJECTIVES},
        schedule=schedule or {},
        trainer={"steps": 20},
    )


@pytest.fixture(scope="session", name="configuration")
def _configuration():
    return configuration


@pytest.fixture(scope="session")
def material(corpus, make_tokenizer):
    """A tokenizer, a graph, and three steps of batches of each kind of language."""
    words = sorted({word for text in read_texts(corpus.train) for word in re.findall(r"\w+|[^\w\s]", text)})
    tokenizer, triples = make_tokenizer(words), encode_triples(corpus.triples)
    classes, graph = predicates_of(corpus.train), GraphIndex(triples)
    made = {}
    for family in ("bert", "gpt2", "xlnet"):
        language = LANGUAGE_OF[family]
        config = configuration(family, (), {})
        builder = RowBuilder(
            tokenizer, config.data, language=language, classes=classes, graph=graph, has_next=family == "bert"
        )
        batches = list(itertools.islice(held_out_batches(corpus.train, builder, seed=1, passages=40), 3))
        names = EncodedNames(
            [corpus.names[curie] for curie in triples.entities], tokenizer, language=language, length=8
        )
        sampler = LinkSampler(graph, config.data, seed=1, names=names)
        made[language] = [(text, sampler.batch(step)) for step, text in enumerate(batches)]
        assert all(len(text.targets) and len(text.pairs) and len(text.mentions) for text, _ in made[language])
    return SimpleNamespace(tokenizer=tokenizer, triples=triples, classes=["no relation", *classes], batches=made)
