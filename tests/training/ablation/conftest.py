"""A tiny world in which the graph helps by construction: what a drug treats shows in its name, and only told facts say so.

Six families of eight drugs treat two diseases each. Most of these claims are told; the others can be answered from the family. The
literature names drugs and diseases, and nothing that links them.
"""

import random
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.claims import triple_id
from kg.config import CorpusConfig
from kg.tables import PASSAGES, TRIPLES
from kg.verbalize import verbalize
from pipeline.tables import VOCABULARY
from training.data.shards import Shard
from training.sources import Sources

FAMILIES = ("vastatin", "mycin", "dipine", "azole", "sartan", "gliptin")
MEMBERS = ("alba", "bora", "cida", "dona", "elba", "fira", "gola", "hida")
DISEASES = ("fever", "gout", "asthma", "anemia", "angina", "measles", "sepsis", "rickets", "scurvy", "croup", "ulcer", "mumps")
TOLD = ("{drug} was kept in a dry room.", "We bought {drug} in spring.", "Nine patients had {disease}.", "The ward saw {disease} twice.")


def _triple(subject, predicate, object_, split):
    row = dict.fromkeys(TRIPLES.names) | {
        "triple_id": triple_id(subject, predicate, object_), "subject": subject, "predicate": predicate, "object": object_,
        "subject_category": "biolink:Drug", "object_category": "biolink:Disease", "belief": 0.95, "support": 0.95,
        "contradiction": 0.0, "contested": False, "evidence_ids": [], "doc_ids": [], "split": split,
    }  # fmt: skip
    return row


def _literature(number, draw, names):
    spans, sentences, text = [], [], ""
    for _ in range(3):
        drug, disease = (draw.choice([c for c in names if c.startswith(kind)]) for kind in ("DRUG", "DIS"))
        sentence = draw.choice(TOLD)
        curie, category = (drug, "biolink:Drug") if "{drug}" in sentence else (disease, "biolink:Disease")
        start = len(text)
        at = start + sentence.index("{")
        text += sentence.format(drug=names[drug], disease=names[disease])
        spans.append({"start": at, "end": at + len(names[curie]), "curie": curie, "category": category})
        sentences.append({"start": start, "end": len(text)})
        text += " "
    return dict.fromkeys(PASSAGES.names) | {
        "passage_id": f"{number:064x}", "kind": "literature", "language": "en", "text": text.rstrip(), "sentences": sentences,
        "spans": spans, "relations": [], "triple_ids": [], "evidence_ids": [], "doc_ids": [f"PMID:{number}"], "form": "text",
    }  # fmt: skip


def make_world(folder):
    """Sources: shards of all splits, triples, names."""
    draw = random.Random(5)
    drugs = {f"DRUG:{f}{m}": f"{member} {family}" for f, family in enumerate(FAMILIES) for m, member in enumerate(MEMBERS)}
    names = drugs | {f"DIS:{i:02}": name for i, name in enumerate(DISEASES)}
    rows = []
    for drug in drugs:
        family = int(drug[5])
        for place in draw.sample([0, 1], 2):
            split = "test" if place and draw.random() < 0.6 else "train"
            rows.append(_triple(drug, "biolink:treats", f"DIS:{2 * family + place:02}", split))
    triples = pa.Table.from_pylist(sorted(rows, key=lambda row: row["triple_id"]), TRIPLES)
    train = triples.filter(pa.array([row["split"] == "train" for row in triples.to_pylist()]))
    concepts = pa.Table.from_pylist(
        [{"curie": c, "name": n, "synonyms": [], "category": "biolink:NamedThing"} for c, n in sorted(names.items())], VOCABULARY
    )
    told = verbalize(train, concepts, CorpusConfig()).to_pylist()
    parts = {
        "train": [*[_literature(n, draw, names) for n in range(120)], *told],
        "validation": [_literature(1000 + n, draw, names) for n in range(10)],
        "test": [_literature(2000 + n, draw, names) for n in range(10)],
    }
    shards = {}
    for split, passages in parts.items():
        path = folder / f"split={split}" / "passages.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([row | {"split": split} for row in passages], PASSAGES), path)
        shards[split] = [Shard.of(path, folder)]
    return Sources(shards["train"], shards["validation"], triples, names, test=shards["test"])


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def settings():
    """Of an ablation that takes seconds."""
    return SimpleNamespace(
        pretraining={
            "backbone": {"layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64},
            "tokenizer": {"vocabulary": 400},
            "data": {"max_length": 32, "rows": 16, "window": 256, "workers": 0, "triples": 16, "mask": 0.3},
            "objectives": {"link_prediction": {"weight": 1.0}, "link_prediction_table": {"weight": 0.0}, "relation_classification": {"weight": 1.0}},
            "trainer": {"steps": 400, "learning_rate": 5e-3, "tensorboard": False, "checkpoint_every": 50},
            "evaluation": {"passages": 8, "entities": 100},
        }
    )
