"""Parts: no document and no text in two, shares that do not move as files grow, folds that cover everything once."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MateriaError, SetAside
from training.finetuning.examples import folds, read_examples, read_parts
from training.tasks.base import Example
from training.tasks.config import TaskDataConfig


class Listed:
    """A task whose files are names of lists of examples."""

    name = "listed.v1"

    def __init__(self, **files):
        self._files = files

    def read(self, files, settings) -> Iterator[object]:
        return itertools.chain.from_iterable(self._files[file] for file in files)


def example(number, document=None, text=None):
    return Example(f"f.csv, line {number}", document or f"d{number}", (text or f"text {number}",), frozenset("a"))


def many(number, start=0):
    return [example(n) for n in range(start, start + number)]


def test_shares_are_about_what_was_asked_for_and_no_document_is_in_two():
    parts = read_parts(Listed(a=many(1000)), TaskDataConfig(train=("a",)))
    assert len(parts.test) == pytest.approx(200, abs=40)
    assert len(parts.validation) == pytest.approx(80, abs=30)
    names = [{e.document for e in part} for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, names)) == len(set().union(*names)) == 1000
    assert len(parts.labelled) == 1000


def test_a_file_that_grows_moves_nothing():
    data = TaskDataConfig(train=("a",))
    before, after = (read_parts(Listed(a=many(n)), data) for n in (100, 150))
    for name in ("train", "validation", "test"):
        assert set(getattr(before, name)) <= set(getattr(after, name))


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=60, max_size=80))
def test_a_text_is_never_in_two_parts_whatever_documents_share(pairs):
    rows = [
        example(n, f"d{d}" if d < 4 else f"own {n}", f"t{t}" if t < 2 else f"own {n}") for n, (d, t) in enumerate(pairs)
    ]
    whole = read_parts(Listed(a=rows), TaskDataConfig(train=("a",), test_share=0, validation_share=0))
    try:
        divided = [(p.train, p.test) for p in folds(whole, 3, TaskDataConfig(validation_share=0))]
    except MateriaError:
        return  # everything hangs together
    for train, test in divided:
        assert not {e.document for e in train} & {e.document for e in test}
        assert not {e.texts for e in train} & {e.texts for e in test}
    assert sorted(e.id for _, test in divided for e in test) == sorted(e.id for e in rows)


def test_files_that_are_given_are_taken_whole():
    parts = read_parts(
        Listed(a=many(20), b=many(5, 20), c=many(5, 30)), TaskDataConfig(train=("a",), validation=("b",), test=("c",))
    )
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [20, 5, 5]
    assert parts.counts()["test"] == {"examples": 5, "documents": 5}


@pytest.mark.parametrize("other", ["validation", "test"])
def test_an_overlap_names_five_rows_and_how_many(other):
    again = [example(100 + n, text=f"TEXT   {n}") for n in range(7)]
    data = TaskDataConfig(train=("a",), **{other: ("b",)})
    with pytest.raises(MateriaError) as refused:
        read_parts(Listed(a=many(20), b=again), data)
    said = str(refused.value)
    assert f"7 {other} examples are among the training examples" in said
    assert "f.csv, line 100 (text of f.csv, line 0)" in said and "line 104" in said and "line 105" not in said
    assert "and 2 more" in said


def test_one_document_in_two_files_is_an_overlap_whatever_is_asked_of_it():
    with pytest.raises(MateriaError, match=r"line 50 \(document d3, as f.csv, line 3\)"):
        read_parts(Listed(a=many(20), b=[example(50, "d3")]), TaskDataConfig(train=("a",), test=("b",)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"train": ()}, "no files to learn from"),
        ({"train": ("few",)}, r"of 1 documents a share of 0.2 leaves none for (test|training)"),
        ({"train": ("none",)}, "holds no example of listed.v1"),
    ],
)
def test_too_little_is_refused(data, said):
    with pytest.raises(MateriaError, match=said):
        read_parts(Listed(few=many(1), none=[]), TaskDataConfig(**data))


def test_rows_that_cannot_be_read_are_counted_and_those_without_a_label_refused():
    broken = SetAside("f.csv", "line 9", "bad-row", "The row cannot be read. Close its quotation marks.")
    read = read_parts(Listed(a=[broken, *many(40), broken]), TaskDataConfig(train=("a",)))
    assert read.aside() == {"bad-row": 2}
    unlabelled = [SetAside("f.csv", f"line {n}", "no-label", "The record has no label. Write one.") for n in range(8)]
    with pytest.raises(MateriaError, match=r"8 rows are refused \(no-label\): f.csv, line 0; .*and 3 more. The record"):
        read_examples(Listed(a=[*many(4), *unlabelled]), ("a",), TaskDataConfig())


def test_more_folds_than_documents_are_refused():
    whole = read_parts(Listed(a=many(3)), TaskDataConfig(train=("a",), test_share=0, validation_share=0))
    with pytest.raises(MateriaError, match="too few documents for 50 folds"):
        list(folds(whole, 50, TaskDataConfig()))
