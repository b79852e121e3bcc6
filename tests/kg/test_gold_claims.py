"""The claims of annotated documents: every pair of the related types, what extractors say of it, and whether it holds."""

from pathlib import Path

import pytest

from kg.gold_claims import GoldClaims, gold_claims
from pipeline.errors import MateriaError
from pipeline.gold_corpus import read_gold_corpus
from pipeline.relations.pairs import learn_scheme

TITLE = "Cisplatin-induced nephropathy."
ABSTRACT = "Naloxone was given. Nausea and vomiting were caused by cisplatin. Cough was mild."
PUBTATOR = f"""\
1|t|{TITLE}
1|a|{ABSTRACT}
1	0	9	Cisplatin	Chemical	D000001
1	18	29	nephropathy	Disease	D000011
1	31	39	Naloxone	Chemical	D000002
1	51	70	Nausea and vomiting	Disease	D000012|D000013
1	86	95	cisplatin	Chemical	D000001
1	97	102	Cough	Disease	D000014
1	CID	D000001	D000011
1	CID	D000001	D000012

"""


def claims_of(folder: Path, text: str = PUBTATOR) -> GoldClaims:
    path = folder / "gold.pubtator"
    path.write_text(text, encoding="utf-8")
    corpus = read_gold_corpus([str(path)])
    return gold_claims(corpus, learn_scheme(corpus.documents), lambda _: None)


def test_every_pair_of_a_chemical_and_a_disease_is_a_candidate_and_few_hold(tmp_path: Path) -> None:
    rows = claims_of(tmp_path).candidates.to_pylist()
    assert [row["claim"] for row in rows] == list(range(8))
    assert {row["predicate"] for row in rows} == {"biolink:causes"}
    pairs = {(row["subject"], row["object"]): row["true"] for row in rows}
    assert len(pairs) == 2 * 4
    assert {pair for pair, true in pairs.items() if true} == {
        ("MESH:D000001", "MESH:D000011"),
        ("MESH:D000001", "MESH:D000012"),
    }


def test_a_mention_that_stands_for_two_concepts_makes_a_claim_of_each(tmp_path: Path) -> None:
    said = claims_of(tmp_path).said().to_pylist()
    assert {(row["object"], row["true"]) for row in said if row["extractor"].startswith("trigger")} == {
        ("MESH:D000011", True),
        ("MESH:D000012", True),
        ("MESH:D000013", False),
    }
    assert all(0 < row["figure"] < 1 for row in said)


def test_documents_are_kept_apart(tmp_path: Path) -> None:
    other = PUBTATOR.replace("1|", "2|").replace("\n1\t", "\n2\t")
    twice = claims_of(tmp_path, PUBTATOR + other)
    assert twice.documents == 2
    assert len(set(twice.evidence["evidence_id"].to_pylist())) == twice.evidence.num_rows
    assert twice.said().num_rows == 2 * claims_of(tmp_path).said().num_rows


def test_relations_whose_ends_are_not_mentioned_are_counted(tmp_path: Path) -> None:
    assert claims_of(tmp_path, PUBTATOR.rstrip() + "\n1\tCID\tD000001\tD000099\n\n").missed == 1


def test_relations_of_single_mentions_are_no_claims_of_a_graph(tmp_path: Path) -> None:
    corpus = read_gold_corpus([str(_ddi(tmp_path))])
    with pytest.raises(MateriaError, match="BC5CDR or BioRED"):
        gold_claims(corpus, learn_scheme(corpus.documents), lambda _: None)


def _ddi(folder: Path) -> Path:
    path = folder / "ddi.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><document id="D1"><sentence id="D1.s0" text="Aspirin raises warfarin.">'
        '<entity id="D1.s0.e0" charOffset="0-6" type="drug" text="Aspirin"/>'
        '<entity id="D1.s0.e1" charOffset="15-22" type="drug" text="warfarin"/>'
        '<pair id="D1.s0.p0" e1="D1.s0.e0" e2="D1.s0.e1" ddi="true" type="effect"/></sentence></document>'
    )
    return path
