"""Units of a document, and the passage in which a pair meets."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.relations.reading import MentionSpan, read
from pipeline.relations.views import views_of


def spans(text, *named):
    return [MentionSpan(text.index(w), text.index(w) + len(w), (key,), kind) for w, key, kind in named]


def test_a_name_of_many_words_is_one_unit_and_numbers_are_alike():
    text = "Acute renal failure after 12.5 mg of cisplatin."
    reading = read(text, spans(text, ("Acute renal failure", "D", "Disease"), ("cisplatin", "C", "Chemical")))
    assert reading.units == ["@Disease", "after", "0", "mg", "of", "@Chemical", "."]


def test_two_entities_of_one_composite_mention_meet_in_one_unit():
    """BioRED marks one mention with the identifiers of two genes: their passage has one place for both."""
    text = "PSD-93/95 bind."
    view = views_of(read(text, [MentionSpan(0, 9, ("G1", "G2"), "Gene")]), [(0, 1)])[0]
    assert (view.units, view.a, view.b) == (["@AB", "bind", "."], 0, 0)


def test_other_mentions_are_masked_by_their_type_and_the_closest_pair_is_taken():
    text = "Aspirin was safe. Warfarin with aspirin caused bleeding."
    mentions = [
        MentionSpan(0, 7, ("A",), "Chemical"),
        MentionSpan(18, 26, ("W",), "Chemical"),
        MentionSpan(32, 39, ("A",), "Chemical"),
        MentionSpan(47, 55, ("B",), "Disease"),
    ]
    reading = read(text, mentions)
    assert [entity.key for entity in reading.entities] == ["A", "W", "B"]
    view = views_of(reading, [(0, 2)])[0]
    assert view.units == ["@Chemical", "with", "@A", "caused", "@B", "."]


def test_whole_sentences_between_two_mentions_go():
    text = "Aspirin was given. Nothing else was. Bleeding followed."
    reading = read(text, spans(text, ("Aspirin", "A", "Chemical"), ("Bleeding", "B", "Disease")))
    view = views_of(reading, [(0, 1)])[0]
    assert view.units == ["@A", "was", "given", ".", "@|", "@B", "followed", "."]
    assert view.passage == ("Aspirin was given. Bleeding followed.", (0, 7), (19, 27))


def test_the_passage_of_two_sentences_in_a_row_is_as_it_is_written():
    text = "Aspirin 12.5 mg.\nBleeding followed. Nothing else was."
    reading = read(text, spans(text, ("Bleeding", "B", "Disease"), ("Aspirin", "A", "Chemical")))
    passage = views_of(reading, [(0, 1)])[0].passage
    assert passage == ("Aspirin 12.5 mg.\nBleeding followed.", (0, 7), (17, 25))


_TEXT = "Aa bb 1, cc dd. Ee ff-gg (hh) ii. Jj kk ll mm nn.\nOo pp " + "qq " * 80 + "rr ss."
_SPAN = st.tuples(st.integers(0, len(_TEXT) - 2), st.integers(1, 12), st.sampled_from("CD"), st.sampled_from("123"))


@given(st.lists(_SPAN, min_size=2, max_size=12))
def test_every_pair_stands_in_its_passage_however_mentions_overlap(drawn):
    mentions = [
        MentionSpan(start, min(start + length, len(_TEXT)), (kind + key,), kind) for start, length, kind, key in drawn
    ]
    reading = read(_TEXT, mentions)
    pairs = [(a, b) for a in range(len(reading.entities)) for b in range(a + 1, len(reading.entities))]
    for view in views_of(reading, pairs):
        found = [view.passage.text[start:end] for start, end in (view.passage.a, view.passage.b)]
        assert "" not in found and set(found) <= {_TEXT[m.start : m.end] for m in mentions}
        marks = ("@AB", "@AB") if view.a == view.b else ("@A", "@B")
        assert (view.units[view.a], view.units[view.b]) == marks
        assert view.features == sorted(set(view.features))
    assert read(_TEXT, mentions[::-1]).units == reading.units
