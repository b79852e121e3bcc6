import gzip

import pyarrow as pa
import pytest
import yaml

from pipeline.claims import EXTRACTOR, evidence_workers, extract_evidence
from pipeline.errors import MateriaError
from pipeline.lexicons import load_yaml
from pipeline.mentions import find_mentions, mention_workers
from pipeline.tables import EVIDENCE
from pipeline.trigger_patterns import EntitySpan, find_claims

pytestmark = pytest.mark.filterwarnings("error::UserWarning")

CLASSES = {"C": "ChemicalEntity", "D": "Disease", "G": "Protein", "R": "ChemicalRole", "P": "PhenotypicFeature"}


def claims(marked):
    """Claims of a sentence whose mentions are written <C:aspirin>; a name is its own CURIE."""
    text, entities = "", []
    for piece in marked.split("<"):
        if ">" not in piece:
            text += piece
            continue
        body, rest = piece.split(">", 1)
        kind, name = body.split(":", 1)
        entities.append(EntitySpan(len(text), len(text) + len(name), name, f"biolink:{CLASSES[kind]}", False, False))
        text += name + rest
    said = find_claims(text, entities)
    return {(entities[c.subject].curie, c.predicate[8:], entities[c.object].curie): c for c in said}


STUDIED = "treats_or_applied_or_studied_to_treat"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("<C:A> is effective in the treatment of acute <D:x>.", {("A", "treats", "x")}),
        ("<C:A> 20 mg once daily (n = 40) for severe <D:x>.", {("A", "treats", "x")}),
        ("Treatment of <D:x> with oral <C:A> or <C:B>.", {("A", "treats", "x"), ("B", "treats", "x")}),
        (
            "<C:A>, <C:B> and <C:C> in the management of <D:x>",
            {("A", "treats", "x"), ("B", "treats", "x"), ("C", "treats", "x")},
        ),
        ("<C:A> versus <C:B> in the treatment of <D:x>.", {("A", "treats", "x"), ("B", "treats", "x")}),
        ("The <D:x> was successfully treated with <C:A>.", {("A", "treats", "x")}),
        ("Efficacy and safety of <C:A> in patients with mild <D:x>.", {("A", STUDIED, "x")}),
        ("Patients with <D:x> were randomly assigned to <C:A> or placebo.", {("A", STUDIED, "x")}),
        ("<C:A>-induced <D:x> in rats.", {("A", "causes", "x")}),
        ("<D:x> caused by <C:A>.", {("A", "causes", "x")}),
        ("<D:x> due to <C:A> therapy.", {("A", "causes", "x")}),
        (
            "The most common side effects of <C:A> were <D:x> and <D:y>.",
            {("A", "has_side_effect", "x"), ("A", "has_side_effect", "y")},
        ),
        ("<C:A> significantly reduced <D:x>.", {("A", "ameliorates_condition", "x")}),
        ("<C:A> for the prevention of <D:x>.", {("A", "preventative_for_condition", "x")}),
        ("<C:A> lowers the risk of <D:x>.", {("A", "preventative_for_condition", "x")}),
        ("<C:A> increased the risk of <D:x>.", {("A", "predisposes_to_condition", "x")}),
        ("<C:A> is contraindicated in patients with <D:x>.", {("A", "contraindicated_in", "x")}),
        ("<C:A> exacerbated <D:x>.", {("A", "exacerbates_condition", "x")}),
        ("<D:x> induced in rats by the injection of <C:A>.", {("A", "causes", "x")}),
        ("<D:x> after exposure to oral <C:A>.", {("A", "causes", "x")}),
        ("A patient developed <D:x> two days after starting therapy with <C:A>.", {("A", "causes", "x")}),
        ("Rats treated with <C:A> developed <D:x> and <D:y>.", {("A", "causes", "x"), ("A", "causes", "y")}),
        ("<D:x> in a woman taking <C:A>.", {("A", "causes", "x")}),
        ("<D:x> in chronic <C:A> users.", {("A", "causes", "x")}),
        ("<D:x> as a complication of <C:A>.", {("A", "causes", "x")}),
        ("<C:A> is a cause of <D:x>.", {("A", "causes", "x")}),
        ("A <C:A> model of <D:x>.", {("A", "causes", "x")}),
        ("Metabolic involvement in <C:A> <D:x>.", {("A", "causes", "x")}),
        ("<D:y> secondary to <D:x>.", {("x", "causes", "y")}),
        ("<D:x> in patients with <D:y>.", {("x", "associated_with", "y")}),
        ("<D:x> was characterized by <P:y>.", {("x", "has_phenotype", "y")}),
        ("the <R:K> <C:A>", {("A", "has_chemical_role", "K")}),
        ("<C:A>, a new <R:K>, is here.", {("A", "has_chemical_role", "K")}),
        ("<C:A> interacts with <C:B>.", {("A", "interacts_with", "B")}),
        ("<C:A> increased plasma <C:B> levels.", {("A", "affects", "B")}),
        ("<C:A> inhibits <G:g>.", {("A", "affects", "g")}),
        ("<G:g> gene mutations cause <D:x>.", {("g", "gene_associated_with_condition", "x")}),
    ],
)
def test_a_construction_makes_its_claim(sentence, expected):
    assert set(claims(sentence)) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "<C:A> was given. <D:x> was common.",
        "<C:A> and <D:x> were recorded.",
        "Lower rates than <C:A> for <D:x> were seen.",
        "<C:A> was measured in the clinic where <D:x> is rare.",
        "<C:A>",
        "",
    ],
)
def test_no_trigger_no_claim(sentence):
    assert claims(sentence) == {}


