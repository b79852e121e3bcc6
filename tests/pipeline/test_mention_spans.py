import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.mention_spans import DICTIONARY, Span, carry_definitions, resolve_overlaps, with_context
from pipeline.name_senses import Concept
from pipeline.sentences import split_sentences

DISEASE, CHEMICAL = "biolink:Disease", "biolink:ChemicalEntity"


def found(start, end, category=DISEASE, score=1.0, curie=None, finder="model"):
    return Span(start, end, category, curie, score, None, finder)


def known(start, end, curie="MESH:1", category=DISEASE):
    return Span(start, end, category, curie, 1.0)


def test_the_longer_span_wins_whoever_found_it():
    assert resolve_overlaps([found(0, 5), known(0, 9)]) == [known(0, 9)]
    assert resolve_overlaps([known(0, 5), found(3, 9)]) == [found(3, 9)]


def test_of_equal_spans_the_recogniser_wins_then_the_surer_then_the_class_then_the_identifier():
    assert resolve_overlaps([known(0, 5), found(0, 5, score=0.1)]) == [found(0, 5, score=0.1)]
    assert resolve_overlaps([found(0, 5, score=0.1), found(0, 5, CHEMICAL, 0.9)]) == [found(0, 5, CHEMICAL, 0.9)]
    both = [found(0, 5, CHEMICAL), found(0, 5, DISEASE)]
    assert resolve_overlaps(both) == resolve_overlaps(both[::-1])
    assert resolve_overlaps([known(0, 5, "MESH:2"), known(0, 5, "MESH:1")]) == [known(0, 5, "MESH:1")]


def test_neighbours_that_touch_both_stand_and_empty_spans_do_not():
    assert resolve_overlaps([found(5, 9), found(0, 5), found(3, 3)]) == [found(0, 5), found(5, 9)]


spans = st.lists(
    st.builds(
        lambda start, length, category, score, known: Span(
            start, start + length, category, "MESH:1" if known else None, score, None, DICTIONARY if known else "model"
        ),
        st.integers(0, 30),
        st.integers(0, 8),
        st.sampled_from([DISEASE, CHEMICAL, "biolink:NamedThing"]),
        st.sampled_from([0.5, 1.0]),
        st.booleans(),
    ),
    max_size=12,
)


@given(spans, st.randoms())
def test_what_stands_is_apart_and_does_not_depend_on_the_order_of_candidates(candidates, random):
    kept = resolve_overlaps(candidates)
    assert all(a.end <= b.start for a, b in itertools.pairwise(kept))
    assert set(kept) <= set(candidates)
    shuffled = [*candidates]
    random.shuffle(shuffled)
    assert resolve_overlaps(shuffled) == kept
    # What gave way lies over something that stands and is no shorter.
    for span in candidates:
        if span.start < span.end and span not in kept:
            assert any(
                span.start < k.end and k.start < span.end and k.end - k.start >= span.end - span.start for k in kept
            )


def carried(text, spans, definitions, lookup=lambda _: None):
    return [
        (text[s.start : s.end], s.curie, s.expanded, s.finder)
        for s in carry_definitions(text, spans, definitions, lookup)
    ]


def test_a_recognised_long_form_gives_its_short_forms():
    text = "Foo bar syndrome (FBS) is rare. FBS hurts; FBSs differ."
    assert carried(text, [found(0, 16)], {"FBS": (0, 16)}) == [
        ("Foo bar syndrome", None, None, "model"),
        ("FBS", None, "Foo bar syndrome", "model"),
        ("FBS", None, "Foo bar syndrome", "model"),
        ("FBSs", None, "Foo bar syndrome", "model"),
    ]


def test_a_recognised_short_form_is_told_its_long_form_and_one_of_the_dictionary_gives_way():
    text = "national index of moths (NIM). NIM fell."
    assert carried(text, [found(31, 34)], {"NIM": (0, 23)}) == [("NIM", None, "national index of moths", "model")]
    assert carried(text, [known(31, 34)], {"NIM": (0, 23)}) == []


def test_a_long_form_that_is_no_span_is_looked_up():
    text = "high blood pressure (HBP). HBP fell."
    concept = Concept("MESH:5", DISEASE, 0.9)
    lookup = {"high blood pressure": concept}.get
    assert [row[1] for row in carried(text, [], {"HBP": (0, 19)}, lookup)] == ["MESH:5", "MESH:5"]


def test_a_span_over_the_end_of_a_sentence_counts_to_where_it_begins():
    text = "One of H. Pylori stays. Two."
    (mention,) = with_context(text, [(0, 9), (10, 23), (24, 28)], [found(7, 16)])
    assert (mention["sentence_start"], mention["sentence_end"]) == (0, 16)


def test_a_text_without_stops_has_sentences_of_bounded_length():
    text = "aspirin and headache " * 5000
    sentences = split_sentences(text)
    assert max(end - start for start, end in sentences) <= 3000
    assert " ".join(text[start:end] for start, end in sentences) == text.strip()
    assert len(split_sentences("x" * 10_000)) == 4
