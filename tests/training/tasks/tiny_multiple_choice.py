"""Which of some diseases a drug treats: always the one of the kidney; in MedQA's JSON Lines."""

import json

SETTINGS = {"epochs": 6, "batch": 8, "learning_rate": 5e-3}
AT_LEAST = 0.9

DRUGS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
OTHERS = ("hepatic pain", "cardiac fibrosis", "nasal edema")
RIGHT = ("renal failure", "renal pain", "renal edema")


def records(first, last):
    made = []
    for number in range(3 * first, 3 * last):
        drug, right = DRUGS[number // 3], RIGHT[number % 3]
        options = [*OTHERS[: 2 + number % 2]]
        options.insert(number % (len(options) + 1), right)
        letters = "ABCD"[: len(options)]
        asked = f"Case {number} was given {drug}. What is treated?"
        named = dict(zip(letters, options, strict=True))
        made.append({"question": asked, "options": named, "answer": right, "answer_idx": letters[options.index(right)]})
    return made


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return (str(path),)


def write(folder):
    return {
        "train": written(folder / "train.jsonl", records(0, 16)),
        "test": written(folder / "test.jsonl", records(16, 20)),
    }


def mistakes(folder):
    train, test = records(0, 16), records(16, 20)
    unanswered = {"question": "Which?", "options": {"A": "a", "B": "b"}}
    unsure = {"question": "Which?", "opa": "a", "opb": "b", "opc": "c", "cop": 1}
    return {
        "overlap": (
            {"test": written(folder / "overlap.jsonl", [*test, train[4]])},
            ["1 test examples", "overlap.jsonl, line 13", "train.jsonl, line 5"],
        ),
        "unlabelled rows": (
            {"train": written(folder / "unlabelled.jsonl", [*train, unanswered])},
            ["1 rows are refused", "unlabelled.jsonl, line 49", "no answer"],
        ),
        "answers that count from 0 or 1": (
            {"test": written(folder / "cop.jsonl", [unsure] * 3)},
            ["cop.jsonl", "0 or from 1"],
        ),
        "an option alone": (
            {"test": written(folder / "alone.jsonl", [row | {"options": {"A": row["answer"]}} for row in test])},
            ["alone.jsonl", "no example", "1 option."],
        ),
        "options longer than a row": (
            {
                "train": written(
                    folder / "long.jsonl",
                    [train[0] | {"options": {"A": "renal " * 70, "B": "b"}, "answer_idx": "B"}, *train[1:]],
                )
            },
            ["long.jsonl, line 1", "max_length"],
        ),
        "no such column": ({"label": "verdict"}, ["no column verdict", "answer_idx", "data.label"]),
    }
