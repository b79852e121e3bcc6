from collections import Counter
from importlib.resources import files

import pyarrow as pa
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kg.claims import triple_id
from kg.config import CorpusConfig
from kg.entity_sentences import definition_words
from kg.phrases import STANCES, load_phrases, parse_phrases
from kg.surface_names import running_order, surface_name
from kg.tables import PASSAGES, TRIPLES
from kg.verbalize import stance_of, verbalize
from pipeline.errors import MateriaError, SetAside
from pipeline.tables import VOCABULARY

CONFIG = CorpusConfig()
CONCEPTS = {
    "MESH:D008687": ("Metformin", "biolink:SmallMolecule"),
    "MESH:D003924": ("Diabetes Mellitus, Type 2", "biolink:Disease"),
    "MESH:D000319": ("Adrenergic beta-Antagonists", "biolink:ChemicalEntity"),
    "MESH:D006973": ("Hypertension", "biolink:Disease"),
    "MESH:D012640": ("Seizures", "biolink:PhenotypicFeature"),
    "MESH:D003424": ("Crohn Disease", "biolink:Disease"),
    "HGNC:1100": ("BRCA1", "biolink:Gene"),
}
METFORMIN, DIABETES, BLOCKERS, HYPERTENSION, SEIZURES, CROHN, BRCA1 = CONCEPTS

CLAIMS = [(s, p, o) for s in CONCEPTS for p in ("treats", "causes", "affects") for o in CONCEPTS if s != o]


def concepts(**more):
    rows = [
        {"curie": c, "name": n, "synonyms": [], "category": k, "parents": [], "xrefs": [], "sources": ["test.obo"]}
        | more.get(c, {})
        for c, (n, k) in CONCEPTS.items()
    ]
    return pa.Table.from_pylist(rows, VOCABULARY)


def triple(subject, predicate, object_, support=0.9, contradiction=0.0, **columns):
    predicate = f"biolink:{predicate}"
    category = {curie: kind for curie, (_, kind) in CONCEPTS.items()}
    return {
        "triple_id": triple_id(subject, predicate, object_),
        "subject": subject,
        "subject_category": category.get(subject, "biolink:NamedThing"),
        "predicate": predicate,
        "object": object_,
        "object_category": category.get(object_, "biolink:NamedThing"),
        "belief": round(support * (1 - contradiction), 6),
        "support": support,
        "contradiction": contradiction,
        "contested": support >= 0.5 and contradiction >= 0.5,
        "evidence_ids": [f"e-{predicate}-{object_}"],
        "doc_ids": ["PMID:1"],
        "extractors": ["trigger.v1"],
        "split": "train",
    } | columns


def table(*rows):
    return pa.Table.from_pylist(list(rows), TRIPLES)


def told(*rows, **columns):
    return verbalize(table(*rows), concepts(**columns), CONFIG).to_pylist()


def words(passage, span):
    return passage["text"][span["start"] : span["end"]]


