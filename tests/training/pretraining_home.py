"""A home with a small corpus and graph, as far as `materia pretrain` reads one; and the command in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from assets.home import open_home
from kg.corpus import SHARDS
from kg.tables import PASSAGES, TRIPLES
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY

#: Small enough for a second or two, with all that could go wrong: dropout, packing, two workers, four objectives.
SMALL = {
    "backbone": {"layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64, "dropout": 0.1},
    "tokenizer": {"vocabulary": 300},
    "data": {"max_length": 48, "rows": 4, "window": 64, "workers": 2, "triples": 8},
    "objectives": {"link_prediction": {"weight": 0.5}},
    "trainer": {"steps": 24, "checkpoint_every": 5, "log_every": 2, "tensorboard": False},
}


def make_home(folder: Path, passages, triples, names):
    """Shards by split and bucket, triples in one bucket, a vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    home = open_home(str(folder)).configure()
    for key in home.buckets:
        rows = [row for number, row in enumerate(passages) if number % len(home.buckets) == int(key)]
        with Dataset(folder, SHARDS).writer(key) as writer:
            for split in ("train", "validation"):
                table = pa.Table.from_pylist([row for row in rows if row["split"] == split], PASSAGES)
                writer.table(f"split={split}/bucket={key}/passages.parquet", PASSAGES).write(table)
            writer.commit(skip_key="k", code_version="1", inputs={})
        part = triples if key == home.buckets[0] else triples[:0]
        with Dataset(folder, "triples").writer(key) as writer:
            writer.table(f"{key}/triples.parquet", TRIPLES).write(pa.Table.from_pylist(part, TRIPLES))
            writer.commit(skip_key="k", code_version="1", inputs={})
    concepts = [
        {"curie": c, "name": name, "category": "biolink:Disease" if " " in name else "biolink:Drug"}
        for c, name in sorted(names.items())
    ]
    with Dataset(folder, "vocabulary").writer() as writer:
        writer.table("vocabulary.parquet", VOCABULARY).write(pa.Table.from_pylist(concepts, VOCABULARY))
        writer.commit(skip_key="k", code_version="1", inputs={})
    with Dataset(folder, "corpus").writer() as writer:
        writer.commit(skip_key="k", code_version="1", inputs={})
    return folder


def arguments(home, out, *words, settings=SMALL):
    """The words of `materia pretrain`."""
    file = home / "settings.json"
    file.write_text(json.dumps(settings))
    return [str(word) for word in ("pretrain", "--home", home, "--config", file, "--out", out, *words)]


def command(home, out, *words, settings=SMALL, **popen):
    """`materia pretrain` on its way, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments(home, out, *words, settings=settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        **popen,
    )
