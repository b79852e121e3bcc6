"""Fine-tuning beside a plain transformers script, and beside a linear model over TF-IDF.

python benchmarks/finetuning.py harness --model DIR            # DIR: an encoder with its tokenizer, as materia pretrain writes one
python benchmarks/finetuning.py abstracts --model DIR --set learning_rate=1e-3
python benchmarks/finetuning.py chemprot --model DIR
python benchmarks/finetuning.py harness --model DIR --quick    # few documents and epochs, one fold, one seed

harness: from random weights (the sizes and the tokenizer of DIR), classification of medical abstracts and entities of BC5CDR by
`finetune`, and by scripts as transformers' examples have them, written out below: the same rows, settings and seeds, nothing kept
back for validation. Each run in a process of its own, in turn; processor time is of that process, without its imports.

abstracts: macro-F1 on medical_abstracts_5class over 5 folds of documents, from DIR and from random weights, beside TF-IDF of words and
pairs of words under a linear support vector machine, on the same folds. chemprot: micro-F1 on the dev sentences of ChemProt,
learned from train. What is chosen (the epoch; C, class weights of the linear model) is chosen on a tenth of the training documents.
The linear model of ChemProt reads the words of the sentence alone, or with its marks as words, or with a word in place of each name.

Data: MATERIA_DATA. The encoder may not have read them: `materia pretrain` on a corpus that names them in corpus.test_documents.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

DATA = Path(os.environ.get("MATERIA_DATA", "../shared/data"))
ABSTRACTS = DATA / "downstream" / "medical_abstracts_5class.csv.gz"
BC5CDR = DATA / "annotated" / "bc5cdr"
CHEMPROT = DATA / "annotated" / "chemprot_sentences"
SEEDS = (13, 14, 15)
FOLDS = 5


def encoder_like(model: Path, folder: Path, seed: int) -> Path:
    """An encoder of the sizes and the tokenizer of another one, with random weights."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    torch.manual_seed(seed)
    AutoModel.from_config(AutoConfig.from_pretrained(model)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def longest(model: Path) -> int:
    """Tokens that an encoder has positions for."""
    return int(json.loads((model / "config.json").read_text())["max_position_embeddings"])


# --- the harness beside plain scripts


def plain_classification(model: Path, data: dict[str, str], settings: dict[str, Any], folder: str) -> dict[str, float]:
    """As transformers' run_classification.py does it."""
    from sklearn.metrics import f1_score
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        set_seed,
    )  # fmt: skip

    rows = {part: list(csv.DictReader(Path(path).read_text().splitlines())) for part, path in data.items()}
    begun = time.process_time()
    labels = sorted({row["label"] for row in rows["train"]})
    tokenizer = AutoTokenizer.from_pretrained(model)
    cut = {"truncation": True, "max_length": settings["max_length"]}
    sets = {
        part: [{**tokenizer(row["text"], **cut), "labels": labels.index(row["label"])} for row in some]
        for part, some in rows.items()
    }
    set_seed(settings["seed"])
    network = AutoModelForSequenceClassification.from_pretrained(model, num_labels=len(labels))
    trainer = Trainer(
        network, arguments_of(settings, folder), DataCollatorWithPadding(tokenizer), train_dataset=sets["train"]
    )
    trainer.train()
    predicted = trainer.predict(sets["test"]).predictions.argmax(-1)
    gold = [row["labels"] for row in sets["test"]]
    return {
        "figure": float(f1_score(gold, predicted, average="macro")),
        "processor_seconds": time.process_time() - begun,
    }


def plain_entities(model: Path, data: dict[str, str], settings: dict[str, Any], folder: str) -> dict[str, float]:
    """As transformers' run_ner.py does it, on windows of the documents."""
    import torch
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        set_seed,
    )  # fmt: skip

    documents = {part: read_pubtator(path) for part, path in data.items()}
    begun = time.process_time()
    tags = ["O", *(f"{b}-{kind}" for kind in ("Chemical", "Disease") for b in "BI")]
    tokenizer = AutoTokenizer.from_pretrained(model)
    torch.set_num_threads(1)

    def windows(part: str) -> list[dict[str, Any]]:
        made = []
        for number, (text, entities) in enumerate(documents[part]):
            read = tokenizer(
                text, truncation=True, max_length=settings["max_length"], return_overflowing_tokens=True,
                return_offsets_mapping=True, stride=settings["max_length"] // 4,
            )  # fmt: skip
            for ids, offsets in zip(read["input_ids"], read["offset_mapping"], strict=True):
                names = [tag_of(start, end, entities) if end > start else None for start, end in offsets]
                labels = [-100 if name is None else tags.index(name) for name in names]
                made.append({"input_ids": ids, "labels": labels, "document": number, "offsets": offsets})
        return made

    rows = {part: windows(part) for part in data}
    kept = {part: [{n: row[n] for n in ("input_ids", "labels")} for row in some] for part, some in rows.items()}
    set_seed(settings["seed"])
    network = AutoModelForTokenClassification.from_pretrained(model, num_labels=len(tags))
    trainer = Trainer(
        network,
        arguments_of(settings, folder),
        DataCollatorForTokenClassification(tokenizer),
        train_dataset=kept["train"],
    )
    trainer.train()
    predicted = trainer.predict(kept["test"]).predictions.argmax(-1)
    found: list[dict[tuple[int, int], str]] = [{} for _ in documents["test"]]
    for row, numbers in zip(rows["test"], predicted, strict=True):
        for place, number in zip(row["offsets"], numbers, strict=False):
            if place[1] > place[0]:
                found[row["document"]].setdefault(tuple(place), tags[number])  # the first window that reads it tells
    right = said = gold = 0
    for (_, entities), named in zip(documents["test"], found, strict=True):
        spans = spans_of(named)
        right, said, gold = right + len(spans & entities), said + len(spans), gold + len(entities)
    return {"figure": 2 * right / (said + gold), "processor_seconds": time.process_time() - begun}


