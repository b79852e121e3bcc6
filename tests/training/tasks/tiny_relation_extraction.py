"""PubTator documents in which a chemical induces one disease and is given for another: the first pair is related."""

import json

SETTINGS = {"epochs": 8, "batch": 8, "learning_rate": 5e-3}
AT_LEAST = 0.8

CHEMICALS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
DISEASES = ("renal failure", "hepatic pain", "cardiac fibrosis", "nasal edema")
INDUCED = "{chemical} induced {disease} in a patient."
GIVEN = "{chemical} was given for {disease}."


#: Documents about the first sixteen chemicals, and about the others.
TRAIN = [number for number in range(40) if number % 20 < 16]
TEST = [number for number in range(60) if number % 20 >= 16]


def document(number, relation="CID"):
    """A document by its number, which says its chemical and its diseases."""
    chemical, caused = number % 20, (number + number // 20) % 4
    other = (caused + 1) % 4
    key = f"{900000 + number}"
    told = [(INDUCED, chemical, caused), (GIVEN, chemical, other)]
    texts = [form.format(chemical=CHEMICALS[c], disease=DISEASES[d]) for form, c, d in told]
    lines, base = [f"{key}|t|{texts[0]}", f"{key}|a|{texts[1]}"], 0
    for text, (_, c, d) in zip(texts, told, strict=True):
        for name, kind, mesh in ((CHEMICALS[c], "Chemical", f"D1{c:05}"), (DISEASES[d], "Disease", f"D2{d:05}")):
            start = base + text.index(name)
            lines.append(f"{key}\t{start}\t{start + len(name)}\t{name}\t{kind}\t{mesh}")
        base += len(text) + 1
    if relation:
        lines.append(f"{key}\t{relation}\tD1{chemical:05}\tD2{caused:05}")
    return "\n".join(lines) + "\n\n"


def corpus(path, numbers, relation="CID"):
    path.write_text("".join(document(number, relation) for number in numbers), encoding="utf-8")
    return str(path)


def write(folder):
    return {
        "train": (corpus(folder / "train.pubtator", TRAIN),),
        "test": (corpus(folder / "test.pubtator", TEST),),
    }


def sentences(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def mistakes(folder):
    marked = [{"text": f"<< A{n} >> inhibits [[ B{n} ]].", "label": ("UP", "DOWN")[n % 2]} for n in range(6)]
    unlabelled = [*marked[:4], {"text": "<< A >> inhibits [[ B ]]."}, *marked[4:]]
    outside = document(2).replace("\t0\t11\t", "\t600\t611\t")
    (folder / "outside.pubtator").write_text(document(1) + outside, encoding="utf-8")
    return {
        "overlap": (
            {"test": (corpus(folder / "overlap.pubtator", (3, 16)),)},
            ["2 test examples", "overlap.pubtator, record 1", "PMID:900003", "Take them out"],
        ),
        "label that training lacks": (
            {"test": (corpus(folder / "strange.pubtator", (16,), relation="Cures"),)},
            ["Cures", "strange.pubtator, record 1"],
        ),
        "unlabelled rows": (
            {"train": (sentences(folder / "unlabelled.jsonl", unlabelled),)},
            ["1 rows are refused", "unlabelled.jsonl, line 5", "no label"],
        ),
        "one class": (
            {
                "train": (sentences(folder / "one.jsonl", [row | {"label": "UP"} for row in marked]),),
                "test": (),
                "test_share": 0,
                "validation_share": 0,
            },
            ["nothing to tell apart", "UP"],
        ),
        "no relation": (
            {"train": (corpus(folder / "none.pubtator", range(4), relation=None),), "test": ()},
            ["hold no relation"],
        ),
        "span outside the text": (
            {"train": (str(folder / "outside.pubtator"),)},
            ["1 rows are refused", "span-outside-text"],
        ),
    }
