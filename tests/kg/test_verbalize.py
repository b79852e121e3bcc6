from collections import Counter
from importlib.resources import files

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.claims import triple_id
from kg.config import CorpusConfig, SplitConfig
from kg.languages import language_of
from kg.languages.english_names import surface_name
from kg.name_reading import name_reader
from kg.splits import split_of
from kg.tables import CONTEXT, PASSAGES, TRIPLES
from kg.telling import Fact, stance_of
from kg.verbalize import paragraphs, verbalize
from pipeline.errors import SetAside
from pipeline.preference import Preference
from pipeline.tables import VOCABULARY
from pipeline.vocabulary_index import VocabularyIndex

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
    phrases = language_of("en").phrases
    assert (
        stance_of(
            belief,
            support,
            contradiction,
            contested=contested,
            high=phrases.high,
            middle=phrases.middle,
            minimum_belief=0.3,
        )
        == expected
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
        way.before + way.between + way.after
        for predicate in ("biolink:treats", "biolink:causes", "biolink:associated_with", "biolink:affects")
        for way in language_of("en").phrases.of(predicate, "denied")
    }
    assert every_way
    assert all("not" in way or "No " in way for way in every_way)
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


@settings(max_examples=50)
@given(st.data(), st.integers(1, 6))
def test_a_new_triple_changes_only_the_paragraph_it_falls_into(data, most):
    """All other passages stay, byte for byte; and the order of the input rows does not matter."""
    claims = data.draw(st.lists(st.sampled_from(CLAIMS), min_size=2, unique=True))
    new, old = triple(*claims[0]), [triple(*claim) for claim in claims[1:]]
    config = CorpusConfig(facts_per_passage=most)
    before = {row["passage_id"]: row for row in verbalize(table(*old), concepts(), config).to_pylist()}
    rows = verbalize(table(new, *old), concepts(), config).to_pylist()
    after = {row["passage_id"]: row for row in rows}
    lost = [row for passage, row in before.items() if after.get(passage) != row]
    made = [row for passage, row in after.items() if before.get(passage) != row]
    assert all(row["form"] == "paragraph" for row in lost)
    assert len(lost) <= 1
    assert all(new["triple_id"] in row["triple_ids"] for row in made if row["form"] == "fact")
    assert all(new["triple_id"] in row["triple_ids"] or lost for row in made if row["form"] == "paragraph")
    assert verbalize(table(*old[::-1], new), concepts(), config).to_pylist() == rows


@given(st.sets(st.integers(0, 2**256 - 1), max_size=40), st.integers(0, 2**256 - 1), st.integers(1, 6))
def test_paragraphs_are_a_trie_of_ids(numbers, new, most):
    def ids(given):
        return [
            [fact.triple_id for fact in part] for part in paragraphs([_fact(f"{n:064x}") for n in sorted(given)], most)
        ]

    whole = ids(numbers)
    assert [i for part in whole for i in part] == [f"{n:064x}" for n in sorted(numbers)]
    assert all(len(part) <= most for part in whole)
    untouched = [part for part in ids(numbers | {new}) if part in whole]
    assert len(whole) - len(untouched) <= 1


def _fact(triple_id):
    row = triple(METFORMIN, "treats", DIABETES) | {"triple_id": triple_id, "direction": None}
    return Fact(**{name: row[name] for name in Fact._fields[:-1]})


def test_an_entity_is_defined_and_named_in_a_passage_of_its_own():
    more = {
        DIABETES: {
            "definition": "A carbohydrate metabolism disease that is located_in the pancreas. It has_symptom thirst.",
            "synonyms": [
                {"name": "diabetes mellitus type 2", "scope": "exact"},
                {"name": "T2DM", "scope": "exact"},
                {"name": "sugar", "scope": "related"},
                {"name": "Diabetes Mellitus, Type 2, Juvenile", "scope": "exact"},
            ],
        }
    }
    rows = told(*(triple(DIABETES, "causes", o) for o in (HYPERTENSION, SEIZURES, CROHN)), **more)
    (row,) = [row for row in rows if row["form"] == "entity"]
    assert row["text"] == (
        "Type 2 diabetes mellitus is a carbohydrate metabolism disease that is in the pancreas. "
        "Type 2 diabetes mellitus is also called T2DM."
    )
    assert {words(row, span) for span in row["spans"]} == {
        "Type 2 diabetes mellitus",
        "T2DM",
    }
    assert {span["curie"] for span in row["spans"]} == {DIABETES}
    assert (row["triple_ids"], row["belief"], row["split"]) == ([], None, "train")
    assert not any("sugar" in row["text"] for row in rows)


def test_a_predicate_without_a_template_is_told_with_its_own_words_and_counted():
    counts = Counter()
    rows = verbalize(
        table(triple(METFORMIN, "has_odd_link", CROHN, 0.95)), concepts(), CONFIG, counts=counts
    ).to_pylist()
    assert [row["text"] for row in rows] == ["Metformin has odd link Crohn disease."]
    assert counts["no-template biolink:has_odd_link"] == 1
    assert counts["told-high"] == 1


