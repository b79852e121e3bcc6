import pytest

from pipeline.claims import CHINESE_EXTRACTOR, EXTRACTOR, evidence_workers, extract_evidence
from pipeline.mentions import find_mentions, mention_workers
from pipeline.trigger_patterns import EntitySpan, find_claims
from tests.pipeline.test_chinese_names import concept

CLASSES = {"C": "Drug", "D": "Disease", "G": "Protein", "P": "PhenotypicFeature", "E": "DiagnosticAid"}


def claims(marked):
    """Claims of a sentence whose mentions are written <C:阿司匹林>; a name is its own CURIE."""
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


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("<C:二甲双胍>可用于治疗<D:糖尿病>。", {("二甲双胍", "treats", "糖尿病")}),
        ("<D:肺炎>患者首选<C:青霉素>或<C:红霉素>。", {("青霉素", "treats", "肺炎"), ("红霉素", "treats", "肺炎")}),
        ("<C:干扰素>對<D:乙肝>有一定療效", {("干扰素", "treats", "乙肝")}),
        ("<D:哮喘>@急性期给予<C:沙丁胺醇>。", {("沙丁胺醇", "treats", "哮喘")}),
        ("<D:肺炎>可导致<D:呼吸衰竭>", {("肺炎", "causes", "呼吸衰竭")}),
        ("<D:腹泻>由<D:胃肠炎>引起", {("胃肠炎", "causes", "腹泻")}),
        ("<D:麻疹>的常见并发症有<D:肺炎>", {("麻疹", "contributes_to", "肺炎")}),
        (
            "<D:麻疹>表现为<P:发热>、<P:咳嗽>和<P:皮疹>",
            {("麻疹", "has_phenotype", p) for p in ("发热", "咳嗽", "皮疹")},
        ),
        ("<D:甲亢>以<P:心悸>为主要表现", {("甲亢", "has_phenotype", "心悸")}),
        ("<P:皮疹>是<D:麻疹>的典型症状", {("麻疹", "has_phenotype", "皮疹")}),
        ("<D:肥胖>与<D:高血压>密切相关", {("肥胖", "associated_with", "高血压")}),
        ("<C:阿司匹林>可预防<D:卒中>", {("阿司匹林", "preventative_for_condition", "卒中")}),
        ("<D:哮喘>患者禁用<C:普萘洛尔>", {("普萘洛尔", "contraindicated_in", "哮喘")}),
        ("<E:心电图>可诊断<D:心肌梗死>", {("心电图", "diagnoses", "心肌梗死")}),
        ("<C:阿司匹林>抑制<G:环氧化酶>", {("阿司匹林", "affects", "环氧化酶")}),
        ("<D:肺炎>。<C:青霉素>用于治疗", set()),
        ("<C:青霉素>、<D:肺炎>及<D:腹泻>", set()),
    ],
)
def test_constructions_claim_what_they_say(sentence, expected):
    assert set(claims(sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "polarity", "certainty", "direction"),
    [
        ("<C:青霉素>治疗<D:流感>", True, 1.0, None),
        ("<C:青霉素>不能治疗<D:流感>", False, 1.0, None),
        ("<C:青霉素>对<D:流感>无效", False, 1.0, None),
        ("<D:肺炎>可能导致<D:呼吸衰竭>", True, 0.6, None),
        ("<D:肥胖>与<D:高血压>无关", False, 1.0, None),
        ("<C:阿司匹林>抑制<G:环氧化酶>", True, 1.0, "decreased"),
        ("<C:雌激素>促进<G:催乳素>", True, 1.0, "increased"),
    ],
)
def test_denials_doubts_and_directions_are_noted(sentence, polarity, certainty, direction):
    (claim,) = claims(sentence).values()
    assert (claim.polarity, claim.certainty, claim.direction) == (polarity, certainty, direction)


def test_each_sentence_is_read_in_its_own_language(tmp_path, documents_of):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipeline.tables import VOCABULARY

    rows = [
        concept("HP:1", "Diabetes mellitus", "糖尿病"),
        concept("HP:2", "Proteinuria", "蛋白尿", category="biolink:PhenotypicFeature"),
        concept("MESH:3", "Metformin", "二甲双胍", category="biolink:Drug"),
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=VOCABULARY), tmp_path / "vocabulary.parquet")
    documents = [
        documents_of(
            "糖尿病\n二甲雙胍用於治療糖尿病。患者无蛋白尿。",
            "Diabetes mellitus (糖尿病)\nMetformin is effective in the treatment of diabetes mellitus.",
        )
    ]
    with mention_workers([str(tmp_path / "vocabulary.parquet")]) as workers:
        mentions = [*find_mentions(documents, workers)]
    negated = [(m["text"], m["negated"]) for batch in mentions for m in batch.to_pylist()]
    assert ("蛋白尿", True) in negated and ("二甲雙胍", False) in negated
    found = [row for batch in extract_evidence(documents, mentions, evidence_workers()) for row in batch.to_pylist()]
    assert [(r["subject"], r["predicate"], r["object"], r["extractor"]) for r in found] == [
        ("MESH:3", "biolink:treats", "HP:1", CHINESE_EXTRACTOR),
        ("MESH:3", "biolink:treats", "HP:1", EXTRACTOR),
    ]


def test_a_page_is_about_what_stands_before_its_at_sign():
    assert set(claims("<D:麻疹>@患儿常见<P:发热>，<P:皮疹>。")) == {
        ("麻疹", "has_phenotype", "发热"),
        ("麻疹", "has_phenotype", "皮疹"),
    }
    assert claims("<D:心肌炎>@这些药物可能诱发<D:高钾血症>。") == {}
    assert claims("<D:白喉>@## 鉴别诊断 ### 咽炎 症状 起病急，伴<P:发热>。") == {}


@pytest.mark.realdata
def test_most_of_what_is_claimed_between_the_entities_of_cmeie_is_stated_there(materia_data):
    from pipeline.claims import documents_with_mentions, sentence_claims
    from pipeline.gold_corpus import read_gold_corpus
    from pipeline.relations.evaluation import gold_relations
    from pipeline.relations.gold_mentions import gold_mentions
    from pipeline.relations.schemes import MEANINGS

    corpus = read_gold_corpus([str(materia_data / "chinese/cmeie_first3000.jsonl.gz")])
    gold = {(d, MEANINGS[k].predicate, s, o) for d, k, s, o in gold_relations(corpus) if k in MEANINGS}
    claimed = {
        (document, claim.predicate, subject.curie, object_.curie)
        for (document, *_), text, _, mentions in documents_with_mentions(
            corpus.documents, gold_mentions(corpus.documents)
        )
        for _, _, claim, subject, object_ in sentence_claims(text, mentions)
        if claim.polarity and not claim.hypothetical
    }
    for predicate, precision, count in (("treats", 0.75, 250), ("has_phenotype", 0.75, 700), ("diagnoses", 0.55, 400)):
        said = {claim for claim in claimed if claim[1] == f"biolink:{predicate}"}
        assert len(said) > count
        assert len(said & gold) > precision * len(said)
