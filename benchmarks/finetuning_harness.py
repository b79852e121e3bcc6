"""What the harness of fine-tuning costs: `finetune` beside plain transformers scripts (plain_finetuning.py) on the same data.

python benchmarks/finetuning_harness.py --model DIR            # DIR: an encoder with its tokenizer, as materia pretrain writes one
python benchmarks/finetuning_harness.py --model DIR --quick    # few documents and epochs, one seed

From random weights (the sizes and the tokenizer of DIR), classification of medical abstracts and entities of BC5CDR: the same rows,
settings and seeds, nothing kept back for validation. Each run in a process of its own, in turn; processor time is of that process,
without its imports.

Entities are decoded in two ways: scripts take the likeliest tag of each piece, `finetune` the likeliest valid tags of whole words. What
is compared are the models: the script's logits are decoded in our way too ("decoded"), and its own figure is shown beside.

Data: MATERIA_DATA.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plain_finetuning import Entity, Window, plain_classification, plain_entities
from random_encoder import encoder_like

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

DATA = Path(os.environ.get("MATERIA_DATA", "../shared/data"))
ABSTRACTS = DATA / "downstream" / "medical_abstracts_5class.csv.gz"
BC5CDR = DATA / "annotated" / "bc5cdr"
SEEDS = (13, 14, 15)


def harness(options: argparse.Namespace) -> None:
    settings = {"epochs": 6 if options.quick else 10, "batch": 16, "learning_rate": 1e-3, "max_length": 128}
    number = 120 if options.quick else options.documents
    with tempfile.TemporaryDirectory(prefix="materia-") as name:
        folder = Path(name)
        model = encoder_like(options.model, folder / "encoder", 1)
        for task, data in (
            ("record_classification", abstracts_in_two(folder, number)),
            ("entity_recognition", entities_in_two(folder, number)),
        ):
            found: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
            for seed in SEEDS[: 1 if options.quick else None]:
                for what, runs in found.items():
                    given = {
                        "task": task,
                        "model": str(model),
                        "data": data,
                        "settings": {**settings, **options.set, "seed": seed},
                    }
                    runs.append(alone(what, given, options.model))
                    print(f"{task} {what} seed {seed}: {runs[-1]}", flush=True)
            for what, runs in found.items():
                print(f"{task:<22} {what:<6} {spread([one['figure'] for one in runs])}, "
                      f"{sum(one['processor_seconds'] for one in runs) / len(runs):,.1f} processor seconds")  # fmt: skip
            if "decoded" in found["plain"][0]:
                print(f"{task:<22} plain, decoded as ours {spread([one['decoded'] for one in found['plain']])}")
            gaps = [
                one["figure"] - other.get("decoded", other["figure"])
                for one, other in zip(*found.values(), strict=True)
            ]
            seconds = [sum(one["processor_seconds"] for one in runs) for runs in found.values()]
            print(f"{task:<22} ours - plain {spread(gaps)}; processor seconds {seconds[0] / seconds[1]:.2f} of plain")


def alone(what: str, given: dict[str, Any], model: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--model", str(model), "--one", what, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(what: str, given: dict[str, Any]) -> dict[str, float]:
    task, model, data, settings = given["task"], Path(given["model"]), given["data"], given["settings"]
    if what == "ours":
        return ours(task, model, data, settings)
    with tempfile.TemporaryDirectory(prefix="materia-") as folder:
        if task == "entity_recognition":
            return plain_entities(model, data, settings, folder, decode=by_valid_tags)
        return plain_classification(model, data, settings, folder)


def by_valid_tags(text: str, windows: Sequence[Window], tags: Sequence[str]) -> set[Entity]:
    """Entities as `finetune` decodes them, from anyone's logits."""
    from pipeline.ner.tag_sequences import TagSequences
    from pipeline.ner.token_classifier import decode_spans
    from pipeline.ner.windows import words_of

    offsets = [places for places, _ in windows]
    words = [words_of(text, places, [start == end for start, end in places]) for places in offsets]
    logits = [scores for _, scores in windows]
    found = decode_spans(text, offsets, words, logits, TagSequences(tuple(tags), strict=True))
    return {(span.start, span.end, span.label) for span in found}


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values) if len(values) > 1 else 0.0:.4f}"


def ours(task: str, model: Path, data: dict[str, str], settings: dict[str, Any]) -> dict[str, float]:
    from training.finetuning.config import FinetuningConfig
    from training.finetuning.finetune import finetune

    files = {part: [path] for part, path in data.items()}
    config = FinetuningConfig.model_validate({"task": task, "data": {**files, "validation_share": 0}, **settings})
    begun = time.process_time()
    report = finetune(config, model=model, out=None)
    return {"figure": report["test"][report["metric"]], "processor_seconds": time.process_time() - begun}


def abstracts_in_two(folder: Path, number: int | None) -> dict[str, str]:
    """The abstracts in two files, by the first word of a hash of their text."""
    from pipeline.hashing import fraction_of

    with gzip.open(ABSTRACTS, "rt", encoding="utf-8", newline="") as stream:
        rows = list({row["medical_abstract"]: row for row in csv.DictReader(stream)}.values())[:number]
    data = {}
    for part in ("train", "test"):
        path = folder / f"abstracts-{part}.csv"
        with path.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["text", "label"])
            for row in rows:
                if (fraction_of("benchmark", row["medical_abstract"]) < 0.2) == (part == "test"):
                    writer.writerow([row["medical_abstract"], row["condition_label"]])
        data[part] = str(path)
    return data


def entities_in_two(folder: Path, number: int | None) -> dict[str, str]:
    data = {}
    for part, name in (("train", "train"), ("test", "dev")):
        blocks = (BC5CDR / f"{name}.pubtator").read_text(encoding="utf-8").strip().split("\n\n")
        path = folder / f"{name}.pubtator"
        path.write_text("\n\n".join(blocks[:number]) + "\n\n", encoding="utf-8")
        data[part] = str(path)
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--documents", type=int, help="at most")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of fine-tuning")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    from pipeline.settings import set_keys

    options.set = set_keys({}, options.set)
    if options.one:
        print(json.dumps(one(options.one[0], json.loads(options.one[1]))))
    else:
        harness(options)


if __name__ == "__main__":
    main()