def test_a_third_mention_between_breaks_the_claim():
    assert ("A", "causes", "y") not in claims("<C:A> is given and, as shown, <C:B>-induced <D:y> is common")
    assert ("B", "causes", "y") in claims("<C:A> is given and, as shown, <C:B>-induced <D:y> is common")


def test_a_blocker_of_a_substance_is_not_the_substance():
    assert claims("<C:calcium> channel blockers for <D:x>; <D:y> is due to <C:serotonin>-2A receptor activation") == {}


def test_a_condition_that_recedes_during_treatment_is_not_caused_by_it():
    assert claims("Endoscopic regression of <D:x> during <C:A> treatment.") == {}


def test_a_concept_makes_no_claim_about_itself():
    assert claims("<D:x> due to <D:x>") == {}


@pytest.mark.parametrize(
    "sentence",
    [
        "<C:A> is not effective in the treatment of <D:x>.",
        "<C:A> did not cause <D:x>.",
        "<D:x> was not caused by <C:A>.",
        "No <C:A>-induced <D:x> was seen.",
        "<C:A>-induced <D:x> was not observed.",
        "<C:A> failed to reduce <D:x>.",
    ],
)
def test_no_evidence_of_a_claim_denies_it(sentence):
    assert [c.polarity for c in claims(sentence).values()] == [False]


@pytest.mark.parametrize(
    "sentence",
    [
        "<C:B> did not affect <C:A>-induced <D:x>.",
        "To evaluate the effect of rest on <C:A>-induced <D:x>.",
        "Rest may prevent <C:A>-induced <D:x>.",
        "Is rest of use in <C:A>-induced <D:x>?",
    ],
)
def test_what_a_noun_phrase_takes_for_granted_is_neither_denied_nor_doubted(sentence):
    claim = claims(sentence)["A", "causes", "x"]
    assert (claim.polarity, claim.certainty, claim.hypothetical) == (True, 1.0, False)


@pytest.mark.parametrize("sentence", ["No severe <C:A>-induced <D:x> was seen.", "Mice without <C:A>-induced <D:x>."])
def test_a_noun_phrase_is_denied_by_what_stands_before_it(sentence):
    assert not claims(sentence)["A", "causes", "x"].polarity


@pytest.mark.parametrize(
    "sentence",
    [
        "Does <C:A> cause <D:x>?",
        "Whether <C:A> causes <D:x> was asked.",
        "To determine if <C:A> causes <D:x>.",
        "If <C:A> causes <D:x>, stop.",
    ],
)
def test_what_is_asked_is_hypothetical(sentence):
    (claim,) = claims(sentence).values()
    assert (claim.hypothetical, claim.polarity) == (True, True)
    assert claim.certainty < 1


def test_a_risk_that_was_found_is_not_hypothetical():
    (claim,) = claims("<C:A> increased the risk of <D:x>.").values()
    assert not claim.hypothetical


@pytest.mark.parametrize(
    ("sentence", "direction"),
    [
        ("<C:A> increased plasma <C:B> levels.", "increased"),
        ("<C:A> decreased the concentrations of <C:B>.", "decreased"),
        ("<C:A> inhibits <G:g>.", "decreased"),
        ("<C:A> up-regulates the expression of <G:g>.", "increased"),
        ("<G:g> was induced by <C:A>.", "increased"),
        ("<C:A>, a selective <G:g> antagonist", "decreased"),
        ("<C:A>, a selective <G:g> agonist", "increased"),
        ("<G:g> represses <G:h>.", "decreased"),
        ("<C:A> modulates <G:g>.", None),
        ("The effect of <C:A> on <G:g> expression.", None),
    ],
)
def test_the_direction_of_an_effect_is_that_of_its_words(sentence, direction):
    (claim,) = claims(sentence).values()
    assert (claim.predicate, claim.direction) == ("biolink:affects", direction)


def test_less_clearance_of_a_substance_is_not_less_of_it():
    (claim,) = claims("<C:A> decreased the clearance of <C:B>.").values()
    assert (claim.predicate, claim.direction) == ("biolink:affects", None)


def test_only_effects_have_a_direction():
    (claim,) = claims("<C:A> increased the risk of <D:x>.").values()
    assert claim.direction is None


def test_harm_to_an_organ_is_a_weaker_claim_than_a_disease():
    plain, general = claims("<C:A>-induced <D:hepatitis>").values(), claims("<C:A>-induced <D:liver damage>").values()
    assert next(iter(general)).probability < next(iter(plain)).probability


def test_to_be_studied_is_not_denied_by_a_negative_result():
    (claim,) = claims("There was no effect of <C:A> in patients with <D:x>.").values()
    assert claim.polarity
    assert claim.predicate.endswith(STUDIED)


