"""Which disease a drug treats: the one behind "against", where there is any; in SQuAD's JSON, of version 2."""

import json

SETTINGS = {"epochs": 10, "batch": 8, "learning_rate": 5e-3}
AT_LEAST = 0.7

DRUGS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
DISEASES = ("renal failure", "hepatic pain", "cardiac fibrosis", "nasal edema")


def articles(first, last):
    """An article a drug, of a question for each disease; one in four has no answer."""
    made = []
    for drug in DRUGS[first:last]:
        paragraphs = []
        for place, disease in enumerate(DISEASES):
            other = DISEASES[(place + 1) % 4]
            told = (
                f"{drug} is effective against {disease}." if place else f"{drug} was given, and {disease} was recorded."
            )
            context = f"{other} was induced by it. {told}" if place % 2 else f"{told} {other} was induced by it."
            answers = [{"text": disease, "answer_start": context.index(disease)}] if place else []
            asked = {"id": f"{drug} {place}", "question": "what does it treat?", "answers": answers}
            paragraphs.append({"context": context, "qas": [asked | {"is_impossible": not answers}]})
        made.append({"title": drug, "paragraphs": paragraphs})
    return made


def written(path, articles):
    path.write_text(json.dumps({"version": "v2.0", "data": articles}))
    return (str(path),)


def write(folder):
    return {
        "train": written(folder / "train.json", articles(0, 16)),
        "test": written(folder / "test.json", articles(16, 20)),
    }


def changed(**answer):
    """The test articles, the first answer of the first one changed."""
    made = articles(16, 20)
    made[0]["paragraphs"][1]["qas"][0] |= answer
    return made


def mistakes(folder):
    train, test = articles(0, 16), articles(16, 20)
    for article in (answered := articles(0, 16)):
        del article["paragraphs"][0]
    outside = {"text": "hepatic pain", "answer_start": 900}
    return {
        "overlap": (
            {
                "test": written(
                    folder / "overlap.json", [*test, {"title": "new", "paragraphs": train[2]["paragraphs"][1:2]}]
                )
            },
            ["1 test examples", "overlap.json, record 4", "train.json, record 2, paragraph 1"],
        ),
        "same document": (
            {
                "test": written(
                    folder / "same.json", [{"title": train[0]["title"], "paragraphs": test[0]["paragraphs"]}, *test[1:]]
                )
            },
            ["4 test examples", "title:" + train[0]["title"]],
        ),
        "spans outside the text": (
            {"test": written(folder / "outside.json", changed(answers=[outside]))},
            ["1 rows are refused", "outside.json, record 0, paragraph 1", "at 900", "outside of the context"],
        ),
        "unlabelled rows": (
            {"test": written(folder / "unlabelled.json", changed(answers=None))},
            ["1 rows are refused", "unlabelled.json, record 0, paragraph 1"],
        ),
        "label that training lacks": (
            {"train": written(folder / "answered.json", answered)},
            ["each training question has an answer", "test.json, record 0, paragraph 0"],
        ),
        "one class": (
            {"train": written(folder / "none.json", [{**a, "paragraphs": a["paragraphs"][:1]} for a in train])},
            ["no question has an answer"],
        ),
    }
