"""Does the graph help, on real papers? Builds a home, trains the arms, judges them, and writes `docs/results.md` with its plots.

    python benchmarks/results.py FOLDER [--pages docs] [--longer 3] [--workers 15]

MATERIA_DATA names the data sets. FOLDER takes the home, the models and the outcomes (2 GiB); what is there already is not made again, so a
run that was broken off goes on. The first run takes about three hours on two cores, and three more with --longer 4:
`materia ablate --dry-run` says how long.

Beside the seven arms are two remedies for a probe that gains nothing over a blind one: four times as much told, and triples of what
a step mentions. --longer is a third: `text`, `all` and `all_shuffled` with so many times the steps (`results_remedies.py`).

A tenth of the pairs of entities is held out here, where a home holds out a fiftieth: the intervals are over the questions about
them. The test sets of all tasks are kept out of the corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import yaml
from results_remedies import longer_section, told_section

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
#: Training triples that are asked about, to see what an encoder knows of what it was told; and the arms that are asked. Not the
#: shuffled one: `materia evaluate model` refuses it, as a few of its wrong facts entail held-out ones by chance.
TOLD: Final = {"split": "train", "phrasings": 1, "questions": 500}
ASKED: Final = ("text", "all", "all@1.0", "all_mentioned")


def data(*names: str) -> list[str]:
    """Data sets by their paths."""
    return [str(DATA / name) for name in names]


def settings(longer: int) -> dict[str, Any]:
    """The files of settings, by name; `longer.yaml` has so many times the steps."""
    task = {"max_length": 128, "learning_rate": 1e-3}
    steps = 2000

    def ablation(steps: int, **changed: Any) -> dict[str, Any]:
        trainer = {"steps": steps, "checkpoint_every": 200, "tensorboard": False}
        pretraining = {
            "backbone": {"layers": 2, "hidden": 128},
            "data": {"workers": 0, "max_length": 128, "rows": 16},
            "objectives": {"link_prediction": {"weight": 1.0}, "link_prediction_table": {"weight": 0.0}},
            "trainer": trainer,
        }
        return {"seeds": [13, 14, 15], "ratio": 0.25, "pretraining": pretraining, **changed}

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
                    # Of 500 questions 55 say maybe: balanced, these count five times, and accuracy falls below the commonest answer.
                    "epochs": 3,
                },
                "hallmarks": {
                    "task": "record_classification",
                    "data": {"train": data("downstream/hoc.tgz"), "test_share": 0.3},
                    **task,
                    # Ten labels, each of 1 abstract in 4 to 18: unweighted, none is ever likelier than not in so few steps.
                    "class_weights": "balanced",
                    "epochs": 8,
                },
                "transcriptions": {
                    "task": "record_classification",
                    "data": {"train": data("downstream/mtsamples.csv.gz"), "test_share": 0.4},
                    **task,
                    "epochs": 4,
                },
            },
        },
        "ablation.yaml": ablation(
            steps,
            arms=[
                "untrained",
                "text",
                "verbalized",
                "links",
                "relations",
                "all",
                "all_shuffled",
                "all@1.0",
                "all_mentioned",
            ],
            suite="suite.yaml",
            task_arms=["untrained", "text", "all", "all_shuffled"],
        ),
        "told.yaml": {"probing": TOLD, "link_probe": None, "perplexity": None},
        "longer.yaml": ablation(longer * steps, arms=["text", "all", "all_shuffled"]),
    }


def materia(*words: str, folder: Path) -> str:
    """Run a command, and stop where it fails; what it printed."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        [*MATERIA, *words], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def ablate(name: str, folder: Path) -> dict[str, Any]:
    """Train and judge what `NAME.yaml` asks for; plan, models by arm and seed, and what results.json holds."""
    words = ["--home", "home", "--config", f"{name}.yaml", "--out", name, "--json"]
    return dict(json.loads(materia("ablate", *words, folder=folder)))


def ask_what_was_told(found: dict[str, Any], arms: Sequence[str], folder: Path, at_once: int) -> dict[str, list[Path]]:
    """Probe the models of an ablation about training triples; folders of evaluations by arm."""
    asked: dict[str, list[Path]] = {arm: [] for arm in arms}
    jobs = []
    for name, model in found["models"].items():
        arm = name.split()[0]
        if arm in asked:
            out = folder / "told" / Path(model).name
            asked[arm].append(out)
            words = ["--suite", "told.yaml", "--home", "home", "--out", str(out), "--json"]
            jobs.append(("evaluate", "model", model, *words))
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(lambda words: materia(*words, folder=folder), jobs))
    return asked


def main() -> None:
    """Make what is missing, and write the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--pages", type=Path, default=ROOT / "docs", help="where results.md and its plots go")
    options.add_argument(
        "--longer", type=int, metavar="TIMES", help="train text, all and all_shuffled with more steps too"
    )
    options.add_argument(
        "--workers", type=int, default=0, help="trainings at once (default: one a core, or one where there is a GPU)"
    )
    given = options.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    files = settings(given.longer or 1)
    for name in ("ablation.yaml", "longer.yaml"):
        files[name]["workers"] = given.workers
    for name, values in files.items():
        (folder / name).write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    sources = ["--literature", *data(*LITERATURE), "--vocabulary", *data(*VOCABULARIES), "--config", "materia.yaml"]
    materia("build", "--home", "home", *sources, "--until", "corpus", folder=folder)
    at_once = given.workers or 1
    asked = ask_what_was_told(ablate("ablation", folder), ASKED, folder, at_once)
    also = ""
    sections = [told_section(asked, TOLD["questions"])]
    if given.longer:
        longer = ablate("longer", folder)
        steps = files["longer.yaml"]["pretraining"]["trainer"]["steps"]
        also = f" With {steps:,} steps, [below](#more-steps): {longer['summary'][0].lower()}{longer['summary'][1:]}"
        sections += [longer_section(longer, ask_what_was_told(longer, ["text", "all"], folder, at_once))]
    said = "".join(f" --{name} {value}" for name in ("longer", "workers") if (value := getattr(given, name)))
    made = f"Made by `python benchmarks/results.py FOLDER{said}`.\n"
    page = (folder / "ablation" / "results.md").read_text(encoding="utf-8")
    page = (
        page.replace("\n\n- **", f"{also}\n\n- **", 1)
        .replace("\n\n", f"\n\n{made}\n", 1)
        .replace("(differences.png)", "(results-differences.png)")
    )
    page = page.replace("\n## Is the control", "\n" + "\n".join(sections) + "\n## Is the control", 1)
    (given.pages / "results.md").write_text(page, encoding="utf-8")
    shutil.copy(folder / "ablation" / "results.png", given.pages / "results.png")
    shutil.copy(folder / "ablation" / "differences.png", given.pages / "results-differences.png")


if __name__ == "__main__":
    main()