@pytest.mark.parametrize(
    ("name", "curie", "category", "expected"),
    [
        ("Diabetes Mellitus, Type 2", "MESH:1", "biolink:Disease", "type 2 diabetes mellitus"),
        (
            "Anti-Inflammatory Agents, Non-Steroidal",
            "MESH:1",
            "biolink:ChemicalEntity",
            "non-steroidal anti-inflammatory agents",
        ),
        ("Carcinoma, Non-Small-Cell Lung", "MESH:1", "biolink:Disease", "non-small-cell lung carcinoma"),
        ("Lymphoma, Large B-Cell, Diffuse", "MESH:1", "biolink:Disease", "diffuse large B-cell lymphoma"),
        ("Cardiomyopathy, Dilated, 1A", "MESH:1", "biolink:Disease", "dilated cardiomyopathy 1A"),
        ("Osteopetrosis, Autosomal Recessive 4", "MESH:1", "biolink:Disease", "autosomal recessive osteopetrosis 4"),
        ("Parkinson Disease", "MESH:1", "biolink:Disease", "Parkinson disease"),
        ("Lymphoma, Non-Hodgkin", "MESH:1", "biolink:Disease", "non-Hodgkin lymphoma"),
        ("Kidney Diseases", "MESH:1", "biolink:Disease", "kidney diseases"),
        ("Giacheti Syndrome", "MESH:1", "biolink:Disease", "Giacheti syndrome"),
        ("Nephrotic Syndrome", "MESH:1", "biolink:Disease", "nephrotic syndrome"),
        ("von Hippel-Lindau Disease", "MESH:1", "biolink:Disease", "von Hippel-Lindau disease"),
        ("Mucocutaneous Lymph Node Syndrome", "MESH:1", "biolink:Disease", "mucocutaneous lymph node syndrome"),
        ("HIV Infections", "MESH:1", "biolink:Disease", "HIV infections"),
        (
            "MUSCULAR DYSTROPHY, LIMB-GIRDLE, TYPE 2A",
            "OMIM:1",
            "biolink:Disease",
            "type 2A limb-girdle muscular dystrophy",
        ),
        ("Seborrheic dermatitis", "HP:1", "biolink:PhenotypicFeature", "seborrheic dermatitis"),
        ("Koolen de Vries syndrome", "DOID:1", "biolink:Disease", "Koolen de Vries syndrome"),
        ("Wolff-Parkinson-White Syndrome", "MESH:1", "biolink:Disease", "Wolff-Parkinson-White syndrome"),
        ("Receptors, Adrenergic, alpha-2", "MESH:1", "biolink:Protein", "alpha-2 adrenergic receptors"),
        ("M&#233;ni&#232;re Disease", "MESH:1", "biolink:Disease", "Ménière disease"),
        ("Duodenal Ulcer", "MESH:1", "biolink:Disease", "duodenal ulcers"),
        ("Vitamin D", "MESH:1", "biolink:SmallMolecule", "vitamin D"),
        (
            "Knuckle pads, leuconychia, and deafness",
            "MESH:1",
            "biolink:Disease",
            "knuckle pads, leuconychia, and deafness",
        ),
        ("TP53", "HGNC:1", "biolink:Gene", "TP53"),
        ("Helicobacter pylori", "NCBITaxon:1", "biolink:OrganismTaxon", "Helicobacter pylori"),
        ("Asthma <i>severe</i>\nform", "MESH:1", "biolink:Disease", "asthma severe form"),
    ],
)
def test_names_stand_in_running_text_as_a_writer_would_put_them(name, curie, category, expected):
    assert surface_name(name, curie, category).text == expected


@pytest.mark.parametrize(
    "name",
    [
        "Seizures",
        "Adrenergic beta-Antagonists",
        "Receptors, Dopamine D2",
        "Arrhythmias, Cardiac",
        "Wounds and Injuries",
        "Kidney Calculi",
        "Proto-Oncogene Proteins c-jun",
        "Ivory epiphyses of the 4th toe",
        "Nausea and vomiting",
        "NSAIDs",
    ],
)
def test_plural_names(name):
    assert surface_name(name, "MESH:1", "biolink:Disease").plural


@pytest.mark.parametrize(
    "name",
    [
        "Diabetes Mellitus",
        "Herpes Zoster",
        "Hepatitis B",
        "Prurigo nodularis",
        "AIDS",
        "KRAS",
        "Tacrolimus",
        "Rabies",
        "Stress",
        "Deficiency of proteins",
        "Acanthosis Nigricans",
        "Carcinoma of Lungs",
        "Pancreas",
    ],
)
def test_names_that_only_look_plural(name):
    assert not surface_name(name, "MESH:1", "biolink:Disease").plural


@example("ß")
@given(st.text(min_size=1, max_size=60))
def test_any_name_gives_some_words_on_one_line(name):
    surface = surface_name(name, "MESH:1", "biolink:Disease")
    assert surface.text or not name.strip()
    assert "\n" not in surface.text.strip()
    assert len(surface.initial) == len(surface.text)