@pytest.mark.parametrize(
    "sentence", ["<C:A> may cause <D:x>.", "Does <C:A> cause <D:x>?", "Whether <C:A> prevents <D:x> is unclear."]
)
def test_a_hedged_claim_is_less_certain(sentence):
    assert [c.certainty < 1 for c in claims(sentence).values()] == [True]


def test_with_or_without_denies_nothing():
    (claim,) = claims("Use of <C:A> with or without <C:B> for the prevention of <D:x>.").values()
    assert claim.polarity


def test_less_of_a_side_effect_is_no_claim_that_it_is_caused():
    assert claims("<C:A> produced less <D:x>.") == {}


def test_a_plain_claim_is_certain():
    assert [c.certainty for c in claims("<C:A> causes <D:x>.").values()] == [1.0]


def test_an_alias_in_brackets_is_no_third_mention():
    assert set(claims("<C:A> (<C:A>, 20 mg/day) in the treatment of <D:x> (<D:x>)")) == {("A", "treats", "x")}


def test_private_use_characters_of_the_text_are_no_mentions():
    assert claims("\ue000-induced <D:x> and \ue800") == {}


def test_a_sentence_with_thousands_of_mentions_is_read():
    assert len(claims("<C:A>-induced <D:x>, " * 3000)) == 1


def test_predicates_are_those_of_the_biolink_model(materia_data):
    with gzip.open(materia_data / "vocabulary" / "biolink-model.yaml.gz", "rt", encoding="utf-8") as stream:
        slots = {name.replace(" ", "_") for name in yaml.load(stream, yaml.CSafeLoader)["slots"]}
    used = {p["predicate"].removeprefix("biolink:") for p in load_yaml("triggers.en.yaml")["patterns"]}
    assert used - slots == set()


def test_pattern_names_are_unique_and_probabilities_are_probabilities():
    patterns = load_yaml("triggers.en.yaml")["patterns"]
    assert len({p["name"] for p in patterns}) == len(patterns)
    assert all(0 < p["probability"] < 1 for p in patterns)


@pytest.fixture(scope="module")
def extracted(small_vocabulary_path, documents_of):
    batch = documents_of(
        "Metformin for type 2 diabetes\nMetformin is effective in type 2 diabetes (T2D). Nothing else is said.",
        "Nothing\nof interest.",
        "Aspirin and headache\nHeadache was not caused by aspirin.",
    )
    with mention_workers([small_vocabulary_path]) as pool:
        found = list(find_mentions([batch], pool))
    return batch, found


def evidence(batch, found, workers=1):
    with evidence_workers(workers) as pool:
        return pa.Table.from_batches(list(extract_evidence([batch], found, pool)), EVIDENCE)


def test_evidence_rows_point_at_their_sentence(extracted):
    batch, found = extracted
    rows = evidence(batch, found).to_pylist()
    text = dict(zip(batch.column("doc_id").to_pylist(), batch.column("text").to_pylist(), strict=True))
    assert [(r["doc_id"], r["subject"], r["predicate"], r["object"], r["polarity"], r["section"]) for r in rows] == [
        ("PMID:1", "MESH:D000003", "biolink:treats", "MESH:D000002", True, "title"),
        ("PMID:1", "MESH:D000003", "biolink:treats", "MESH:D000002", True, "abstract"),
        ("PMID:3", "MESH:D000009", "biolink:causes", "MESH:D000008", False, "abstract"),
    ]
    for row in rows:
        source = text[row["doc_id"]]
        assert source[row["sentence_start"] : row["sentence_end"]] == row["sentence"]
        assert source[row["subject_start"] : row["subject_end"]] in row["sentence"]
        assert row["extractor"] == EXTRACTOR
        assert row["trigger"]
        assert row["retracted"] is False
    assert len({r["evidence_id"] for r in rows}) == len(rows)


def test_evidence_does_not_depend_on_batches_or_processes(extracted, monkeypatch):
    from pipeline import claims as module

    batch, found = extracted
    whole = evidence(batch, found)
    monkeypatch.setattr(module, "_CHUNK_DOCUMENTS", 1)
    pieces = [part.slice(i, 1) for part in found for i in range(part.num_rows)]
    assert evidence(batch, pieces).equals(whole)
    assert evidence(batch, found, workers=2).equals(whole)


def test_a_document_that_stands_twice_running_keeps_its_own_mentions(small_vocabulary_path, documents_of):
    one = documents_of("Metformin for type 2 diabetes")
    with mention_workers([small_vocabulary_path]) as pool:
        found = list(find_mentions([one, one], pool))
    with evidence_workers() as pool:
        rows = pa.Table.from_batches(list(extract_evidence([one, one], found, pool)), EVIDENCE)
    assert rows.num_rows == 2
    assert len(set(rows.column("evidence_id").to_pylist())) == 1


def test_mentions_of_no_document_are_an_error(extracted, documents_of):
    _, found = extracted
    with pytest.raises(MateriaError, match="belong to no document"):
        evidence(documents_of("Another text altogether"), found)
