"""Sentences that say treatment, or cause, or neither; each with one of three labels."""

import csv

SETTINGS = {"epochs": 8, "batch": 8, "learning_rate": 5e-3}
AT_LEAST = 0.8

TOLD = {
    "treatment": "{drug} is effective against {disease}.",
    "cause": "{disease} was induced by {drug}.",
    "neither": "{drug} was given, and {disease} was recorded.",
}
DRUGS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
DISEASES = ("renal failure", "hepatic pain", "cardiac fibrosis", "nasal edema")


def rows(drugs, diseases=DISEASES):
    return [
        (f"{drug} {disease} {label}", TOLD[label].format(drug=drug, disease=disease), label)
        for drug in drugs
        for place, disease in enumerate(diseases)
        for label in [list(TOLD)[(place + len(drug)) % 3]]
    ]


def table(path, rows, header=("document", "text", "label")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def write(folder):
    return {
        "train": (table(folder / "train.csv", rows(DRUGS[:16])),),
        "test": (table(folder / "test.csv", rows(DRUGS[16:])),),
    }


def mistakes(folder):
    train = rows(DRUGS[:16])
    overlapping = [("another", train[3][1].upper(), train[3][2]), *rows(DRUGS[16:])]
    same_document = [(train[3][0], "Nothing was seen.", train[3][2])]
    unlabelled = [*train[:5], ("unlabelled", "Pain was seen.", ""), *train[5:]]
    return {
        "overlap": (
            {"test": (table(folder / "overlap.csv", overlapping),)},
            ["1 test examples", "overlap.csv, line 2", "train.csv, line 5", "Take them out"],
        ),
        "same document": (
            {"test": (table(folder / "same.csv", same_document),)},
            ["same.csv, line 2", train[3][0]],
        ),
        "label that training lacks": (
            {"test": (table(folder / "strange.csv", [("x", "All is well.", "wellness")]),)},
            ["wellness", "strange.csv, line 2"],
        ),
        "unlabelled rows": (
            {"train": (table(folder / "unlabelled.csv", unlabelled),)},
            ["1 rows are refused", "unlabelled.csv, line 7", "no label"],
        ),
        "one class": (
            {"train": (table(folder / "one.csv", [row for row in train if row[2] == "cause"]),)},
            ["nothing to tell apart", "cause"],
        ),
        "no such column": (
            {"label": "diagnosis"},
            ["diagnosis", "label, text", "data.label"],
        ),
    }