def test_a_symbol_keeps_its_small_letter_at_the_beginning_of_a_sentence():
    assert surface_name("mRNA", "MESH:1").initial == "mRNA"
    assert surface_name("Deafness, with goiter", "MESH:1").initial == "Deafness, with goiter"


def test_a_list_is_no_inversion():
    assert running_order("mouth, lips, and teeth") == "mouth, lips, and teeth"


@pytest.mark.parametrize(
    ("support", "contradiction", "expected"),
    [
        (0.95, 0.0, "high"),
        (0.7, 0.0, "middle"),
        (0.4, 0.0, "low"),
        (0.2, 0.0, None),
        (0.1, 0.6, "denied"),
        (0.1, 0.2, None),
        (0.6, 0.55, "contested"),
    ],
)
def test_wording_follows_belief(support, contradiction, expected):
    belief, contested = support * (1 - contradiction), min(support, contradiction) >= 0.5
    phrases = load_phrases("en")
    assert (
        stance_of(belief, support, contradiction, contested=contested, phrases=phrases, minimum_belief=0.3) == expected
    )


def test_a_plural_subject_takes_a_plural_verb():
    texts = set()
    for predicate in ("treats", "causes", "associated_with", "interacts_with", "affects", "prevents"):
        texts |= {row["text"] for row in told(triple(BLOCKERS, predicate, HYPERTENSION, 0.95))}
    for text in texts:
        if text.startswith("Adrenergic beta-antagonists "):
            assert text.split()[2] in {
                "treat",
                "cause",
                "are",
                "interact",
                "affect",
                "prevent",
                "have",
                "help",
                "lead",
            }, text
        assert "antagonists treats" not in text
        assert "antagonists is" not in text


def test_a_net_negative_claim_is_never_told_as_true():
    every_way = {
        way.between + way.after
        for plural in (False, True)
        for way in load_phrases("en").of("biolink:treats", "denied", plural, False)
    }
    assert every_way
    assert all("not" in way for way in every_way)
    (passage,) = told(triple(METFORMIN, "treats", HYPERTENSION, 0.2, 0.7))
    assert "not" in passage["text"]
    assert passage["relations"] == []
    assert passage["triple_ids"] == [triple_id(METFORMIN, "biolink:treats", HYPERTENSION)]


def test_a_contested_claim_is_told_as_contested_and_affirms_nothing():
    (passage,) = told(triple(METFORMIN, "treats", HYPERTENSION, 0.8, 0.7))
    assert passage["text"].startswith("Reports disagree")
    assert passage["relations"] == []


def test_spans_and_relations_point_at_the_names():
    rows = told(
        triple(METFORMIN, "treats", DIABETES),
        triple(METFORMIN, "causes", SEIZURES, 0.6),
        triple(METFORMIN, "affects", BRCA1, 0.4),
    )
    assert len(rows) >= 4
    said = (("biolink:treats", DIABETES), ("biolink:causes", SEIZURES), ("biolink:affects", BRCA1))
    by_id = {triple_id(METFORMIN, p, o): (METFORMIN, p, o) for p, o in said}
    for row in rows:
        assert [s["start"] for s in row["spans"]] == sorted(s["start"] for s in row["spans"])
        for span in row["spans"]:
            name, category = CONCEPTS[span["curie"]]
            assert words(row, span).lower() == surface_name(name, span["curie"], category).text.lower()
            assert span["category"] == category
        for relation in row["relations"]:
            subject, object_ = row["spans"][relation["subject"]], row["spans"][relation["object"]]
            assert by_id[relation["source"]] == (subject["curie"], relation["predicate"], object_["curie"])
        assert sorted(r["source"] for r in row["relations"]) == row["triple_ids"]
        assert [row["text"][s["start"] : s["end"]][-1] for s in row["sentences"]] == ["."] * len(row["sentences"])
        assert row["sentences"][-1]["end"] == len(row["text"])
        assert all(row["text"][s["start"]].isupper() for s in row["sentences"])