def test_two_entities_that_are_called_alike_have_passages_with_ids_of_their_own():
    """One id for both would hide from cleaning that the corpus says the same twice: "Vomiting is also called emesis."."""
    alike = {"name": "Vomiting", "synonyms": [{"name": "emesis", "scope": "exact"}]}
    vocabulary = concepts(**{SEIZURES: alike, CROHN: alike})
    triples = table(triple(SEIZURES, "affects", BRCA1), triple(CROHN, "affects", METFORMIN))
    rows = [row for row in verbalize(triples, vocabulary, CONFIG).to_pylist() if row["form"] == "entity"]
    assert [row["text"] for row in rows] == ["Vomiting is also called emesis."] * 2
    assert len({row["passage_id"] for row in rows}) == 2


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
    phrases = language_of("en").phrases
    assert predicates
    assert {p for p in predicates if not phrases.knows(p)} == set()


def test_the_direction_of_an_effect_is_told():
    for direction, word in (("increased", "increase"), ("decreased", "decrease")):
        (row,) = told(triple(METFORMIN, "affects", BRCA1, 0.9, direction=direction))
        assert word in row["text"]
        assert "expression or activity of BRCA1" in row["text"]
        (row,) = told(triple(METFORMIN, "affects", BRCA1, 0.1, 0.8, direction=direction))
        assert "not" in row["text"]
        assert word in row["text"]


def test_a_synonym_is_told_now_and_then_and_linked_to_the_same_concept():
    more = {DIABETES: {"name": "Hypertension", "synonyms": [{"name": "High Blood Pressure", "scope": "exact"}]}}
    subjects = [f"MESH:C{number:06}" for number in range(200)]
    named = pa.concat_tables(
        [
            concepts(**more).filter(pc.equal(concepts()["curie"], DIABETES)),
            pa.Table.from_pylist(
                [{"curie": s, "name": f"drug{n}", "category": "biolink:Drug"} for n, s in enumerate(subjects)],
                VOCABULARY,
            ),
        ]
    )
    triples = table(*(triple(subject, "treats", DIABETES) for subject in subjects))
    rows = verbalize(triples, named, CONFIG).to_pylist()
    texts = [words(row, span).lower() for row in rows for span in row["spans"] if span["curie"] == DIABETES]
    assert set(texts) == {"hypertension", "high blood pressure"}
    assert 0.1 < texts.count("high blood pressure") / len(texts) < 0.4
    rows = verbalize(triples, named, CONFIG, ambiguous={"high blood pressure"}).to_pylist()
    assert not any("igh blood pressure" in row["text"] for row in rows)


def context(*rows):
    return pa.Table.from_pylist([{"onward": None, "quotation": None} | row for row in rows], CONTEXT)


def onward(first, second):
    return {
        "triple_id": first["triple_id"],
        "onward": {"direction": None} | {k: second.get(k) for k in CONTEXT.field("onward").type.names},
    }


def quotation(of, sentence, names, **more):
    mentions = [
        {
            "start": sentence.index(name),
            "end": sentence.index(name) + len(name),
            "curie": curie,
            "category": CONCEPTS[curie][1],
        }
        for name, curie in names
    ]
    told = {"evidence_id": "e7", "doc_id": "PMID:7", "language": "en", "sentence": sentence, "mentions": mentions}
    return {"triple_id": of["triple_id"], "quotation": told | more}


def test_a_chain_tells_two_triples_that_share_an_entity():
    first, second = triple(METFORMIN, "treats", DIABETES), triple(DIABETES, "causes", SEIZURES)
    rows = verbalize(table(first), concepts(), CONFIG, context=context(onward(first, second))).to_pylist()
    (row,) = [row for row in rows if row["form"] == "chain"]
    assert row["triple_ids"] == sorted([first["triple_id"], second["triple_id"]])
    assert [s["curie"] for s in row["spans"]].count(DIABETES) == 2
    assert len(row["sentences"]) == len(row["relations"]) == 2
    assert row["evidence_ids"] == sorted(first["evidence_ids"] + second["evidence_ids"])


def test_a_quotation_is_told_after_the_fact_it_says_and_names_its_evidence_only():
    said = triple(METFORMIN, "treats", DIABETES)
    sentence = "Metformin lowered glucose in type 2 diabetes and hypertension."
    names = [("Metformin", METFORMIN), ("type 2 diabetes", DIABETES), ("hypertension", HYPERTENSION)]
    rows = verbalize(table(said), concepts(), CONFIG, context=context(quotation(said, sentence, names))).to_pylist()
    (row,) = [row for row in rows if row["form"] == "quotation"]
    assert f'"{sentence}"' in row["text"]
    assert [words(row, span) for span in row["spans"]][2:] == [name for name, _ in names]
    assert (row["evidence_ids"], row["doc_ids"], row["triple_ids"]) == (["e7"], ["PMID:7"], [said["triple_id"]])
    assert [row["text"][s["start"] : s["end"]] for s in row["sentences"]][1].endswith(f'{sentence}"')


