"""Files of downstream tests in every form: their names and texts; and what is said of those that cannot be read."""

import gzip
import json
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream import downstream_identity, read_downstream_tests
from kg.cleaning.downstream_files import DownstreamDocument, read_downstream_file
from pipeline.errors import MateriaError
from pipeline.tables import DOCUMENTS

PUBMEDQA = {
    "10808977": {"QUESTION": "Can aspirin help?", "CONTEXTS": ["It was given.", "It helped."], "LONG_ANSWER": "Yes it can.", "YEAR": "1999"},
    "9363244": {"QUESTION": "Does it harm?", "CONTEXTS": ["No harm."], "LABELS": []},
}  # fmt: skip
PUBMED = """<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">123</PMID><Article><ArticleTitle>A title.</ArticleTitle>
<Abstract><AbstractText>An abstract.</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>"""


def read(path):
    return list(read_downstream_file(str(path)))


def names_and_texts(path):
    found = read(path)
    assert all(isinstance(item, DownstreamDocument) for item in found), found
    return [(item.names, item.texts) for item in found]


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_pubmedqa_names_its_papers_by_keys(tmp_path):
    path = tmp_path / "pubmedqa.json.gz"
    path.write_bytes(gzip.compress(json.dumps(PUBMEDQA).encode()))
    assert names_and_texts(path) == [
        (("PMID:10808977",), ("Can aspirin help?", "It was given.", "It helped.", "Yes it can.", "1999")),
        (("PMID:9363244",), ("Does it harm?", "No harm.")),
    ]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.jsonl", '{"pmid": 12, "question": "Q?"}\n\n{"id": "77", "options": {"A": "x y", "B": "z"}}\n', [(("PMID:12",), ("Q?",)), ((), ("77", "x y", "z"))]),
        ("a.json", '[{"text": "糖尿病", "entities": [{"entity": "病"}]}]', [((), ("糖尿病", "病"))]),
        ("a.json", '{"version": "1", "questions": [{"body": "Q?"}, {"body": "R?"}]}', [((), ("Q?",)), ((), ("R?",)), ((), ("1",))]),
        ("a.json", '["12345", "DOI:10.1000/X", "A sentence of its own."]', [(("PMID:12345",), ()), (("DOI:10.1000/x",), ()), ((), ("A sentence of its own.",))]),
        ("a.csv", 'pmid,question,answer\n31,"Is it, so?",yes\n', [(("PMID:31",), ("31", "Is it, so?", "yes"))]),
        ("a.tsv", "question\tanswer\nIs it?\tno\n", [((), ("Is it?", "no"))]),
        ("a.csv", ",option,option\n1,Yes it is.,No.\n", [((), ("1", "Yes it is.", "No."))]),
        ("a.csv", "q,a\nIs it?\n\nWas it?,yes,left over\n", [((), ("Is it?",)), ((), ("Was it?", "yes", "left over"))]),
        ("a.json", '["Half a \\ud800 sign."]', [((), ("Half a ? sign.",))]),
        ("ids.txt", "12345\nPMC777\n10.1000/ABC\n", [(("PMID:12345",), ()), (("PMC:777",), ()), (("DOI:10.1000/abc",), ())]),
        ("12345678.txt", "The text of a paper.\n\nAnd more.", [(("PMID:12345678",), ("The text of a paper.", "And more."))]),
        ("note.txt", "The text of a note.", [((), ("The text of a note.",))]),
        ("a.xml", PUBMED, [(("PMID:123",), ("A title.", "An abstract."))]),
        ("a.pubtator", "55|t|Aspirin helps.\n55|a|It does.\n\n", [(("PMID:55",), ("Aspirin helps.", "It does."))]),
    ],
)  # fmt: skip
def test_every_form_is_read(tmp_path, name, text, expected):
    assert names_and_texts(write(tmp_path, name, text)) == expected


def test_parquet_is_read_with_all_its_columns(tmp_path):
    pq.write_table(
        pa.table({"doi": ["10.1000/A"], "question": ["Q?"], "choices": [["a", "b"]], "n": [3]}), tmp_path / "a.parquet"
    )
    assert names_and_texts(tmp_path / "a.parquet") == [(("DOI:10.1000/a",), ("10.1000/A", "Q?", "a", "b"))]


def test_archives_and_folders_are_read(tmp_path):
    inner = tmp_path / "in"
    inner.mkdir()
    write(inner, "12345678.txt", "One text here.")
    write(inner, "b.json", json.dumps(PUBMEDQA))
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        archive.add(inner, "in")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in sorted(inner.iterdir()):
            archive.write(path, path.name)
    expected = {"PMID:12345678", "PMID:10808977", "PMID:9363244"}
    for path in (inner, tmp_path / "a.tgz", tmp_path / "a.zip"):
        assert {name for names, _ in names_and_texts(path) for name in names} == expected


def gathered(*files, config=None, aside=None, documents=()):
    return read_downstream_tests(
        [str(file) for file in files], config or CleaningConfig(), ([] if aside is None else aside).append, documents
    )


