import re

import pytest

from pipeline.gold_corpus import read_gold_corpus
from pipeline.relations.evaluation import evaluate_relations
from pipeline.relations.patterns_tier import induction_claims, pattern_relations

ASPIRIN, HEPATITIS, TOXIC_HEPATITIS, FEVER = "MESH:D001241", "MESH:D006505", "MESH:D056486", "MESH:D005334"
TYPES = {ASPIRIN: "Chemical", HEPATITIS: "Disease", TOXIC_HEPATITIS: "Disease", FEVER: "Disease"}
NAMES = {"aspirin": ASPIRIN, "toxic hepatitis": TOXIC_HEPATITIS, "hepatitis": HEPATITIS, "fever": FEVER}


def corpus(tmp_path, title, abstract):
    text, lines = f"{title} {abstract}", [f"1|t|{title}", f"1|a|{abstract}"]
    for match in re.finditer("|".join(NAMES), text, re.IGNORECASE):
        curie = NAMES[match.group().lower()]
        lines.append(
            "\t".join(["1", str(match.start()), str(match.end()), match.group(), TYPES[curie], curie.split(":")[1]])
        )
    path = tmp_path / "gold.pubtator"
    path.write_text("\n".join(lines) + "\n\n")
    return read_gold_corpus([str(path)]).documents


def test_a_pair_counts_where_the_paper_is_about_it(tmp_path):
    documents = corpus(
        tmp_path, "Hepatitis caused by aspirin", "Hepatitis was induced by aspirin. Fever due to aspirin."
    )
    assert {pair[1:] for pair in induction_claims(documents)} == {(ASPIRIN, HEPATITIS), (ASPIRIN, FEVER)}
    assert pattern_relations(documents) == {("PMID:1", "CID", ASPIRIN, HEPATITIS)}


def test_a_disease_gives_way_to_the_one_it_is_named_as(tmp_path):
    documents = corpus(tmp_path, "Hepatitis caused by aspirin", "Toxic hepatitis was induced by aspirin.")
    assert {pair[2] for pair in induction_claims(documents)} == {HEPATITIS, TOXIC_HEPATITIS}
    assert {pair[3] for pair in pattern_relations(documents)} == {TOXIC_HEPATITIS}


def test_a_denied_or_asked_claim_is_no_relation(tmp_path):
    assert induction_claims(corpus(tmp_path, "Does aspirin cause hepatitis?", "Aspirin did not cause fever.")) == {}


@pytest.mark.realdata
def test_the_pattern_tier_is_precise_on_chemicals_that_induce_diseases(materia_data):
    figures = evaluate_relations((), [str(materia_data / "annotated" / "bc5cdr" / "dev.pubtator")], tier="patterns")
    assert figures["precision"] >= 0.80
    assert figures["recall"] >= 0.20
