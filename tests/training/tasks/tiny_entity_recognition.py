"""Papers of a title and a few sentences that name drugs and diseases, in PubTator; one is longer than a window."""

import itertools

SETTINGS = {"epochs": 8, "batch": 8, "learning_rate": 1e-2}
AT_LEAST = 0.8

DRUGS = [f"{a}{b}" for a in ("metfo", "lisi", "ator", "aspi", "warfa") for b in ("min", "pril", "statin", "rol")]
DISEASES = [
    f"{a} {b}" for a in ("renal", "hepatic", "cardiac", "nasal") for b in ("failure", "fibrosis", "pain", "edema")
]
TOLD = ("{drug} is effective against {disease}.", "{disease} was induced by {drug}.", "The trial was randomized.")


def paper(number, sentences=3):
    """The text of a paper, and its mentions: start, end, words, type."""
    drug, disease = DRUGS[number % len(DRUGS)], DISEASES[number * 7 % len(DISEASES)]
    told = [TOLD[(number + place) % len(TOLD)] for place in range(sentences)]
    title = f"{drug} in {disease}"
    text = title + "\n" + " ".join(sentence.format(drug=drug, disease=disease) for sentence in told)
    mentions = []
    for words, kind in ((drug, "Chemical"), (disease, "Disease")):
        start = text.find(words)
        while start >= 0:
            mentions.append((start, start + len(words), words, kind))
            start = text.find(words, start + 1)
    return text, sorted(mentions)


def pubtator(path, numbers, *, kinds=("Chemical", "Disease"), more=()):
    """A file of papers, with further lines behind the last."""
    blocks = []
    for number in numbers:
        text, mentions = paper(number, 30 if number % 10 == 3 else 3)
        title, _, abstract = text.partition("\n")
        lines = [f"{number}|t|{title}", f"{number}|a|{abstract}"]
        lines += [f"{number}\t{a}\t{b}\t{words}\t{kind}\tD1" for a, b, words, kind in mentions if kind in kinds]
        blocks.append("\n".join(lines))
    path.write_text("\n\n".join(blocks) + "".join(f"\n{line}" for line in more) + "\n\n")
    return str(path)


def write(folder):
    return {
        "train": (pubtator(folder / "train.pubtator", range(1, 61)),),
        "test": (pubtator(folder / "test.pubtator", range(61, 73)),),
        "validation_share": 0.1,
    }


def mistakes(folder):
    outside = [f"60\t{start}\t{start + 5}\tpains\tDisease\tD1" for start in (90_000, 91_000)]
    strange = [f"72\t0\t4\t{paper(72)[0][:4]}\tPlant\tD1"]
    return {
        "overlap": (
            {"test": (pubtator(folder / "overlap.pubtator", itertools.chain([5], range(61, 65))),)},
            ["1 test examples", "overlap.pubtator PMID:5", "train.pubtator PMID:5", "Take them out"],
        ),
        "spans outside the text": (
            {"train": (pubtator(folder / "outside.pubtator", range(1, 61), more=outside),)},
            ["2 rows are refused", "outside.pubtator, PMID:60 at 90000", "PMID:60 at 91000", "outside the text"],
        ),
        "types that training lacks": (
            {"test": (pubtator(folder / "strange.pubtator", range(61, 73), more=strange),)},
            ["Plant", "strange.pubtator PMID:72", "Chemical, Disease"],
        ),
        "no mention at all": (
            {"train": (pubtator(folder / "unmarked.pubtator", range(1, 61), kinds=()),)},
            ["unmarked.pubtator", "no document holds an annotation"],
        ),
        "no such file": ({"train": (str(folder / "gone.pubtator"),)}, ["gone.pubtator"]),
    }