def arguments_of(settings: dict[str, Any], folder: str) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=folder, num_train_epochs=settings["epochs"], per_device_train_batch_size=settings["batch"],
        learning_rate=settings["learning_rate"], warmup_steps=0.1, weight_decay=0.01, seed=settings["seed"],
        save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True,
    )  # fmt: skip


def read_pubtator(path: str) -> list[tuple[str, set[tuple[int, int, str]]]]:
    """Text and entities of each document."""
    documents = []
    for block in Path(path).read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.split("\n")
        text = " ".join(line.split("|", 2)[2] for line in lines[:2])
        cells = [line.split("\t") for line in lines[2:]]
        documents.append((text, {(int(c[1]), int(c[2]), c[4]) for c in cells if len(c) > 5}))
    return documents


def tag_of(start: int, end: int, entities: set[tuple[int, int, str]]) -> str:
    for first, last, kind in sorted(entities):
        if first < end and start < last:
            return f"{'B' if start <= first else 'I'}-{kind}"
    return "O"


def spans_of(named: dict[tuple[int, int], str]) -> set[tuple[int, int, str]]:
    """Spans of IOB2 tags; an I after another kind begins one."""
    spans: list[list[Any]] = []
    before = "O"
    for (start, end), tag in sorted(named.items()):
        if tag != "O" and (tag[0] == "B" or before[2:] != tag[2:]):
            spans.append([start, end, tag[2:]])
        elif tag != "O":
            spans[-1][1] = end
        before = tag
    return {(start, end, kind) for start, end, kind in spans}


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
            gaps = [one["figure"] - other["figure"] for one, other in zip(*found.values(), strict=True)]
            seconds = [sum(one["processor_seconds"] for one in runs) for runs in found.values()]
            print(f"{task:<22} ours - plain {spread(gaps)}; processor seconds {seconds[0] / seconds[1]:.2f} of plain")


def alone(what: str, given: dict[str, Any], model: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "one", "--model", str(model), "--one", what, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(what: str, given: dict[str, Any]) -> dict[str, float]:
    task, model, data, settings = given["task"], Path(given["model"]), given["data"], given["settings"]
    if what == "ours":
        return ours(task, model, data, settings)
    plain = {"record_classification": plain_classification, "entity_recognition": plain_entities}[task]
    with tempfile.TemporaryDirectory(prefix="materia-") as folder:
        return plain(model, data, settings, folder)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values) if len(values) > 1 else 0.0:.4f}"


# --- beside a linear model


