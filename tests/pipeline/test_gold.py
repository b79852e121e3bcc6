"""Gold annotations keep to their words when the text is cleaned and joined."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.gold import annotation_rows, relation_rows
from pipeline.readers.base import Annotation, Document, Relation, clean, compose, raw_text

# Letters that NFC joins, parts, moves or leaves, surrogates, controls that become spaces, white space, and astral characters.
_TEXT = st.text(st.sampled_from("ab é\u0301\u212b\u0958ﬁ\u1100\u1161\x00\x85\t\n\ud800😀"), max_size=12)
_SECTIONS = st.lists(st.tuples(st.just("body"), _TEXT), max_size=4)


@st.composite
def documents(draw):
    title, sections = draw(_TEXT), draw(_SECTIONS)
    raw = raw_text(title, sections)
    start = draw(st.integers(0, max(0, len(raw) - 1)))
    end = draw(st.integers(start + 1, len(raw) + 1))
    return Document("PMID:1", title=title, sections=tuple(sections), annotations=(one((start, end), raw[start:end]),))


def one(*spans_and_text, name="T1"):
    *spans, text = spans_and_text
    return Annotation(name, tuple(spans), text, "Disease", ("MESH:D1",))


def within_one_part(document):
    """The part an annotation lies in and its offsets there; None where it leaves the text or runs over a seam."""
    ((start, end),) = document.annotations[0].spans
    for part in (document.title, *(text for _, text in document.sections)):
        if 0 <= start < end <= len(part):
            return part, start, end
        start, end = start - len(part) - 1, end - len(part) - 1
    return None


def is_safe(part, start, end):
    """Whether NFC joins nothing across the ends of a span, so that its words have one place in the cleaned text."""
    pieces = [part[:start], part[start:end], part[end:]]
    return "".join(map(clean, pieces)) == clean(part)


@given(documents())
def test_a_moved_annotation_covers_its_own_words(document):
    rows = annotation_rows(document)
    text, _ = compose(document.title, document.sections)
    place = within_one_part(document)
    if place is not None and clean(place[0]).isspace() and place[0] is not document.title:
        assert rows == []  # its section is left out
    elif place is not None and is_safe(*place):
        (row,) = rows
        assert text[row["start"] : row["end"]] == clean(document.annotations[0].text)
    for row in rows:  # whatever is kept lies in the text, also where a span runs over a seam
        assert 0 <= row["start"] < row["end"] <= len(text)


def test_sections_left_out_before_an_annotation_move_it():
    document = Document(
        "PMID:1", title="T", sections=(("a", ""), ("b", "  "), ("c", "gout")), annotations=(one((6, 10), "gout"),)
    )
    assert raw_text(document.title, document.sections)[6:10] == "gout"
    assert compose(document.title, document.sections)[0] == "T\ngout"
    (row,) = annotation_rows(document)
    assert (row["start"], row["end"]) == (2, 6)


def test_characters_that_are_joined_before_an_annotation_move_it():
    title = unicodedata.normalize("NFD", "naïve é ") + "gout"
    document = Document("PMID:1", title=title, annotations=(one((10, 14), "gout"),))
    (row,) = annotation_rows(document)
    assert compose(title, ())[0][row["start"] : row["end"]] == "gout"


def test_every_part_of_a_discontinuous_annotation_is_kept_and_one_outside_the_text_is_not():
    inside, outside = one((0, 2), (4, 6), "ab ef"), one((0, 2), (5, 7), "ab f")
    (row,) = annotation_rows(Document("PMID:1", title="ab cef"[:6], annotations=(inside, outside)))
    assert row["spans"] == [{"start": 0, "end": 2}, {"start": 4, "end": 6}]
    assert (row["start"], row["end"], row["identifiers"]) == (0, 6, ["MESH:D1"])


def test_relations_keep_roles_references_and_attributes():
    relation = Relation("CID", (("subject", "MESH:D1"), ("object", "T1")), (("novelty", "No"),))
    assert relation_rows(Document("PMID:1", title="T", relations=(relation,))) == [
        {
            "type": "CID",
            "arguments": [{"role": "subject", "reference": "MESH:D1"}, {"role": "object", "reference": "T1"}],
            "attributes": [{"key": "novelty", "value": "No"}],
        }
    ]