def test_a_label_says_where_the_document_stands(tmp_path):
    files = [write(tmp_path, "a.jsonl", '{"q": "one"}\n{"pmid": "7"}\n'), write(tmp_path, "b.csv", "q\nx\n")]
    assert gathered(*files).labels == ["PMID:7", "a.jsonl, line 1", "b.csv, row 1"]


def test_the_order_of_files_does_not_matter(tmp_path):
    text = "these are the fourteen words of a sentence that two tests have in common"
    files = [
        write(tmp_path, f"{name}.jsonl", json.dumps({"pmid": pmid, "q": text}))
        for name, pmid in (("a", "9"), ("b", "8"))
    ]
    one, other = gathered(*files), gathered(*files[::-1])
    assert one.labels == other.labels == ["PMID:8", "PMID:9"]
    assert one.names == other.names
    assert {n: (runs.hashes.tolist(), runs.documents.tolist()) for n, runs in one.runs.items()} == {
        n: (runs.hashes.tolist(), runs.documents.tolist()) for n, runs in other.runs.items()
    }
    assert set(one.runs[13, False].documents.tolist()) == {0}  # a run in both names the first


def test_texts_shorter_than_a_run_count_from_eight_words(tmp_path):
    rows = [{"q": "w " * n} for n in (7, 8, 12, 13, 20)]
    file = write(tmp_path, "a.json", json.dumps(rows))
    assert {n: len(runs.hashes) for n, runs in gathered(file).runs.items()} == {
        (8, None): 1,
        (12, None): 1,
        (13, False): 1,
    }


def test_aliases_say_what_else_a_document_is_called(tmp_path):
    rows = [("PMID:5", ["DOI:10.1000/x", "PMC:6"]), ("PMID:8", [])]
    table = pa.table({"doc_id": [d for d, _ in rows], "aliases": pa.array([a for _, a in rows], pa.list_(pa.string()))})
    pq.write_table(table, tmp_path / "documents.parquet")
    assert {"doc_id", "aliases"} <= set(DOCUMENTS.names)
    found = gathered(write(tmp_path, "ids.txt", "10.1000/x\nPMID:9\n"), documents=[str(tmp_path / "documents.parquet")])
    assert found.names == {
        "DOI:10.1000/x": "DOI:10.1000/x",
        "PMID:5": "DOI:10.1000/x",
        "PMC:6": "DOI:10.1000/x",
        "PMID:9": "PMID:9",
    }


def test_identity_goes_by_content_and_name_not_by_folder(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    one, other = write(tmp_path / "x", "a.txt", "text"), write(tmp_path / "y", "a.txt", "text")
    assert downstream_identity([str(one)]) == downstream_identity([str(other)])
    write(tmp_path / "y", "a.txt", "other")
    assert downstream_identity([str(one)]) != downstream_identity([str(other)])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.json", None, "does not exist"),
        ("empty.json", b"", "empty"),
        ("blank.jsonl", b" \n\n", "empty"),
        ("bytes.txt", b"\x00\x01\x02" * 50, "no text"),
        ("bytes.bin", b"\x00\x01\x02" * 50, "no reader knows this format. Save it as JSON"),
        ("cut.json.gz", gzip.compress(json.dumps(PUBMEDQA).encode())[:-30], "gzip"),
        ("broken.json", b'[{"q": "one"}, {"q": ', "JSON"),
        ("broken.parquet", b"PAR1" + b"x" * 100, "damaged"),
        ("nothing.json", b"[]", "no document"),
        ("broken.zip", b"PK\x03\x04" + b"x" * 100, "archive"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_one_sentence(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MateriaError, match=said) as caught:
        gathered(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_bad_record_is_set_aside_and_the_others_read(tmp_path):
    aside = []
    found = gathered(write(tmp_path, "a.jsonl", '{"pmid": 1}\n{"pmid": \n{"pmid": 3}\n'), aside=aside)
    assert sorted(found.names) == ["PMID:1", "PMID:3"]
    assert [(item.record, item.reason) for item in aside] == [("line 2", "invalid-json")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize(
    "text", ['[{"q": "糖尿病患者应当控制饮食，坚持运动。"}]', "q,a\n糖尿病患者应当控制饮食，坚持运动。,是\n"]
)
def test_any_encoding_is_read(tmp_path, encoding, text):
    path = tmp_path / ("a.json" if text.startswith("[") else "a.csv")
    path.write_bytes(text.encode(encoding))
    ((_, texts),) = names_and_texts(path)
    assert texts[0] == "糖尿病患者应当控制饮食，坚持运动。"


def test_a_file_of_two_encodings_is_read_and_what_is_lost_is_told(tmp_path):
    line = '{"q": "糖尿病患者应当控制饮食"}\n'
    (tmp_path / "a.jsonl").write_bytes(3 * line.encode() + line.encode("gb18030"))
    aside = []
    assert len(gathered(tmp_path / "a.jsonl", aside=aside).labels) == 4
    assert [(item.file, item.reason) for item in aside] == [("a.jsonl", "mixed-encodings")]


@pytest.mark.realdata
def test_real_test_sets_are_read(materia_data):
    files = [materia_data / "downstream" / name for name in ("pubmedqa_train.json.gz", "hoc.tgz")]
    assert [len(gathered(file).names) for file in files] == [500, 1852]
