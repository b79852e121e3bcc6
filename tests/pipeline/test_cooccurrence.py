"""Co-occurrence against counts made by hand, and the law: the same rows whatever the order of the files."""

import math
from collections import defaultdict
from itertools import combinations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.biolink_predicates import PREDICATES
from pipeline.cooccurrence import PREDICATE, SENTENCES, SIGNIFICANT, cooccurrence_evidence, count_pairs
from pipeline.hashing import text_hash
from pipeline.tables import DOCUMENTS, EVIDENCE, LIVE_DOCUMENTS, MENTIONS


def tables(folder, papers, statuses=None):
    """Parquet files of papers: each is a list of sentences, each a string of one-letter names, which are also CURIEs."""
    documents, mentions, live = [], [], []
    for number, sentences in enumerate(papers):
        text = "\n".join(f"é {' '.join(names)}." for names in sentences)
        key = {
            "doc_id": f"PMID:{number + 1:03}",
            "version": 1,
            "text_hash": text_hash(text),
            "file": "f",
            "record": number,
        }
        documents.append({**key, "text": text, "sections": [{"label": "title", "start": 0, "end": len(text)}]})
        status = (statuses or {}).get(number, "active")
        live.append({**key, "batch": "b", "status": status})
        begin = 0
        for names in sentences:
            finish = begin + len(f"é {' '.join(names)}.")
            for place, name in enumerate(names):
                start = begin + 2 + 2 * place
                mentions.append(
                    {**key, "start": start, "end": start + 1, "text": name, "category": "biolink:Disease", "curie": f"X:{name}"}
                    | {"sentence_start": begin, "sentence_end": finish}
                )  # fmt: skip
            begin = finish + 1
    folder.mkdir(exist_ok=True)
    paths = []
    for name, rows, schema in (("d", documents, DOCUMENTS), ("m", mentions, MENTIONS), ("l", live, LIVE_DOCUMENTS)):
        table = pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in rows], schema)
        halves = table.num_rows // 2
        for part, piece in enumerate((table.slice(0, halves), table.slice(halves))):
            pq.write_table(piece, folder / f"{name}{part}.parquet")
        paths.append([str(folder / f"{name}{part}.parquet") for part in (0, 1)])
    return paths


def expected(papers, minimum):
    """Pairs, their counts and G2, by the formulas of the docstring."""
    sentences = [(number, frozenset(names)) for number, paper in enumerate(papers) for names in paper if names]
    single, together, where = defaultdict(int), defaultdict(int), defaultdict(set)
    for number, names in sentences:
        for name in names:
            single[name] += 1
        for pair in combinations(sorted(names), 2):
            together[pair] += 1
            where[pair].add(number)
    found = {}
    n = len(sentences)
    for (a, b), n11 in together.items():
        n1, n2 = single[a], single[b]
        cells = [
            (n11, n1 * n2), (n1 - n11, n1 * (n - n2)), (n2 - n11, (n - n1) * n2), (n - n1 - n2 + n11, (n - n1) * (n - n2)),
        ]  # fmt: skip
        g2 = 2 * sum(o * math.log(o * n / e) for o, e in cells if o)
        if len(where[a, b]) >= minimum and n11 * n > n1 * n2 and g2 > SIGNIFICANT:
            found[f"X:{a}", f"X:{b}"] = (n11, len(where[a, b]), pytest.approx(g2, abs=1e-5))
    return found


PAPERS = st.lists(st.lists(st.sampled_from(["", "A", "AB", "AB", "ABC", "CD", "D", "BD"]), max_size=4), max_size=25)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAPERS, st.integers(1, 4))
def test_pairs_are_those_that_the_formulas_find(tmp_path, papers, minimum):
    _, mentions, live = tables(tmp_path, papers)
    rows = count_pairs(mentions, live, minimum=minimum, threads=1).to_pylist()
    assert {(r["subject"], r["object"]): (r["sentences"], r["papers"], r["g2"]) for r in rows} == expected(
        papers, minimum
    )
    assert all(0 < row["npmi"] <= 1 for row in rows)


TOGETHER = [["AB"], ["AB", "C"], ["AB"], ["C"], ["D"], ["C"], ["D"], ["CD"], ["D"], ["C"], ["D"], ["C"]]


def evidence(paths, **options):
    return pa.Table.from_batches(list(cooccurrence_evidence(*paths, **options)), EVIDENCE)


def test_evidence_is_a_sentence_that_holds_both(tmp_path):
    paths = tables(tmp_path, TOGETHER)
    texts = {row["doc_id"]: row["text"] for path in paths[0] for row in pq.read_table(path).to_pylist()}
    rows = evidence(paths).to_pylist()
    assert [(r["doc_id"], r["subject"], r["object"]) for r in rows] == [
        (f"PMID:00{n}", "X:A", "X:B") for n in (1, 2, 3)
    ]
    for row in rows:
        assert texts[row["doc_id"]][row["sentence_start"] : row["sentence_end"]] == row["sentence"] == "é A B."
        assert texts[row["doc_id"]][row["subject_start"] : row["subject_end"]] == "A"
        assert texts[row["doc_id"]][row["object_start"] : row["object_end"]] == "B"
        assert (row["predicate"], row["extractor"], row["section"]) == (PREDICATE, "cooccurrence.v1", "title")
        assert 0 < row["probability"] < 1
    assert PREDICATE in PREDICATES
    assert len({row["evidence_id"] for row in rows}) == 3


def test_a_pair_has_no_more_than_so_many_sentences_one_a_paper(tmp_path):
    rows = evidence(tables(tmp_path, [["AB", "AB"]] * 15 + [["C"]] * 15)).to_pylist()
    assert [row["doc_id"] for row in rows] == [f"PMID:{n:03}" for n in range(1, SENTENCES + 1)]


def test_papers_that_are_deleted_or_retracted_do_not_count(tmp_path):
    assert evidence(tables(tmp_path, TOGETHER, {0: "retracted"})).num_rows == 0
    assert evidence(tables(tmp_path, TOGETHER, {1: "deleted"})).num_rows == 0


def test_a_list_says_nothing_of_any_two_in_it(tmp_path):
    everything = "".join(map(chr, range(0x100, 0x130)))
    assert evidence(tables(tmp_path, [[everything]] * 5 + [["C"]] * 40)).num_rows == 0


def test_the_same_rows_whatever_the_order_of_the_files_and_the_threads(tmp_path):
    paths = tables(tmp_path, TOGETHER)
    rows = evidence(paths, threads=1)
    assert evidence([list(reversed(files)) for files in paths], threads=2).equals(rows)
    # A text that was delivered twice counts once.
    assert evidence([files * 2 if n < 2 else files for n, files in enumerate(paths)]).equals(rows)


def test_nothing_read_is_nothing_found(tmp_path):
    assert evidence([[], [], []]).num_rows == 0
