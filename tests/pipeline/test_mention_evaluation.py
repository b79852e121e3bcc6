import pytest

from pipeline.errors import MateriaError
from pipeline.mention_evaluation import evaluate_mentions

MENTION = "{0}\t{1}\t{2}\t{3}\t{4}\t{5}\n"


def pubtator(path, documents):
    """Documents of one sentence with two mentions: (identifier, drug, its id, disease, its id)."""
    text = ""
    for number, drug, drug_id, disease, disease_id in documents:
        title = f"{drug} causes {disease} in mice."
        text += f"{number}|t|{title}\n{number}|a|\n"
        for name, kind, curie in ((drug, "Chemical", drug_id), (disease, "Disease", disease_id)):
            start = title.index(name)
            text += MENTION.format(number, start, start + len(name), name, kind, curie)
        text += "\n"
    path.write_text(text)
    return str(path)


@pytest.fixture
def files(tmp_path):
    drugs = [("aspirin", "D000001"), ("metformin", "D000002"), ("heparin", "D000003"), ("insulin", "D000004")]
    diseases = [("headache", "D000011"), ("nausea", "D000012"), ("asthma", "D000013")]
    pairs = [(n, *drug, *disease) for n, (drug, disease) in enumerate(((a, b) for a in drugs for b in diseases), 1)]
    # The gold has a name that no vocabulary has, and that the training documents teach.
    train = [*pairs, *((n, "zorb acid", "D000001", "nausea", "D000012") for n in range(20, 26))]
    gold = [(30, "zorb acid", "D000001", "headache", "D000011"), (1, *pairs[0][1:])]
    vocabulary = tmp_path / "names.tsv"
    rows = [(f"MESH:{curie}", name, "Drug") for name, curie in drugs]
    rows += [(f"MESH:{curie}", name, "Disease") for name, curie in diseases]
    vocabulary.write_text("id\tname\tcategory\n" + "".join("\t".join(row) + "\n" for row in rows))
    return pubtator(tmp_path / "gold.pubtator", gold), pubtator(tmp_path / "train.pubtator", train), str(vocabulary)


def test_the_dictionary_alone_finds_what_the_vocabulary_names(files):
    gold, _, vocabulary = files
    figures = evaluate_mentions([gold], [vocabulary])
    assert (figures["precision"], figures["right"], figures["gold"]) == (1.0, 3, 4)
    assert figures["trained_on"] == 0


def test_what_training_teaches_is_found_and_linked_and_gold_papers_are_not_learned_from(files):
    gold, train, vocabulary = files
    figures = evaluate_mentions([gold], [vocabulary], train=[train])
    assert figures["trained_on"] == 17  # 18, less the paper that the gold has too
    assert (figures["f1"], figures["by_type"]["Chemical"]["right"]) == (1.0, 2)


def test_training_on_the_gold_alone_is_refused(files):
    gold, _, vocabulary = files
    with pytest.raises(MateriaError, match="stands in the gold"):
        evaluate_mentions([gold], [vocabulary], train=[gold])
