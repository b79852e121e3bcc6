"""Annotated corpora for training and judging."""

import pytest

from pipeline.errors import MateriaError
from pipeline.gold_corpus import read_gold_corpus, without_documents


def pubtator(folder, number):
    folder.mkdir(exist_ok=True)
    path = folder / "train.pubtator"
    path.write_text(f"{number}|t|Aspirin helps.\n{number}|a|\n{number}\t0\t7\tAspirin\tChemical\tD001241\n\n")
    return str(path)


def test_two_corpora_may_name_their_files_alike(tmp_path):
    paths = [pubtator(tmp_path / "bc5cdr", 1), pubtator(tmp_path / "ncbi", 2)]
    assert read_gold_corpus(paths).doc_ids == {"PMID:1", "PMID:2"}


def test_a_paper_in_two_corpora_counts_once_and_can_be_taken_out(tmp_path):
    corpus = read_gold_corpus([pubtator(tmp_path / "a", 1), pubtator(tmp_path / "b", 1)])
    assert sum(rows.num_rows for rows in corpus.documents) == 1
    assert without_documents(corpus, frozenset({"PMID:1"})).documents == ()


def test_a_corpus_without_annotations_is_one_clear_error(tmp_path):
    path = tmp_path / "plain.pubtator"
    path.write_text("1|t|Aspirin helps.\n1|a|\n\n")
    with pytest.raises(MateriaError, match="no document holds an annotation"):
        read_gold_corpus([str(path)])