def test_no_chain_and_no_quotation_joins_a_held_out_pair():
    """With all pairs held out but those told, the far ends of a chain and a third entity of a sentence give it away."""
    splits = SplitConfig(validation=0.49, test=0.49)
    pairs = [(a, b, c) for a in CONCEPTS for b in CONCEPTS for c in CONCEPTS if len({a, b, c}) == 3]
    for a, b, c in pairs:
        first, second = triple(a, "treats", b), triple(b, "causes", c)
        quoted = quotation(first, "Alpha cures beta, not gamma.", [("Alpha", a), ("beta", b), ("gamma", c)])
        made = verbalize(
            table(first), concepts(), CONFIG, context=context(onward(first, second), quoted), splits=splits
        )
        forms = set(made["form"].to_pylist())
        assert ("chain" in forms) == (split_of(a, c, splits) == "train")
        assert "quotation" not in forms or {split_of(*pair, splits) for pair in ((a, b), (b, c), (a, c))} == {"train"}


def test_a_quotation_is_told_in_its_own_language_only_and_not_from_a_held_out_paper():
    said = triple(METFORMIN, "treats", DIABETES)
    names = [("Metformin", METFORMIN)]
    for more, splits in (({"language": "zh"}, SplitConfig()), ({}, SplitConfig(validation=0.49, test=0.49))):
        quoted = [quotation(said, "Metformin helps.", names, doc_id=f"PMID:{n}", **more) for n in range(20)]
        made = [verbalize(table(said), concepts(), CONFIG, context=context(q), splits=splits) for q in quoted]
        assert sum("quotation" in rows["form"].to_pylist() for rows in made) < (1 if more else 5)


@pytest.mark.parametrize("form", ["fact", "paragraph", "entity", "chain", "quotation"])
def test_each_form_can_be_asked_for_alone(form):
    first, second = triple(METFORMIN, "treats", DIABETES), triple(METFORMIN, "causes", SEIZURES)
    more = {METFORMIN: {"definition": "A drug that lowers glucose."}}
    beside = context(
        onward(first, triple(DIABETES, "causes", CROHN)),
        quotation(second, "Metformin caused it.", [("Metformin", METFORMIN)]),
    )
    config = CorpusConfig(forms=(form,))
    rows = verbalize(table(first, second), concepts(**more), config, context=beside).to_pylist()
    assert {row["form"] for row in rows} == {form}


@pytest.mark.parametrize("name", ["Asthma\n<i>severe</i>", "Asthma\r\nsevere", "<b>Asthma severe</b>"])
def test_a_name_with_markup_or_line_ends_is_told_on_one_line_and_said(name):
    records: list[SetAside] = []
    claims = table(triple(METFORMIN, "treats", DIABETES, 0.95), triple(METFORMIN, "causes", DIABETES, 0.95))
    rows = verbalize(claims, concepts(**{DIABETES: {"name": name}}), CONFIG, set_aside=records.append).to_pylist()
    assert [(record.record, record.reason) for record in records] == [(DIABETES, "name-with-markup")]
    assert records[0].detail.lower() == (
        f"the name of {DIABETES} holds markup or line ends and is told as 'asthma severe'; correct it in its vocabulary".lower()
    )
    for row in rows:
        assert "asthma severe" in row["text"].lower()
        assert not set(row["text"]) & set("<>\r\n")


def test_a_name_of_nothing_but_markup_is_no_name():
    counts: Counter[str] = Counter()
    records: list[SetAside] = []
    named = concepts(**{DIABETES: {"name": "<br/>"}})
    triples = table(triple(METFORMIN, "treats", DIABETES))
    rows = verbalize(triples, named, CONFIG, counts=counts, set_aside=records.append)
    assert (rows.num_rows, counts) == (0, {"untold-no-name": 1})
    assert [record.reason for record in records] == ["entity-without-name"]


def test_homes_recorded_when_there_was_one_language_still_open():
    assert CorpusConfig.model_validate({"language": "en"}) == CorpusConfig()


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Finds the concepts above in texts."""
    folder = tmp_path_factory.mktemp("names")
    VocabularyIndex.build(concepts(), folder, Preference())
    return name_reader(str(folder))


def test_what_a_definition_names_is_linked_and_gives_no_held_out_pair_away(read):
    more = {DIABETES: {"definition": "A disease that comes with hypertension and seizures."}}
    triples = table(triple(DIABETES, "causes", CROHN))
    (row,) = [r for r in verbalize(triples, concepts(**more), CONFIG, read=read).to_pylist() if r["form"] == "entity"]
    assert [(words(row, span), span["curie"]) for span in row["spans"]] == [
        ("Type 2 diabetes mellitus", DIABETES),
        ("hypertension", HYPERTENSION),
        ("seizures", SEIZURES),
    ]
    named = ((DIABETES, HYPERTENSION), (DIABETES, SEIZURES), (HYPERTENSION, SEIZURES))
    told = {}
    for share in (0.05, 0.1, 0.2, 0.3, 0.49):
        splits = SplitConfig(validation=0, test=share)
        rows = verbalize(triples, concepts(**more), CONFIG, read=read, splits=splits)
        told[share] = "entity" in rows["form"].to_pylist()
        assert told[share] == all(split_of(a, b, splits) == "train" for a, b in named)
    assert set(told.values()) == {True, False}
