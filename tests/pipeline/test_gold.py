"""Gold offsets on their way from a reader into the documents table."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gold import annotation_rows, relation_rows
from pipeline.readers.base import Annotation, Document, Relation, clean, compose, raw_text


def document_of(title, texts, spans):
    """A document whose one annotation has the spans into its raw text."""
    sections = tuple((f"s{number}", text) for number, text in enumerate(texts))
    raw = raw_text(title, sections)
    words = " ".join(raw[start:end] for start, end in spans)
    return Document("X:1", title=title, sections=sections, annotations=(Annotation("a", tuple(spans), words, "T"),))


def cut(document):
    """What each span of each annotation row gives in the composed text."""
    text = compose(document.title, document.sections)[0]
    return [[text[s["start"] : s["end"]] for s in row["spans"]] for row in annotation_rows(document)]


def test_empty_sections_before_an_annotation_move_it():
    document = document_of("Title", ["", " \n ", "Aspirin helps"], [(11, 18)])
    assert document.annotations[0].text == "Aspirin"
    assert cut(document) == [["Aspirin"]]
    assert annotation_rows(document)[0]["start"] == 6


def test_a_text_that_is_not_in_nfc_moves_what_comes_after():
    raw = "Cafe\u0301 and gout"  # e and an accent become one character
    document = document_of("Title", [raw], [(6 + raw.index("gout"), 6 + len(raw))])
    assert cut(document) == [["gout"]]
    assert annotation_rows(document)[0]["start"] == 6 + len("Café and ")


def test_what_nfc_joins_and_takes_apart_in_one_text_moves_both():
    raw = "e\u0301 gout \u0344"  # one character fewer before, one more behind: the length stays
    assert len(clean(raw)) == len(raw)
    assert cut(document_of("", [raw], [(1 + raw.index("gout"), 1 + raw.index("gout") + 4)])) == [["gout"]]


def test_every_part_of_a_discontinuous_mention_moves():
    document = document_of("T", ["", "sagittal and left transverse sinus"], [(3, 11), (32, 37)])
    (row,) = annotation_rows(document)
    assert cut(document) == [["sagittal", "sinus"]]
    assert (row["start"], row["end"]) == (row["spans"][0]["start"], row["spans"][1]["end"])


def test_a_control_character_inside_keeps_offsets():
    assert cut(document_of("T", ["a\x00b gout"], [(6, 10)])) == [["gout"]]


def test_spans_that_leave_the_text_leave_no_row():
    for spans in ([(0, 99)], [(-1, 2)], [(3, 3)], [(0, 1), (50, 60)]):
        assert annotation_rows(document_of("Fever", ["gout"], spans)) == []


def test_a_span_in_a_section_that_is_left_out_leaves_no_row():
    assert annotation_rows(document_of("Fever", [" \n ", "gout and more"], [(6, 8)])) == []


def test_rows_of_relations_keep_roles_and_attributes():
    relation = Relation("Bind", (("subject", "A:1"), ("object", "B:2")), (("novelty", "No"),))
    assert relation_rows(Document("X:1", relations=(relation,))) == [
        {
            "type": "Bind",
            "arguments": [{"role": "subject", "reference": "A:1"}, {"role": "object", "reference": "B:2"}],
            "attributes": [{"key": "novelty", "value": "No"}],
        }
    ]


# letters, marks that combine, characters that NFC takes apart or replaces, spaces, controls, and what lies outside the BMP
TEXT = st.text(st.sampled_from("ab \n\x00\x85e\u0301\u0344ä\u0958\u212b\u1100\u1161가😀中"), max_size=12)


@st.composite
def documents(draw):
    title, texts = draw(TEXT), draw(st.lists(TEXT, max_size=4))
    parts = [title, *texts]
    part = draw(st.sampled_from(range(len(parts))))
    length = len(parts[part])
    start, end = sorted((draw(st.integers(0, length)), draw(st.integers(0, length))))
    before = sum(len(text) + 1 for text in parts[:part])
    return parts[part], start, end, document_of(title, texts, [(before + start, before + end)])


@settings(max_examples=500)
@given(documents())
def test_an_annotation_keeps_its_words(case):
    text, start, end, document = case
    # a border inside what NFC joins to one character has no place in the cleaned text
    pieces = [text[:start], text[start:end], text[end:]]
    whole = "".join(unicodedata.normalize("NFC", piece) for piece in pieces) == unicodedata.normalize("NFC", text)
    if start == end:
        assert cut(document) == []
    elif whole and clean(text).strip():
        assert cut(document) == [[clean(text[start:end])]]