def test_paragraphs_hold_one_subject_and_one_split():
    objects = [DIABETES, HYPERTENSION, SEIZURES, CROHN, BRCA1]
    rows = told(
        *(triple(METFORMIN, "treats", o, split="train" if i % 2 else "test") for i, o in enumerate(objects)),
        *(triple(BLOCKERS, "treats", o) for o in objects),
    )
    ids = {t["triple_id"]: t for t in (triple(s, "treats", o) for s in (METFORMIN, BLOCKERS) for o in objects)}
    held = {triple_id(METFORMIN, "biolink:treats", o) for i, o in enumerate(objects) if i % 2 == 0}
    grouped = [row for row in rows if len(row["triple_ids"]) > 1]
    assert grouped
    for row in rows:
        assert len({ids[t]["subject"] for t in row["triple_ids"]}) == 1
        assert (row["split"] == "test") == (set(row["triple_ids"]) <= held)
        assert not (set(row["triple_ids"]) & held and set(row["triple_ids"]) - held)
        assert len(row["triple_ids"]) <= CONFIG.facts_per_passage


def test_passages_are_sorted_unique_and_know_their_origin():
    rows = told(
        triple(METFORMIN, "treats", DIABETES, 0.9, evidence_ids=["e2", "e3"], doc_ids=["PMID:2"]),
        triple(METFORMIN, "affects", HYPERTENSION, 0.5, evidence_ids=["e1", "e3"], doc_ids=["PMID:1", "PMID:2"]),
    )
    assert [row["passage_id"] for row in rows] == sorted({row["passage_id"] for row in rows})
    both = [row for row in rows if len(row["triple_ids"]) == 2]
    for row in both:
        assert (row["evidence_ids"], row["doc_ids"], row["belief"]) == (["e1", "e2", "e3"], ["PMID:1", "PMID:2"], 0.5)
    assert {row["belief"] for row in rows if len(row["triple_ids"]) == 1} == {0.9, 0.5}


@settings(deadline=None, max_examples=30)
@given(st.sets(st.sampled_from(CLAIMS), min_size=2))
def test_a_new_triple_rewords_no_other(claims):
    """Single facts stay word for word whatever is added; and the order of the input rows does not matter."""
    ordered = sorted(claims)
    new, old = triple(*ordered[0]), [triple(*claim) for claim in ordered[1:]]
    before = {row["passage_id"] for row in told(*old) if len(row["triple_ids"]) == 1}
    after = told(new, *old)
    assert before <= {row["passage_id"] for row in after}
    assert after == told(*old[::-1], new)


def test_definition_and_synonyms_open_the_first_paragraph_only():
    more = {
        DIABETES: {
            "definition": "A carbohydrate metabolism disease that is located_in the pancreas. It has_symptom thirst.",
            "synonyms": [
                {"name": "diabetes mellitus type 2", "scope": "exact"},
                {"name": "NIDDM", "scope": "exact"},
                {"name": "sugar", "scope": "related"},
                {"name": "Diabetes Mellitus, Type 2, Juvenile", "scope": "exact"},
            ],
        }
    }
    objects = [HYPERTENSION, SEIZURES, CROHN, BRCA1, METFORMIN, BLOCKERS]
    rows = told(*(triple(DIABETES, "causes", o) for o in objects), **more)
    opening = (
        "Type 2 diabetes mellitus is a carbohydrate metabolism disease that is in the pancreas. "
        "Type 2 diabetes mellitus is also called NIDDM. "
    )
    with_opening = [row for row in rows if row["text"].startswith(opening)]
    assert len(with_opening) == 1
    row = with_opening[0]
    assert [words(row, span) for span in row["spans"][:3]] == [
        "Type 2 diabetes mellitus",
        "Type 2 diabetes mellitus",
        "NIDDM",
    ]
    assert {span["curie"] for span in row["spans"][:3]} == {DIABETES}
    assert not any("sugar" in row["text"] for row in rows)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("A lung disease that is located_in the lung. More.", "a lung disease that is in the lung"),
        ("A acute otitis media caused by an allergen.", "an acute otitis media caused by an allergen"),
        ("A `severe` (PATO:0000396) form of `periodontitis` (HP:0000165).", "a severe form of periodontitis"),
        ("Inability to react to a test.", ""),
        (None, ""),
    ],
)
def test_a_definition_is_told_where_it_fits_the_frame(definition, expected):
    assert definition_words(definition) == expected


