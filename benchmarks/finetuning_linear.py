"""Fine-tuning beside a linear model over TF-IDF (linear_text_classifier.py).

python benchmarks/finetuning_linear.py abstracts --model DIR    # DIR: an encoder with its tokenizer, as materia pretrain writes one
python benchmarks/finetuning_linear.py chemprot --model DIR --set epochs=6
python benchmarks/finetuning_linear.py chemprot --model DIR --random --quick    # from random weights too; few epochs

abstracts: macro-F1 on medical_abstracts_5class over 5 folds of documents. chemprot: micro-F1 on the dev sentences of ChemProt,
learned from train. What is chosen (the epoch; C, class weights of the linear model) is chosen on a tenth of the training documents.

Data: MATERIA_DATA. The encoder may not have read them: `materia pretrain` on a corpus that names them in corpus.test_documents.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linear_text_classifier import hidden, linear, marked
from random_encoder import encoder_like

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

DATA = Path(os.environ.get("MATERIA_DATA", "../shared/data"))
ABSTRACTS = DATA / "downstream" / "medical_abstracts_5class.csv.gz"
CHEMPROT = DATA / "annotated" / "chemprot_sentences"
FOLDS = 5


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


def settings_of(options: argparse.Namespace, task: str, data: dict[str, Any], defaults: dict[str, Any]) -> Any:
    from training.finetuning.config import FinetuningConfig

    values = {"task": task, "data": data, **defaults, **({"epochs": 2} if options.quick else {}), **options.set}
    values["max_length"] = min(values["max_length"], longest(options.model))
    return FinetuningConfig.model_validate(values)


def longest(model: Path) -> int:
    """Tokens that an encoder has positions for."""
    return int(json.loads((model / "config.json").read_text())["max_position_embeddings"])


@contextmanager
def encoders(options: argparse.Namespace) -> Iterator[dict[str, Path]]:
    """The encoder that is named, and one with random weights where asked for."""
    with tempfile.TemporaryDirectory(prefix="materia-") as name:
        some = {"this encoder": options.model}
        if options.random:
            some["random weights"] = encoder_like(options.model, Path(name) / "encoder", 1)
        yield some


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("abstracts", "chemprot"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folds", type=int, help="of the five, so many are run")
    parser.add_argument("--random", action="store_true", help="from random weights too")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of fine-tuning")
    options = parser.parse_args()
    from pipeline.settings import set_keys

    options.set = set_keys({}, options.set)
    {"abstracts": abstracts, "chemprot": chemprot}[options.what](options)


if __name__ == "__main__":
    main()
