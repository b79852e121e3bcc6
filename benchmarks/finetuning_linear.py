"""Fine-tuning beside a linear model over TF-IDF (linear_text_classifier.py).

python benchmarks/finetuning_linear.py abstracts --model DIR    # DIR: an encoder with its tokenizer, as materia pretrain writes one
python benchmarks/finetuning_linear.py chemprot --model DIR --seeds 3 --set epochs=6
python benchmarks/finetuning_linear.py chemprot --model DIR --random --quick    # from random weights too; few epochs

abstracts: macro-F1 on medical_abstracts_5class over 5 folds of documents. chemprot: micro-F1 on the dev sentences of ChemProt,
learned from train. Of the encoder alone, of one with a linear model beside it (`wide`), of that linear model alone,
and of the TF-IDF model; bootstrap intervals over documents, of the differences paired. What is chosen (the epoch, C, class weights, the
weights of encoder and linear model) is chosen on a tenth of the training documents.

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
from dataclasses import replace
from itertools import product
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

    defaults = {"max_length": 128, "epochs": 5, "learning_rate": 1e-3}
    config = settings_of(options, "record_classification", {"train": [str(ABSTRACTS)]}, defaults)
    task = TASKS[config.task]
    whole = read_parts(task, config.data.model_copy(update={"validation_share": 0.0, "test_share": 0.0}))
    figures = Figures(task, whole.labelled)
    for parts in list(folds(whole, FOLDS, config.data))[: 1 if options.quick else options.folds]:
        figures.add_linear(parts, words=lambda example: example.texts[0])
        figures.add_models(parts, config, options)
    figures.print_whole()


def chemprot(options: argparse.Namespace) -> None:
    from training.finetuning.examples import read_parts
    from training.tasks.table import TASKS

    files = {"train": [str(CHEMPROT / "train.jsonl.gz")], "test": [str(CHEMPROT / "dev.jsonl.gz")]}
    defaults = {"max_length": 128, "epochs": 3, "learning_rate": 1e-3}
    config = settings_of(options, "relation_extraction", files, defaults)
    task = TASKS[config.task]
    parts = read_parts(task, config.data)
    figures = Figures(task, parts.labelled)
    figures.add_linear(parts, words=lambda example: example.texts[0], marked=marked, hidden=hidden)
    figures.add_models(parts, config, options)
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
        some = {"encoder": options.model}
        if options.random:
            some["random weights"] = encoder_like(options.model, Path(name) / "encoder", 1)
        yield some


class Figures:
    """What each model said of the examples of each fold, a run for each seed."""

    def __init__(self, task: Any, labelled: Sequence[Any]) -> None:
        self._task = task.learn(labelled)
        self._said: dict[str, dict[int, tuple[list[Any], list[Any]]]] = {}
        self._linear: list[str] = []

    def add_linear(self, parts: Any, **forms: Any) -> None:
        """The best linear model over each form of the texts."""
        self._linear = [f"TF-IDF, {name}" for name in forms]
        one_each = isinstance(parts.train[0].target, str)
        for what, form in zip(self._linear, forms.values(), strict=True):
            begun = time.process_time()
            _, said = linear(parts.train, parts.validation, parts.test, form)
            self._add(what, 0, parts.test, said if one_each else [frozenset({x}) for x in said], begun)

    def add_models(self, parts: Any, config: Any, options: argparse.Namespace) -> None:
        """The encoder fine-tuned, with a linear model beside it, and each of the two alone: the encoder is the same in both."""
        from training.finetuning.finetune import train
        from training.finetuning.fit import reproducible

        with encoders(options) as some:
            for (name, encoder), seed in product(some.items(), range(config.seed, config.seed + options.seeds)):
                begun = time.process_time()
                here = config.model_copy(update={"seed": seed, "wide": True})
                both, _ = train(here, parts, model=encoder)
                with reproducible(here):
                    features = both.features(parts.test)
                    alone = replace(both, wide=None).predict_features(parts.test, features)
                    together = both.predict_features(parts.test, features)
                wide = both.task.predict(parts.test, features, list(both.wide_scores(parts.test)))
                for what, said in ((name, alone), (f"wide of {name}", wide), (f"{name} and wide", together)):
                    self._add(what, seed, parts.test, said, begun)

    def _add(self, what: str, seed: int, test: Any, said: Any, begun: float) -> None:
        examples, predicted = self._said.setdefault(what, {}).setdefault(seed, ([], []))
        examples += test
        predicted += said
        figure = self._task.figures(test, said)[self._task.metric]
        print(f"{what}, seed {seed}: {figure:.4f}, {time.process_time() - begun:,.0f} processor seconds", flush=True)

    def print_whole(self) -> None:
        """The figure over the tests of all folds together, with its interval; and how far it is above the best of TF-IDF."""
        from training.statistics.bootstrap import compare, interval

        runs = {what: [self._task.outcomes(*one) for one in by_seed.values()] for what, by_seed in self._said.items()}
        best = max(self._linear, key=lambda what: runs[what][0].value())
        print(f"{self._task.metric} over {len(self._said[best][0][0]):,} examples; differences from {best}")
        for what, some in runs.items():
            found, difference = interval(some), compare(some, runs[best]).difference
            print(
                f"{what:<32} {found.value:.4f} ({found.low:.4f} to {found.high:.4f}), {len(some)} seeds; "
                f"{difference.value:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("abstracts", "chemprot"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folds", type=int, help="of the five, so many are run")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each")
    parser.add_argument("--random", action="store_true", help="from random weights too")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of fine-tuning")
    options = parser.parse_args()
    from pipeline.settings import set_keys

    options.set = set_keys({}, options.set)
    {"abstracts": abstracts, "chemprot": chemprot}[options.what](options)


if __name__ == "__main__":
    main()
