from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pydantic import ValidationError

from kg.claims import triple_id
from kg.config import CorpusConfig, RewritingConfig
from kg.rewriting import rewrite, rewrite_bucket
from kg.rewriting_model import RewritingModel
from kg.tables import PASSAGES, REWRITES, TRIPLES
from kg.verbalize import verbalize
from pipeline.content import model_folder
from pipeline.errors import MateriaError
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY
from tests.kg.rewriting_models import random_t5, trained_gpt2, trained_t5

CONCEPTS = [
    ("MESH:D008687", "Metformin", "二甲双胍", "biolink:SmallMolecule"),
    ("MESH:D003924", "Diabetes Mellitus, Type 2", "2型糖尿病", "biolink:Disease"),
    ("MESH:D009325", "Nausea", "恶心", "biolink:PhenotypicFeature"),
    ("MESH:D020521", "Stroke", "脑卒中", "biolink:Disease"),
]
METFORMIN, DIABETES, NAUSEA, STROKE = (row[0] for row in CONCEPTS)
VOCABULARY_ROWS = pa.Table.from_pylist(
    [
        {"curie": curie, "name": name, "category": category, "synonyms": [], "sources": ["test"]}
        | {"translations": [{"language": "zh", "name": chinese, "scope": "exact"}]}
        for curie, name, chinese, category in CONCEPTS
    ],
    VOCABULARY,
)
CONFIG = CorpusConfig(languages=("en", "zh"), forms=("fact",))


def triple(subject, predicate, object_, support=0.95, contradiction=0.0):
    category = {row[0]: row[3] for row in CONCEPTS}
    return {
        "triple_id": triple_id(subject, predicate, object_),
        "subject": subject,
        "subject_category": category[subject],
        "predicate": predicate,
        "object": object_,
        "object_category": category[object_],
        "belief": support * (1 - contradiction),
        "support": support,
        "contradiction": contradiction,
        "contested": False,
        "evidence_ids": ["e1"],
        "doc_ids": ["PMID:1"],
        "extractors": ["trigger.v1"],
        "split": "train",
    }


TRIPLES_ROWS = [
    triple(METFORMIN, "biolink:treats", DIABETES),
    triple(METFORMIN, "biolink:causes", NAUSEA, 0.4),
    triple(METFORMIN, "biolink:prevents", STROKE, 0.1, 0.9),
]


def passages(*triples):
    return verbalize(pa.Table.from_pylist(list(triples or TRIPLES_ROWS), TRIPLES), VOCABULARY_ROWS, CONFIG)


def texts(table, language):
    return table.filter(pc.equal(table["language"], language))["text"].to_pylist()


GOOD = {
    DIABETES: ("Type 2 diabetes mellitus can be treated with metformin.", "2型糖尿病可采用二甲双胍治疗。"),
    NAUSEA: ("Nausea could be caused by metformin.", "恶心可能由二甲双胍所引起。"),
    STROKE: ("Metformin does not prevent stroke.", "二甲双胍未能预防脑卒中。"),
}


@pytest.fixture(scope="module")
def pairs():
    """Each fact as its template tells it, and in other words."""
    found = []
    for row in passages().to_pylist():
        (object_,) = (span["curie"] for span in row["spans"] if span["curie"] != METFORMIN)
        found.append((row["text"], GOOD[object_][row["language"] == "zh"]))
    return found


