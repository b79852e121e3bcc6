"""Does the graph help, on real papers? Builds a home, trains the arms, judges them, and writes `docs/results.md` with its plots.

    python benchmarks/results.py FOLDER [--pages docs]

MATERIA_DATA names the data sets. FOLDER takes the home, the models and the outcomes (2 GiB); what is there already is not made again, so a
run that was broken off goes on. The first run takes about two hours on two cores: `materia ablate --dry-run` says how long.

A tenth of the pairs of entities is held out here, where a home holds out a fiftieth: the intervals are over the questions about
them. The test sets of all tasks are kept out of the corpus.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MATERIA_DATA", ROOT.parent / "shared" / "data"))
MATERIA = [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"]
LITERATURE = ("literature/cohen2006.jsonl.gz", "literature/pubmed", "literature/jats")
VOCABULARIES = (
    "vocabulary/doid_2016-03-04.obo.gz",
    "vocabulary/hp_2013-11-30.obo.gz",
    "vocabulary/medic_2012-07-06.txt.gz",
    "vocabulary/mesh_names.tsv.gz",
    "vocabulary/RXNORM.csv.gz",
)
TESTS = (
    "annotated/bc5cdr/dev.pubtator",
    "annotated/chemprot_sentences/dev.jsonl.gz",
    "downstream/pubmedqa_train.json.gz",
    "downstream/hoc.tgz",
    "downstream/mtsamples.csv.gz",
    "downstream/medical_abstracts_5class.csv.gz",
)


def data(*names: str) -> list[str]:
    """Data sets by their paths."""
    return [str(DATA / name) for name in names]


def settings() -> dict[str, Any]:
    """The files of settings, by name."""
    task = {"max_length": 128, "learning_rate": 1e-3}
    return {
        "materia.yaml": {
            "buckets": 16,
            "splits": {"validation": 0.02, "test": 0.08},
            "corpus": {"test_documents": data(*TESTS)},
        },
        "suite.yaml": {
            "seeds": [13],
            "tasks": {
                "chemprot": {
                    "task": "relation_extraction",
                    "data": {
                        "train": data("annotated/chemprot_sentences/train.jsonl.gz"),
                        "test": data("annotated/chemprot_sentences/dev.jsonl.gz"),
                    },
                    **task,
                    "epochs": 3,
                },
                "bc5cdr_entities": {
                    "task": "entity_recognition",
                    "data": {
                        "train": data("annotated/bc5cdr/train.pubtator"),
                        "test": data("annotated/bc5cdr/dev.pubtator"),
                        "validation_share": 0.0,
                    },
                    **task,
                    "epochs": 5,
                },
                "pubmedqa": {
                    "task": "question_answering",
                    "data": {"train": data("downstream/pubmedqa_train.json.gz"), "test_share": 0.4},
                    **task,
                    "class_weights": "balanced",
                    "epochs": 3,
                },
                "hallmarks": {
                    "task": "record_classification",
                    "data": {"train": data("downstream/hoc.tgz"), "test_share": 0.3},
                    **task,
                    "epochs": 3,
                },
                "transcriptions": {
                    "task": "record_classification",
                    "data": {"train": data("downstream/mtsamples.csv.gz"), "test_share": 0.4},
                    **task,
                    "epochs": 4,
                },
            },
        },
        "ablation.yaml": {
            "arms": ["untrained", "text", "verbalized", "links", "relations", "all", "all_shuffled"],
            "seeds": [13, 14, 15],
            "ratio": 0.25,
            "suite": "suite.yaml",
            "task_arms": ["untrained", "text", "all", "all_shuffled"],
            "pretraining": {
                "backbone": {"layers": 2, "hidden": 128},
                "data": {"workers": 0, "max_length": 128, "rows": 16},
                "objectives": {"link_prediction": {"weight": 1.0}, "link_prediction_table": {"weight": 0.0}},
                "trainer": {"steps": 2000, "checkpoint_every": 200, "tensorboard": False},
            },
        },
    }


def materia(*words: str, folder: Path) -> None:
    """Run a command, and stop where it fails."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    code = subprocess.run([*MATERIA, *words], cwd=folder, env=os.environ | {"PYTHONPATH": path}, check=False).returncode
    if code:
        sys.exit(code)


def main() -> None:
    """Make what is missing, and write the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--pages", type=Path, default=ROOT / "docs", help="where results.md and its plots go")
    given = options.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in settings().items():
        (folder / name).write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    sources = ["--literature", *data(*LITERATURE), "--vocabulary", *data(*VOCABULARIES), "--config", "materia.yaml"]
    materia("build", "--home", "home", *sources, "--until", "corpus", folder=folder)
    materia("ablate", "--home", "home", "--config", "ablation.yaml", "--out", "ablation", folder=folder)
    page = (folder / "ablation" / "results.md").read_text(encoding="utf-8")
    made = "Made by `python benchmarks/results.py FOLDER`.\n"
    page = page.replace("\n\n", f"\n\n{made}\n", 1).replace("(differences.png)", "(results-differences.png)")
    (given.pages / "results.md").write_text(page, encoding="utf-8")
    shutil.copy(folder / "ablation" / "results.png", given.pages / "results.png")
    shutil.copy(folder / "ablation" / "differences.png", given.pages / "results-differences.png")


if __name__ == "__main__":
    main()
