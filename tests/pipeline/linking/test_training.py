"""Learning from annotated mentions, and the judgement of links, on small files and on BC5CDR."""

import gzip

import pytest

from pipeline.errors import MateriaError
from pipeline.linking.evaluation import evaluate_linking
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import Linker, Query
from pipeline.linking.training import train_linker
from pipeline.vocabularies import load_vocabulary

MEDIC = "D056486||Drug-Induced Liver Injury\nD003920||Diabetes Mellitus|Diabetes\nD007674|C123456||Kidney Diseases\nD004827||Epilepsy\n"
TRAIN = [
    ("1", "Zorbitis was severe", "Zorbitis", "D056486"),
    ("2", "zorbitis again", "zorbitis", "D056486"),
    ("3", "Epilepsy seen", "Epilepsy", "D004827"),
]


def pubtator(rows):
    return "\n".join(
        f"{pmid}|t|{title}\n{pmid}|a|Text.\n{pmid}\t{title.index(text)}\t{title.index(text) + len(text)}\t{text}\tDisease\t{ids}\n"
        for pmid, title, text, ids in rows
    )


@pytest.fixture
def files(tmp_path):
    (tmp_path / "medic.txt").write_text(MEDIC)
    (tmp_path / "train.pubtator").write_text(pubtator(TRAIN))
    return tmp_path


def judge(folder, rows, train=()):
    gold = folder / "gold.pubtator"
    gold.write_text(pubtator(rows))
    return evaluate_linking([str(gold)], [str(folder / "medic.txt")], train=[str(path) for path in train])


def test_a_remembered_mention_is_linked_only_with_the_model(files):
    vocabulary = [str(files / "medic.txt")]
    index = LinkingIndex.build(load_vocabulary(vocabulary, lambda _: None), files / "index")
    figures = train_linker([str(files / "train.pubtator")], vocabulary, files / "model")
    assert (figures["documents"], figures["mentions"], figures["remembered_names"]) == (3, 3, 2)
    ask = [Query(0, 8, "zorbitis", "Disease")]
    assert "MESH:D056486" not in [link.curie for link in Linker(index).link("zorbitis", ask)[0]]
    (links,) = Linker.open(index, files / "model").link("zorbitis", ask)
    assert links[0].curie == "MESH:D056486"


def test_training_gives_the_same_bytes_again(files):
    for out in ("one", "two"):
        train_linker([str(files / "train.pubtator")], [str(files / "medic.txt")], files / out)
    names = sorted(path.relative_to(files / "one") for path in (files / "one").rglob("*") if path.is_file())
    assert len(names) > 3
    assert all((files / "one" / name).read_bytes() == (files / "two" / name).read_bytes() for name in names)


def test_a_paper_that_is_judged_is_not_learned_from(files):
    rows = [("1", "Zorbitis was severe", "Zorbitis", "D056486")]
    train = files / "same.pubtator"
    train.write_text(pubtator([*rows, ("3", "Epilepsy seen", "Epilepsy", "D004827")]))
    assert judge(files, rows, [train])["recall@30"] == 0
    assert judge(files, rows, [files / "train.pubtator"])["recall@1"] == 1


def test_what_counts_as_right(files):
    rows = [
        ("11", "Epilepsy here", "Epilepsy", "D003920|D004827"),
        ("12", "Kidney disease here", "Kidney disease", "C123456"),
        ("13", "Unheard of", "Unheard", "D999999"),
        ("14", "Not linked", "Not", "-1"),
    ]
    figures = judge(files, rows)
    assert figures["n"] == 3
    assert figures["by_type"]["Disease"]["recall@1"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["gold_in_vocabulary"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["index_seconds"] >= 0
    assert figures["mentions_per_second"] > 0
    assert figures["peak_mib"] > 0


def test_training_files_without_a_known_concept_are_one_clear_error(files):
    (files / "other.pubtator").write_text(pubtator([("1", "Unheard of", "Unheard", "D999999")]))
    with pytest.raises(MateriaError, match="link no mention"):
        train_linker([str(files / "other.pubtator")], [str(files / "medic.txt")], files / "model")


@pytest.mark.realdata
def test_bc5cdr_links_are_as_good_as_is_said(materia_data, tmp_path):
    lines = (materia_data / "annotated" / "bc5cdr" / "dev.pubtator").read_text().split("\n\n")
    (tmp_path / "some.pubtator").write_text("\n\n".join(lines[:80]) + "\n")
    medic = materia_data / "vocabulary" / "medic_2012-07-06.txt.gz"
    (tmp_path / "medic.txt").write_bytes(gzip.decompress(medic.read_bytes()))
    figures = evaluate_linking([str(tmp_path / "some.pubtator")], [str(tmp_path / "medic.txt")])
    disease = figures["by_type"]["Disease"]
    assert disease["n"] > 300
    assert disease["recall@1"] > 0.8
    assert disease["recall@30"] > 0.93