def test_a_predicate_without_a_template_is_told_with_its_own_words_and_counted():
    counts = Counter()
    rows = verbalize(
        table(triple(METFORMIN, "has_odd_link", CROHN, 0.95)), concepts(), CONFIG, counts=counts
    ).to_pylist()
    assert [row["text"] for row in rows] == ["Metformin has odd link Crohn disease."]
    assert counts["no-template biolink:has_odd_link"] == 1
    assert counts["told-high"] == 1


def test_an_entity_without_a_name_is_set_aside_and_said():
    records: list[SetAside] = []
    rows = verbalize(table(triple("MESH:C999", "treats", DIABETES)), concepts(), CONFIG, set_aside=records.append)
    assert rows.num_rows == 0
    assert [record.reason for record in records] == ["entity-without-name"]
    assert "MESH:C999" in records[0].detail


def test_no_triples_give_no_passages_with_the_schema():
    assert verbalize(TRIPLES.empty_table(), concepts(), CONFIG).schema.equals(PASSAGES)


def test_every_predicate_of_the_trigger_lexicon_has_words():
    lexicon = (files("pipeline") / "lexicons" / "triggers.en.yaml").read_text(encoding="utf-8")
    predicates = {pattern["predicate"] for pattern in yaml.safe_load(lexicon)["patterns"]}
    phrases = load_phrases("en")
    assert predicates
    assert {p for p in predicates if not phrases.knows(p)} == set()


EFFECTIVE = "{subject} {subject:is|are} effective in {object}."


def _english():
    return (files("kg") / "templates" / "en.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (EFFECTIVE, "{subject} is {drug} in {object}.", "unknown slot {drug}"),
        (EFFECTIVE, "{subject} {subject:is} effective in {object}.", "needs a singular and a plural"),
        (EFFECTIVE, "{subject} works.", "slot {object} stands 0 times"),
        (EFFECTIVE, "{subject} helps {object", "is no sentence"),
        (EFFECTIVE, "{subject} helps {object.", "brace"),
    ],
)
def test_a_mistake_in_a_template_is_named_with_its_line(old, new, said):
    text = _english()
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(MateriaError) as error:
        parse_phrases(text.replace(old, new), "mine.yaml")
    assert said in str(error.value)
    assert f"mine.yaml, line {line}" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "language: en",
        "a: [",
        "bands: 3\nlanguage: en\nforms: 1\npredicates: 2\ndefinition: x\nsynonyms: y\nlist: z",
    ],
)
def test_a_broken_template_file_is_one_sentence(text):
    with pytest.raises(MateriaError, match=r"mine\.yaml"):
        parse_phrases(text, "mine.yaml")


def test_an_unknown_stance_or_key_is_named():
    text = _english().replace("      high:\n", "      hihg:\n", 1)
    with pytest.raises(MateriaError, match="unknown key 'hihg'"):
        parse_phrases(text, "mine.yaml")


def test_a_language_without_templates_is_refused():
    with pytest.raises(MateriaError, match="no templates for the language 'xx'"):
        load_phrases("xx")


def test_every_template_makes_a_sentence_in_every_number():
    phrases = load_phrases("en")
    for predicate in yaml.safe_load(_english())["predicates"]:
        for stance in STANCES:
            for numbers in ((False, False), (True, False), (False, True), (True, True)):
                for way in phrases.of(predicate, stance, *numbers):
                    text = f"{way.before}X{way.between}Y{way.after}"
                    assert "{" not in text, text
                    assert "  " not in text, text
                    assert text.endswith("."), text
