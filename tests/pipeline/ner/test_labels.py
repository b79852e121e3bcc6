"""Tags of words and spans of text stand for one another."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ner.labels import Unlearned, apart, decode, encode
from pipeline.ner.words import cut

TEXTS = st.text(st.sampled_from("abZ9 -.(\n🙂é\u0301α"), max_size=40)


@given(TEXTS, st.data())
def test_entities_that_are_whole_words_survive_their_tags(text, data):
    words = cut(text)
    places = st.tuples(
        st.integers(0, max(0, len(words) - 1)), st.integers(0, 3), st.sampled_from(["Chemical", "Disease"])
    )
    drawn = data.draw(st.lists(places, max_size=5)) if len(words) else []
    spans = words.spans
    entities = [(spans[i][0], spans[min(i + n, len(spans) - 1)][1], kind) for i, n, kind in drawn]
    assert decode(words, encode(words, entities)) == apart(entities)


@given(TEXTS)
def test_sentences_hold_every_word_once_and_words_are_the_text_without_white_space(text):
    words = cut(text)
    assert [i for first, last in words.sentences for i in range(first, last)] == list(range(len(words)))
    assert "".join(words.texts) == "".join(text.split())
    assert [text[start:end] for start, end in words.spans] == words.texts


def test_a_mention_ends_inside_what_hyphens_join():
    words = cut("phenobarbital-induced dyskinesia")
    assert encode(words, [(0, 13, "Chemical")])[:3] == ["U-Chemical", "O", "O"]


def test_the_longest_of_overlapping_mentions_is_learned_and_the_others_are_counted():
    words, unlearned = cut("breast and ovarian cancer"), Unlearned()
    tags = encode(words, [(0, 25, "Disease"), (11, 25, "Disease"), (3, 6, "Disease")], unlearned)
    assert tags == ["B-Disease", "I-Disease", "I-Disease", "L-Disease"]
    assert (unlearned.overlapping, unlearned.inside_words) == (2, 0)


def test_a_mention_inside_a_word_is_counted():
    unlearned = Unlearned()
    assert encode(cut("rDEN2Delta30"), [(0, 10, "Variant")], unlearned) == ["O"]
    assert unlearned.inside_words == 1


def test_tags_that_make_no_whole_entity_give_none():
    words = cut("a b c d")
    assert decode(words, ["B-X", "O", "I-X", "L-X"]) == []
    assert decode(words, ["B-X", "L-Y", "B-X", "B-X"]) == []
    assert decode(words, ["B-X", "U-Y", "B-Y", "L-Y"]) == [(2, 3, "Y"), (4, 7, "Y")]
