"""Passages as tokens: sentences, entities and claims where the text has them, for every family of tokenizers."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.tables import PASSAGES
from training.data.encoding import encode_passages
from training.data.special_tokens import text_tokenizer

CLASSES = {"biolink:causes": 1, "biolink:treats": 2}
FAMILIES = ["bert", "gpt2", "llama", "xlnet"]


def table(*rows):
    columns = ("text", "sentences", "spans", "relations", "belief")
    empty = {"sentences": [], "spans": [], "relations": [], "belief": None}
    return pa.Table.from_pylist([empty | row for row in rows], pa.schema([PASSAGES.field(name) for name in columns]))


def span(start, end, curie):
    return {"start": start, "end": end, "curie": curie, "category": "biolink:Drug"}


@pytest.fixture(params=FAMILIES)
def reader(request, tokenizers):
    """Encodes, and says what tokens [start, end) mean."""
    tokenizer = tokenizers[request.param]

    def say(encoded, start, end):
        return tokenizer.decode(encoded.ids[start:end]).strip()

    return lambda rows, **more: encode_passages(rows, text_tokenizer(tokenizer), CLASSES, **more), say


def test_spans_in_tokens_are_the_spans_of_the_text(passages, reader):
    encode, say = reader
    encoded = encode(passages)
    said = [(row["text"][s["start"] : s["end"]]) for row in passages.to_pylist() for s in row["spans"]]
    assert [say(encoded, start, end).lower() for start, end in encoded.spans] == said


def test_sentences_begin_where_those_of_the_text_do(passages, reader):
    encode, say = reader
    encoded = encode(passages)
    texts = [row["text"][s["start"] : s["end"]].lower() for row in passages.to_pylist() for s in row["sentences"]]
    ends = [*encoded.sentences[1:], len(encoded.ids)]
    found = [say(encoded, start, end).lower() for start, end in zip(encoded.sentences, ends, strict=True)]
    assert [f.replace(" ", "") for f in found] == [t.replace(" ", "") for t in texts]


def test_offsets_count_code_points(reader):
    encode, say = reader
    rows = table({"text": "a 𝜷 b"}, {"text": "β𝜷 metformin treats pain", "spans": [span(3, 12, "T:m")]})
    encoded = encode(rows)
    ((start, end),) = encoded.spans
    assert say(encoded, start, end) == "metformin"


@settings(max_examples=60)
@given(
    st.lists(st.text("ab é β𝜷.-二", max_size=12), min_size=1, max_size=4),
    st.sampled_from(FAMILIES),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 11), st.integers(1, 6)), max_size=5),
)
def test_an_entity_is_every_token_that_overlaps_it(tokenizers, texts, family, marks):
    spans = [[] for _ in texts]
    for which, start, length in marks:
        which %= len(texts)
        if start + length <= len(texts[which]):
            spans[which].append((start, start + length))
    tokenizer = text_tokenizer(tokenizers[family])
    rows = table(
        *({"text": t, "spans": [span(a, b, "T:x") for a, b in own]} for t, own in zip(texts, spans, strict=True))
    )
    encoded = encode_passages(rows, tokenizer, CLASSES)
    expected, base = [], 0
    for text, own in zip(texts, spans, strict=True):
        bounds = tokenizer.encode(text, add_special_tokens=False).offsets
        for start, end in own:
            inside = [base + i for i, (a, b) in enumerate(bounds) if a < end and b > start]
            expected.append(inside)
        base += len(bounds)
    assert [list(range(start, end)) for start, end in encoded.spans] == expected
    units = np.cumsum(encoded.begins)
    assert all(len(set(units[inside])) <= 1 for inside in expected)


def test_bytes_of_a_character_stay_with_their_entity(tokenizers):
    """GPT-2 takes three tokens for a Chinese character that it never saw."""
    rows = table({"text": "二甲双胍治疗糖尿病。", "spans": [span(0, 4, "T:m"), span(6, 9, "T:d")]})
    encoded = encode_passages(rows, text_tokenizer(tokenizers["gpt2"]), CLASSES)
    said = [tokenizers["gpt2"].decode(encoded.ids[start:end]) for start, end in encoded.spans]
    assert said == ["二甲双胍", "糖尿病"] and encoded.begins.sum() < len(encoded.ids)


def test_an_entity_is_one_unit_of_masking_and_else_a_word_is(passages, reader):
    encode, _ = reader
    encoded = encode(passages)
    for start, end in encoded.spans:
        assert encoded.begins[start] and not encoded.begins[start + 1 : end].any()
        assert end == len(encoded.ids) or encoded.begins[end]
    words = encode(passages, whole_entities=False)
    assert words.begins.sum() > encoded.begins.sum()
    assert all(words.begins[start] for start in words.passages[:-1])


def test_claims_have_the_belief_of_the_graph_else_of_the_passage(tokenizers, graph):
    drug, disease = graph.triples.entities[graph.triples.train[0, 0]], graph.triples.entities[graph.triples.train[0, 2]]
    predicate = graph.triples.relations[graph.triples.train[0, 1]]
    graph.triples.weights[0] = 0.25
    graph = type(graph)(graph.triples)
    row = {
        "text": "x y",
        "spans": [span(0, 1, drug), span(2, 3, disease)],
        "relations": [{"subject": 0, "predicate": predicate, "object": 1, "source": "e"}],
    }
    unknown = row | {"spans": [span(0, 1, "T:none"), span(2, 3, None)], "belief": 0.5}
    other = row | {"relations": [{"subject": 0, "predicate": "biolink:other", "object": 1, "source": "e"}]}
    encoded = encode_passages(table(row, unknown, other), text_tokenizer(tokenizers["bert"]), CLASSES, graph=graph)
    assert encoded.beliefs.tolist() == [0.25, 0.5]
    assert encoded.claims.tolist() == [[0, CLASSES[predicate], 1], [2, CLASSES[predicate], 3]]
    assert encoded.entities.tolist() == [graph.entity(drug), graph.entity(disease), -1, -1, *encoded.entities[:2]]
    graph.triples.weights[0] = 1.0


def test_a_text_that_holds_the_name_of_a_special_token_holds_text(tokenizers):
    for family, tokenizer in tokenizers.items():
        encoded = encode_passages(
            table({"text": "a " + " ".join(tokenizer.all_special_tokens)}), text_tokenizer(tokenizer), CLASSES
        )
        special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
        assert not special & set(encoded.ids), family


def test_empty_tables_and_texts_without_tokens_are_no_matter(reader):
    encode, _ = reader
    assert len(encode(table()).ids) == 0
    encoded = encode(table({"text": ""}, {"text": "pain", "spans": [span(0, 4, "T:p")]}, {"text": ""}))
    assert encoded.passages.tolist() == [0, 0, len(encoded.ids), len(encoded.ids)]
    assert encoded.sentences.tolist() == [0] and encoded.spans.tolist() == [[0, len(encoded.ids)]]
