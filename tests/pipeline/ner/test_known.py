"""What training documents say of a word never comes from the document that is learned from."""

from pipeline.ner.features import features, places
from pipeline.ner.known import Counts, Known
from pipeline.ner.labels import encode
from pipeline.ner.words import cut

TEXTS = {
    "1": ("Aspirin for sore throat.", [(0, 7, "Chemical"), (12, 23, "Disease")]),
    "2": ("Aspirin for heart failure.", [(0, 7, "Chemical"), (12, 25, "Disease")]),
    "3": ("The heart.", []),
}


def counted(names):
    counts = Counts()
    for name in names:
        text, entities = TEXTS[name]
        counts.add(name, cut(text), [encode(cut(text), entities)])
    return counts


def test_leaving_a_document_out_is_never_having_read_it():
    whole = counted("123")
    for name, (text, _) in TEXTS.items():
        words = cut(text)
        others = counted([other for other in TEXTS if other != name]).known()
        assert features(words, whole.known_without(name, whole.known())) == features(words, others)


def test_names_and_shares_of_words():
    known = counted("123").known()
    assert known.find(cut("heart failure and aspirin").folded) == ["BDisease1", "LDisease1", "", "UChemical2"]
    assert known.words["heart"] == ("kDisease=c1",)
    assert known.words["for"] == ("kO=1",)


def test_what_is_known_survives_its_file():
    known = counted("123").known()
    assert Known.from_json(known.to_json()) == known


def test_a_short_form_is_told_the_head_of_its_long_form():
    words = cut("Acute renal failure (ARF). ARF was seen.")
    rows = features(words, Known({}, {}, {}))
    short = [row for row, word in zip(rows, words.texts, strict=True) if word == "ARF"]
    assert len(short) == 2
    assert all("h=failure" in row for row in short)


def test_names_of_a_vocabulary_count_where_they_end_at_words():
    words = cut("renal failure, sore")
    assert places(words, [(0, 13, "Disease"), (15, 17, "Disease")]) == ["BDisease", "LDisease", "", ""]
