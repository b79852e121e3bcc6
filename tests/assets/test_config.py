"""Mistakes in a configuration: each is one sentence that names the key, before anything is built."""

import pytest

from assets.config import load_config
from pipeline.errors import MateriaError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("corpus: {languages: [en]}\ncorpus: {forms: [fact]}", "line 2: has the key 'corpus' twice"),
        ("dataset: {published: 2026-13-40}", "line 1: is no YAML ('2026-13-40' is no timestamp)"),
        ("corpus: {languages: en}", "corpus.languages: input should be a list"),
        ("corpus: {languages: []}", "corpus.languages: tuple should have at least 1 item"),
        ("corpus: {languages: [en, en]}", "corpus: languages names one twice"),
        ("corpus: {languages: [de]}", "there are no templates for the language 'de'"),
        ("corpus: {templates: {zh: own.yaml}}", "corpus: there are templates for zh, which languages does not name"),
        ("corpus: {templates: {en: own.yaml}}", "own.yaml: does not exist"),
        ("corpus: {languages: [zh], rewriting: {model: m}}", "there are rewritings for en, which languages does not"),
        ("corpus: {rewriting: {model: m, prompts: {de: '{text}'}}}", "there are prompts for de, which languages does"),
        ("corpus: {test_documents: [none.json]}", "none.json: does not exist"),
        ("corpus: {test_documents: ['']}", "materia.yaml: a path is empty"),
        ("corpus: {cleaning: {shortest: 9, longest: 8}}", "corpus.cleaning: shortest is more than longest"),
        ("corpus: {cleaning: {n: 13}}", "corpus.cleaning.n: there is no such key"),
        ("engine: {stages: {mentoins: {memory_mib: 5}}}", "engine.stages: there is no stage 'mentoins'. Choose one of"),
        ("embeddings: [{model: rotate}, {model: rotate, epochs: 2}]", "embeddings: rotate is listed twice"),
        ("corpus: {mixture: 3}", "corpus.mixture: input should be keys and values"),
        ("corpus: {mixture: {source_shares: {'*': 1.5}}}", "source_shares.*: input should be less than or equal to 1"),
        ("corpus: {mixture: {predicate_shares: {treats: 0.5}}}", "there is no predicate 'treats'"),
        ("corpus: {mixture: {predicate_shares: {biolink:treets: 0.5}}}", "there is no predicate 'biolink:treets'"),
        ("corpus: {mixture: {repeats: 100000}}", "corpus.mixture.repeats: input should be less than or equal to 1000"),
        (
            "graph: {store: 'http://a:b@h/q', update: 'http://h/u'}",
            "set MATERIA_SPARQL_USER and MATERIA_SPARQL_PASSWORD instead",
        ),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, text, said):
    file = tmp_path / "materia.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MateriaError) as error:
        load_config(str(file))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_predicates_of_other_vocabularies_may_have_a_share(tmp_path):
    file = tmp_path / "materia.yaml"
    file.write_text('corpus: {mixture: {predicate_shares: {"lab:boosts": 0.1, "biolink:treats": 0.5, "*": 0.9}}}')
    assert len(load_config(str(file)).corpus.mixture.predicate_shares) == 3
