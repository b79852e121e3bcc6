"""Fine-tuning as transformers' own examples do it, with nothing of Materia in it: what `benchmarks/finetuning_harness.py` compares with.

Given are the folder of an encoder, the files of train and test, and epochs, batch, learning_rate, max_length and seed. Given back:
the figure on test, and processor seconds without the reading of the files.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: Start, end and kind.
Entity = tuple[int, int, str]
#: [start, end) of each token of a window, (0, 0) of special ones, and its logits (tokens, tags).
Window = tuple[list[tuple[int, int]], Any]
#: Entities of a text, of its windows and the names of the tags.
Decode = Callable[[str, Sequence[Window], Sequence[str]], set[Entity]]


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


def plain_entities(
    model: Path, data: dict[str, str], settings: dict[str, Any], folder: str, *, decode: Decode | None = None
) -> dict[str, float]:
    """As transformers' run_ner.py does it, on windows of the documents: the likeliest tag of each piece, apart from the others.

    With `decode` also `decoded`, the figure of what it makes of the same logits.
    """
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
    logits = trainer.predict(kept["test"]).predictions
    read: list[list[Window]] = [[] for _ in documents["test"]]
    for row, scores in zip(rows["test"], logits, strict=True):
        read[row["document"]].append((row["offsets"], scores[: len(row["offsets"])]))
    found = micro_f1(documents["test"], [by_piece(windows, tags) for windows in read])
    figures = {"figure": found, "processor_seconds": time.process_time() - begun}
    if decode is not None:
        said = [decode(text, windows, tags) for (text, _), windows in zip(documents["test"], read, strict=True)]
        figures["decoded"] = micro_f1(documents["test"], said)
    return figures


def by_piece(windows: Sequence[Window], tags: Sequence[str]) -> set[Entity]:
    """Spans of the likeliest tag of each piece; the first window that reads a piece tells."""
    named: dict[tuple[int, int], str] = {}
    for offsets, scores in windows:
        for place, number in zip(offsets, scores.argmax(-1), strict=True):
            if place[1] > place[0]:
                named.setdefault(tuple(place), tags[number])
    return spans_of(named)


def micro_f1(documents: Sequence[tuple[str, set[Entity]]], said: Sequence[set[Entity]]) -> float:
    right = sum(len(gold & found) for (_, gold), found in zip(documents, said, strict=True))
    return 2 * right / (sum(len(gold) for _, gold in documents) + sum(map(len, said)))


def arguments_of(settings: dict[str, Any], folder: str) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=folder, num_train_epochs=settings["epochs"], per_device_train_batch_size=settings["batch"],
        learning_rate=settings["learning_rate"], warmup_steps=0.1, weight_decay=0.01, seed=settings["seed"],
        save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True,
    )  # fmt: skip


def read_pubtator(path: str) -> list[tuple[str, set[Entity]]]:
    """Text and entities of each document."""
    documents = []
    for block in Path(path).read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.split("\n")
        text = " ".join(line.split("|", 2)[2] for line in lines[:2])
        cells = [line.split("\t") for line in lines[2:]]
        documents.append((text, {(int(c[1]), int(c[2]), c[4]) for c in cells if len(c) > 5}))
    return documents


def tag_of(start: int, end: int, entities: set[Entity]) -> str:
    for first, last, kind in sorted(entities):
        if first < end and start < last:
            return f"{'B' if start <= first else 'I'}-{kind}"
    return "O"


def spans_of(named: dict[tuple[int, int], str]) -> set[Entity]:
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
