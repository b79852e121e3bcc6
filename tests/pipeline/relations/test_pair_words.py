"""What a linear model reads of a marked pair."""

from pipeline.relations.pair_words import pair_words
from pipeline.relations.views import Passage

TEXT = "Oral aspirin induced gastric bleeding in rats."
ASPIRIN, BLEEDING = (5, 12), (29, 37)


def test_words_are_told_apart_by_where_they_stand():
    found = pair_words(Passage(TEXT, ASPIRIN, BLEEDING))
    assert {"w induced", "mab induced", "2 @a induced", "m2ab < induced", "lab oral", "rab in", "gapab 2"} <= set(found)
    assert {"a aspirin", "a= aspirin", "b> ding", "b< blee"} <= set(found)
    assert "w aspirin" not in found  # a name counts as a name alone


def test_the_pair_turned_is_another():
    there, back = (set(pair_words(Passage(TEXT, *pair))) for pair in ((ASPIRIN, BLEEDING), (BLEEDING, ASPIRIN)))
    assert "mba induced" in back - there
    assert "a= bleeding" in back - there


def test_mentions_that_overlap_or_touch_have_nothing_between():
    for pair in ((ASPIRIN, ASPIRIN), ((5, 20), (13, 28)), ((0, 12), (4, 12))):
        found = pair_words(Passage(TEXT, *pair))
        assert any(feature.startswith("gap") and feature.endswith(" 0") for feature in found), pair
