"""A tiny world in which the graph helps by construction: what a drug treats shows in its name, and only told facts say so.

Six families of eight drugs treat two diseases each. Most of these claims are told; the others can be answered from the family. The
literature names drugs and diseases, and nothing that links them.
"""

import random

import pyarrow as pa
import pyarrow.parquet as pq

from kg.claims import triple_id
from kg.config import CorpusConfig
from kg.tables import PASSAGES, TRIPLES
from kg.verbalize import verbalize
from pipeline.tables import VOCABULARY
from training.data.shards import Shard
from training.sources import Sources

FAMILIES = ("vastatin", "mycin", "dipine", "azole", "sartan", "gliptin")
MEMBERS = ("alba", "bora", "cida", "dona", "elba", "fira", "gola", "hida")
DISEASES = (
    "fever",
    "gout",
    "asthma",
    "anemia",
    "angina",
    "measles",
    "sepsis",
    "rickets",
    "scurvy",
    "croup",
    "eczema",
    "mumps",
)
TOLD = (
    "{drug} was kept in a dry room.",
    "We bought {drug} in spring.",
    "Nine patients had {disease}.",
    "The ward saw {disease} twice.",
)


def _triple(subject, predicate, object_, split):
    return dict.fromkeys(TRIPLES.names) | {
        "triple_id": triple_id(subject, predicate, object_), "subject": subject, "predicate": predicate, "object": object_,
        "subject_category": "biolink:Drug", "object_category": "biolink:Disease", "belief": 0.95, "support": 0.95,
        "contradiction": 0.0, "contested": False, "evidence_ids": [], "doc_ids": [], "split": split,
    }  # fmt: skip


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


def make_rows():
    """Passages of all splits, triples, and names by CURIE."""
    draw = random.Random(5)
    drugs = {
        f"DRUG:{f}{m}": f"{member} {family}" for f, family in enumerate(FAMILIES) for m, member in enumerate(MEMBERS)
    }
    names = drugs | {f"DIS:{i:02}": name for i, name in enumerate(DISEASES)}
    rows = []
    for drug in drugs:
        family = int(drug[5])
        for place in draw.sample([0, 1], 2):
            split = "test" if place and draw.random() < 0.6 else "train"
            rows.append(_triple(drug, "biolink:treats", f"DIS:{2 * family + place:02}", split))
    rows.sort(key=lambda row: row["triple_id"])
    train = pa.Table.from_pylist([row for row in rows if row["split"] == "train"], TRIPLES)
    concepts = [
        {"curie": c, "name": n, "synonyms": [], "category": "biolink:NamedThing"} for c, n in sorted(names.items())
    ]
    told = verbalize(train, pa.Table.from_pylist(concepts, VOCABULARY), CorpusConfig()).to_pylist()
    literature = {
        split: [_literature(first + n, draw, names) for n in range(count)]
        for split, first, count in (("train", 0, 120), ("validation", 1000, 10), ("test", 2000, 10))
    }
    literature["train"] += told
    return [row | {"split": split} for split, some in literature.items() for row in some], rows, names


def make_world(folder):
    """The same as sources of an ablation, with a shard for each split."""
    passages, triples, names = make_rows()
    shards = {}
    for split in ("train", "validation", "test"):
        path = folder / f"split={split}" / "passages.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([row for row in passages if row["split"] == split], PASSAGES), path)
        shards[split] = [Shard.of(path, folder)]
    return Sources(
        shards["train"], shards["validation"], pa.Table.from_pylist(triples, TRIPLES), names, test=shards["test"]
    )
