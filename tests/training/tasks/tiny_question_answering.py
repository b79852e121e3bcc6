"""Whether a drug helps, over a sentence that says so, denies it, or leaves it open; as PubMedQA's file has it."""

import json

SETTINGS = {"epochs": 8, "batch": 8, "learning_rate": 5e-3}
AT_LEAST = 0.8

TOLD = {
    "yes": "{drug} is effective against {disease}.",
    "no": "{disease} was induced by {drug}.",
    "maybe": "{drug} was given, and {disease} was recorded.",
}
DRUGS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
DISEASES = ("renal failure", "hepatic pain", "cardiac fibrosis", "nasal edema")


def records(first, last):
    """By PubMed identifier; four a drug."""
    made = {}
    for number in range(4 * first, 4 * last):
        drug, disease = DRUGS[number // 4], DISEASES[number % 4]
        answer = list(TOLD)[(number + len(drug)) % 3]
        context = ["Patients were followed.", TOLD[answer].format(drug=drug, disease=disease)]
        asked = {"QUESTION": f"Does {drug} help in {disease}?", "CONTEXTS": context, "final_decision": answer}
        made[str(10000000 + number)] = asked
    return made


def written(path, content):
    path.write_text(json.dumps(content, indent=1))
    return (str(path),)


def write(folder):
    return {
        "train": written(folder / "train.json", records(0, 16)),
        "test": written(folder / "test.json", records(16, 20)),
    }


def mistakes(folder):
    train, test = records(0, 16), records(16, 20)
    first = "10000000"
    unlabelled = train | {"77777": {"QUESTION": "Is it?", "CONTEXTS": ["It is."]}}
    sure = {name: record for name, record in train.items() if record["final_decision"] != "maybe"}
    return {
        "overlap": (
            {"test": written(folder / "overlap.json", test | {"77777": train[first]})},
            ["1 test examples", "overlap.json, 77777", f"train.json, {first}"],
        ),
        "same document": ({"test": written(folder / "same.json", {first: test["10000064"]})}, [f"PMID:{first}"]),
        "unlabelled rows": (
            {"train": written(folder / "unlabelled.json", unlabelled)},
            ["1 rows are refused", "unlabelled.json, 77777", "no answer"],
        ),
        "one class": (
            {"train": written(folder / "one.json", {n: r | {"final_decision": "yes"} for n, r in train.items()})},
            ["nothing to tell apart", "all answers are yes"],
        ),
        "label that training lacks": (
            {"train": written(folder / "sure.json", sure)},
            ["answered maybe", "test.json, 1"],
        ),
        "no such column": ({"label": "verdict"}, ["no column verdict", "final_decision", "data.label"]),
        "empty": ({"train": written(folder / "empty.json", [])}, ["empty.json", "no example"]),
    }