@pytest.fixture(scope="module")
def t5(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("t5")
    trained_t5(folder, pairs)
    return str(folder)


def config(model, **settings):
    return RewritingConfig(model=model, languages=("en", "zh"), batch_size=4, **settings)


def nothing_named(given):
    return [[] for _ in given]


def rewritten(table, settings, counts):
    return rewrite(
        table,
        RewritingModel(settings).rewrite,
        languages=settings.languages,
        read=nothing_named,
        known={},
        counts=counts,
    )


def test_a_model_that_has_learned_to_reword_rewords_in_both_languages(t5, pairs):
    counts = Counter()
    before = passages()
    after, asked = rewritten(before, config(t5), counts)
    assert counts == {"rewritten": before.num_rows}
    assert sorted(after["text"].to_pylist()) == sorted(new for _, new in pairs)
    assert after.schema == PASSAGES
    assert after["passage_id"].to_pylist() == sorted(set(after["passage_id"].to_pylist()))
    assert not set(after["passage_id"].to_pylist()) & set(before["passage_id"].to_pylist())
    assert asked.schema == REWRITES
    assert set(asked["outcome"].to_pylist()) == {"rewritten"}
    # What stands behind a row is the same, and its names are where the new text has them.
    for column in ("triple_ids", "evidence_ids", "doc_ids", "belief", "split"):
        assert sorted(map(str, after[column].to_pylist())) == sorted(map(str, before[column].to_pylist()))
    known = {name.lower() for _, english, chinese, _ in CONCEPTS for name in (english, chinese)} | {
        "type 2 diabetes mellitus"
    }
    for row in after.to_pylist():
        for span in row["spans"]:
            assert row["text"][span["start"] : span["end"]].lower() in known
        for relation in row["relations"]:
            ends = [row["spans"][relation[end]]["curie"] for end in ("subject", "object")]
            assert triple_id(ends[0], relation["predicate"], ends[1]) == relation["source"]


def test_a_causal_model_rewords_behind_its_prompt(tmp_path, pairs):
    trained_gpt2(tmp_path, pairs)
    counts = Counter()
    after, _ = rewritten(passages(), config(str(tmp_path), prompts={"en": "{text}>", "zh": "{text}>"}), counts)
    assert counts == {"rewritten": len(pairs)}
    assert sorted(after["text"].to_pylist()) == sorted(new for _, new in pairs)


def test_noise_is_refused_and_every_template_kept(tmp_path, pairs):
    random_t5(tmp_path, [text for text, _ in pairs])
    counts = Counter()
    before = passages()
    after, asked = rewritten(before, config(str(tmp_path)), counts)
    assert after.equals(before)
    assert all(written for written in asked["written"].to_pylist())
    assert sum(counts.values()) == before.num_rows
    assert all(reason.startswith("kept-") for reason in counts)


def test_what_a_model_writes_depends_on_the_text_alone(tmp_path, pairs):
    """Noise shows a difference in the last bit at once: it goes on differently from there."""
    random_t5(tmp_path, [text for pair in pairs for text in pair])
    model = RewritingModel(config(str(tmp_path)))
    many = [text for pair in pairs for text in pair]
    together = model.rewrite(many, "en")
    assert model.rewrite(many[::-1], "en")[::-1] == together
    assert [model.rewrite([text], "en")[0] for text in many] == together


def test_a_language_that_is_not_asked_for_keeps_its_templates(t5):
    counts = Counter()
    before = passages()
    settings = config(t5).model_copy(update={"languages": ("en",)})
    after, asked = rewritten(before, settings, counts)
    assert texts(after, "zh") == texts(before, "zh")
    assert not set(texts(after, "en")) & set(texts(before, "en"))
    assert set(asked["language"].to_pylist()) == {"en"}


def test_definitions_and_quotations_are_not_given_to_the_model():
    """The first are prose already, the second must stay as they were written."""
    before = passages(*TRIPLES_ROWS[:1])
    for form in ("entity", "quotation"):
        others = before.set_column(before.schema.get_field_index("form"), "form", pa.array([form] * before.num_rows))
        after, asked = rewrite(
            others.cast(PASSAGES), None, languages=("en", "zh"), read=nothing_named, known={}, counts=Counter()
        )
        assert after["text"].equals(before["text"])
        assert asked.num_rows == 0


def test_a_text_longer_than_the_model_reads_is_kept(tmp_path, pairs):
    trained_gpt2(tmp_path, pairs, steps=1)
    counts = Counter()
    long = "{text}" + 500 * ">"
    after, _ = rewritten(passages(), config(str(tmp_path), prompts={"en": long, "zh": long}), counts)
    assert set(counts) == {"kept-longer-than-the-model-reads"}
    assert after.equals(passages())


def test_only_new_texts_go_to_the_model_and_the_rows_are_those_of_a_build_from_nothing(t5, tmp_path, monkeypatch):
    asked = []
    whole = RewritingModel.rewrite

    def counted(self, given, language, **more):
        asked.extend(given)
        return whole(self, given, language, **more)

    monkeypatch.setattr(RewritingModel, "rewrite", counted)
    settings = config(t5)

    def build(table, home):
        asked.clear()
        kept = Dataset(tmp_path / home, "rewrites")
        return rewrite_bucket(
            table, settings, RewritingModel(settings), kept, "0", read=nothing_named, counts=Counter()
        )

    some, all_ = passages(*TRIPLES_ROWS[:1]), passages()
    build(some, "grown")
    assert sorted(asked) == sorted(some["text"].to_pylist())
    grown = build(all_, "grown")
    assert sorted(asked) == sorted(set(all_["text"].to_pylist()) - set(some["text"].to_pylist()))
    assert build(all_, "grown").equals(grown)
    assert asked == []
    assert grown.equals(build(all_, "new"))
    folders = [tmp_path / home / "rewrites" for home in ("grown", "new")]
    manifests = [(folder / "_manifests" / "0.json").read_text() for folder in folders]
    assert manifests[0] == manifests[1]
    assert build(some, "grown").equals(build(some, "fresh"))


def test_another_model_is_another_setting_but_another_place_is_not(t5, tmp_path, pairs):
    (tmp_path / "elsewhere").symlink_to(t5)
    assert config(str(tmp_path / "elsewhere")).identity() == config(t5).identity()
    random_t5(tmp_path / "other", [text for text, _ in pairs])
    assert config(str(tmp_path / "other")).identity() != config(t5).identity()
    corpus = CorpusConfig(languages=("en", "zh"), rewriting=config(t5))
    assert corpus.identity() != CorpusConfig(languages=("en", "zh")).identity()
    assert str(t5) not in str(corpus.identity())


def test_a_folder_is_relative_to_the_configuration_and_what_is_none_is_a_name(t5, tmp_path):
    (tmp_path / "model").symlink_to(t5)

    def whole(name):
        return str(tmp_path / name)

    for name, expected in (("model", str(tmp_path / "model")), ("google/flan-t5-small", "google/flan-t5-small")):
        assert CorpusConfig(rewriting=RewritingConfig(model=name)).with_paths(whole).rewriting.model == expected


def test_a_name_that_the_vocabulary_knows_is_not_added():
    """What else a text names is found as in papers, by any reader of names."""
    before = passages(*TRIPLES_ROWS[:1])

    def read(given):
        places = [text.find("stroke") for text in given]
        return [[(at, at + 6, STROKE, "biolink:Disease")] if at >= 0 else [] for at in places]

    for text, outcome in ((GOOD[DIABETES][0], "rewritten"), (f"After stroke, {GOOD[DIABETES][0]}", "kept-name-added")):
        counts = Counter()
        rewrite(
            before, lambda given, _, text=text: [text] * len(given),
            languages=("en",), read=read, known={}, counts=counts,
        )  # fmt: skip
        assert counts == {outcome: 1}


def test_a_model_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(MateriaError, match="there is no model 'no/such-model'"):
        model_folder("no/such-model")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(MateriaError, match="holds no seq2seq or causal"):
        RewritingModel(config(str(tmp_path))).rewrite(["Aspirin treats pain."], "en")


def test_a_prompt_without_the_text_is_refused():
    with pytest.raises(ValidationError, match="must hold {text} once"):
        RewritingConfig(model="x", prompts={"en": "Paraphrase this."})