def linear(train: Sequence[Any], validation: Sequence[Any], test: Sequence[Any], form: Any) -> tuple[float, list[str]]:
    """Figure on validation and labels of the test, of the linear model that is best on validation; it learns from both then."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    def label(example: Any) -> str:
        return example.target if isinstance(example.target, str) else next(iter(example.target))

    def fitted(examples: Sequence[Any], weights: str | None, c: float) -> Any:
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        model = make_pipeline(words, LinearSVC(C=c, class_weight=weights, max_iter=5000))
        return model.fit([form(e) for e in examples], [label(e) for e in examples])

    average = "macro" if not isinstance(train[0].target, str) else "micro"
    figures = {}
    for weights in (None, "balanced"):
        for c in (0.1, 0.3, 1.0, 3.0):
            said = fitted(train, weights, c).predict([form(e) for e in validation])
            figures[weights, c] = f1_score([label(e) for e in validation], said, average=average)
    best = max(figures, key=lambda one: figures[one])
    model = fitted([*train, *validation], *best)
    return figures[best], list(model.predict([form(e) for e in test]))


def settings_of(options: argparse.Namespace, task: str, data: dict[str, Any], defaults: dict[str, Any]) -> Any:
    from training.finetuning.config import FinetuningConfig

    values = {"task": task, "data": data, **defaults, **({"epochs": 2} if options.quick else {}), **options.set}
    values["max_length"] = min(values["max_length"], longest(options.model))
    return FinetuningConfig.model_validate(values)


class Figures:
    """What each model said of the examples of each fold."""

    def __init__(self, task: Any, labelled: Sequence[Any]) -> None:
        self._task = task.learn(labelled)
        self._said: dict[str, tuple[list[Any], list[Any]]] = {}

    def add_linear(self, parts: Any, **forms: Any) -> None:
        """The best linear model over each form of the texts."""
        for name, form in forms.items():
            self._add_linear(f"linear, {name}", parts, form)

    def _add_linear(self, what: str, parts: Any, form: Any) -> None:
        begun = time.process_time()
        on_validation, said = linear(parts.train, parts.validation, parts.test, form)
        one_each = isinstance(parts.train[0].target, str)
        self._add(what, parts.test, said if one_each else [frozenset({x}) for x in said], on_validation, begun)

    def add_model(self, what: str, parts: Any, config: Any, encoder: Path) -> None:
        """An encoder fine-tuned."""
        from training.finetuning.finetune import train
        from training.finetuning.fit import reproducible

        begun = time.process_time()
        finetuned, fitted = train(config, parts, model=encoder)
        with reproducible(config):
            said = finetuned.predict(parts.test)
        self._add(what, parts.test, said, max(fitted.looks), begun)

    def _add(self, what: str, test: Any, said: Any, on_validation: float, begun: float) -> None:
        examples, predicted = self._said.setdefault(what, ([], []))
        examples += test
        predicted += said
        figure = self._task.figures(test, said)[self._task.metric]
        seconds = time.process_time() - begun
        print(
            f"{what:<16} validation {on_validation:.4f}, test {figure:.4f}, {seconds:,.0f} processor seconds",
            flush=True,
        )

    def print_whole(self) -> None:
        """The figure over the tests of all folds together."""
        metric = self._task.metric
        for what, (examples, predicted) in self._said.items():
            figure = self._task.figures(examples, predicted)[metric]
            print(f"{what:<16} {metric} {figure:.4f} over {len(examples):,} examples")


def abstracts(options: argparse.Namespace) -> None:
    from training.finetuning.examples import folds, read_parts
    from training.tasks.table import TASKS

    defaults = {"max_length": 384, "epochs": 8, "learning_rate": 1e-3}
    config = settings_of(options, "record_classification", {"train": [str(ABSTRACTS)]}, defaults)
    task = TASKS[config.task]
    whole = read_parts(task, config.data.model_copy(update={"validation_share": 0.0, "test_share": 0.0}))
    figures = Figures(task, whole.labelled)
    with encoders(options) as some:
        for parts in list(folds(whole, FOLDS, config.data))[: 1 if options.quick else options.folds]:
            figures.add_linear(parts, words=lambda example: example.texts[0])
            for what, encoder in some.items():
                figures.add_model(what, parts, config, encoder)
    figures.print_whole()


def chemprot(options: argparse.Namespace) -> None:
    from training.finetuning.examples import read_parts
    from training.tasks.table import TASKS

    files = {"train": [str(CHEMPROT / "train.jsonl.gz")], "test": [str(CHEMPROT / "dev.jsonl.gz")]}
    defaults = {"max_length": 128, "epochs": 8, "learning_rate": 1e-3}
    config = settings_of(options, "relation_extraction", files, defaults)
    task = TASKS[config.task]
    parts = read_parts(task, config.data)
    figures = Figures(task, parts.labelled)
    figures.add_linear(parts, words=lambda example: example.texts[0], marked=marked, hidden=hidden)
    with encoders(options) as some:
        for what, encoder in some.items():
            figures.add_model(what, parts, config, encoder)
    figures.print_whole()


@contextmanager
def encoders(options: argparse.Namespace) -> Iterator[dict[str, Path]]:
    """The encoder that is named, and one with random weights where asked for."""
    with tempfile.TemporaryDirectory(prefix="materia-") as name:
        some = {"this encoder": options.model}
        if options.random:
            some["random weights"] = encoder_like(options.model, Path(name) / "encoder", 1)
        yield some


def marked(example: Any) -> str:
    """A sentence with its marks, as a linear model reads them: words of their own."""
    return pieces(example, lambda mark, name: f" {mark}begin {name} {mark}end ")


def hidden(example: Any) -> str:
    """A sentence with a word in place of each marked name."""
    return pieces(example, lambda mark, name: f" {mark}name ")


def pieces(example: Any, shown: Any) -> str:
    text, made, at = example.texts[0], "", 0
    for mark, (start, end) in sorted(zip(("first", "second"), example.marks, strict=True), key=lambda pair: pair[1]):
        made += text[at:start] + shown(mark, text[start:end])
        at = max(at, end)
    return re.sub(r"\s+", " ", made + text[at:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("harness", "abstracts", "chemprot", "one"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--documents", type=int, help="of the harness, at most")
    parser.add_argument("--folds", type=int, help="of the five, so many are run")
    parser.add_argument("--random", action="store_true", help="from random weights too")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of fine-tuning")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    from pipeline.settings import set_keys

    options.set = set_keys({}, options.set)
    if options.one:
        print(json.dumps(one(options.one[0], json.loads(options.one[1]))))
    else:
        {"harness": harness, "abstracts": abstracts, "chemprot": chemprot}[options.what](options)


if __name__ == "__main__":
    main()
