"""Passages as tokens and batches: spans where the text has them, masking by units, pairs, next sentences."""

import numpy as np
import pytest
import torch

from training.data.batches import IGNORE, NO_RELATION, make_text_batch
from training.data.encoding import encode_passages
from training.data.shards import predicates_of, read_passages
from training.data.tokenizers.wordpiece import train_tokenizer

CLASSES = {"biolink:causes": 1, "biolink:treats": 2}


@pytest.fixture(scope="module")
def tokenizer(corpus):
    texts = [t for b in read_passages(corpus.train) for t in b.column("text").to_pylist()]
    return train_tokenizer(lambda: texts, vocabulary=300, alphabet=100, max_length=64)


@pytest.fixture(scope="module")
def rows(corpus):
    return [row for batch in read_passages(corpus.train[:1]) for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def encoded(rows, tokenizer):
    return encode_passages(rows, tokenizer, CLASSES)


def test_spans_in_tokens_are_the_spans_of_the_text(rows, encoded, tokenizer):
    for row, passage in zip(rows, encoded, strict=True):
        for span, (start, end) in zip(row["spans"], passage.spans, strict=True):
            said = row["text"][span["start"] : span["end"]]
            assert tokenizer.decode(passage.ids[start:end]) == said.lower()
        starts = [tokenizer.decode(passage.ids[s : s + 3]).split()[0] for s in passage.sentences]
        assert [row["text"][s["start"] :].lower().startswith(w) for s, w in zip(row["sentences"], starts, strict=True)]


def test_offsets_count_code_points(tokenizer):
    text = "β𝜷 metformin treats pain"
    span = {"start": 3, "end": 12, "curie": "T:m", "category": "biolink:Drug"}
    row = {"text": text, "sentences": [], "spans": [span], "relations": []}
    (passage,) = encode_passages([row], tokenizer, CLASSES)
    start, end = passage.spans[0]
    assert tokenizer.decode(passage.ids[start:end]).replace(" ", "") == "metformin"


def test_an_entity_is_one_unit_of_masking(encoded, rows, tokenizer):
    for passage in encoded:
        for start, end in passage.spans:
            assert len(set(passage.units[start:end])) == 1
    by_word = encode_passages(rows[:5], tokenizer, CLASSES, whole_entities=False)
    assert any(len(set(p.units[s:e])) > 1 for p in by_word for s, e in p.spans)


def test_sequences_have_the_layout_of_bert_and_fit(encoded, tokenizer, small):
    batch = make_text_batch(encoded[:8], tokenizer, small, step=3)
    ids, types, attention = batch.input_ids, batch.token_type_ids, batch.attention_mask
    assert ids.shape == types.shape == attention.shape and ids.shape[1] <= small.max_length
    assert (ids[:, 0] == tokenizer.cls_token_id).all()
    assert ((ids == tokenizer.sep_token_id).sum(1) == 2).all()
    assert (ids[attention == 0] == tokenizer.pad_token_id).all() and batch.tokens == int(attention.sum())
    assert (types[:, 1:] >= types[:, :-1])[attention[:, 1:] == 1].all()


def test_masking_hides_whole_units_and_remembers_them(encoded, tokenizer, small):
    batches = [make_text_batch(encoded, tokenizer, small, step=s) for s in range(20)]
    plain = [make_text_batch(encoded, tokenizer, small.model_copy(update={"mask": 1e-12}), step=s) for s in range(20)]
    masked = total = shown = 0
    for batch, clear in zip(batches, plain, strict=True):
        assert len(clear.masked) == 0
        assert torch.equal(clear.input_ids.flatten()[batch.masked], batch.masked_labels)
        others = torch.ones_like(clear.input_ids.flatten(), dtype=torch.bool)
        others[batch.masked] = False
        assert torch.equal(clear.input_ids.flatten()[others], batch.input_ids.flatten()[others])
        shown += int((batch.input_ids.flatten()[batch.masked] == tokenizer.mask_token_id).sum())
        masked += len(batch.masked)
        total += batch.tokens - 3 * len(encoded)
    assert masked / total == pytest.approx(small.mask, abs=0.02)
    assert shown / masked == pytest.approx(0.8, abs=0.04)


def test_b_follows_a_about_half_the_time_and_is_labelled_truly(encoded, tokenizer, small):
    config = small.model_copy(update={"mask": 1e-12})
    labels, chance = [], []
    for step in range(10):
        batch = make_text_batch(encoded, tokenizer, config, step=step)
        for i, passage in enumerate(encoded):
            size = int(batch.attention_mask[i].sum())
            row = batch.input_ids[i, 1 : size - 1].numpy()
            joined = row[row != tokenizer.sep_token_id]
            whole = "," + ",".join(map(str, passage.ids)) + ","
            follows = "," + ",".join(map(str, joined)) + "," in whole
            label = int(batch.follows[i])
            assert follows or label == 1
            labels.append(label)
            chance.append(follows and label == 1)
    assert 0.4 < np.mean(labels) < 0.6
    # Another passage may begin with the same words by chance, where sentences repeat as they do here.
    assert np.mean(chance) < 0.1


def test_a_passage_of_one_sentence_asks_no_next_sentence(tokenizer, small):
    row = {"text": "metformin treats pain.", "sentences": [{"start": 0, "end": 22}], "spans": [], "relations": []}
    batch = make_text_batch(encode_passages([row, row], tokenizer, CLASSES), tokenizer, small, step=0)
    assert batch.follows.tolist() == [IGNORE, IGNORE] and batch.token_type_ids.sum() == 0


def test_pairs_point_at_their_entities_with_the_class_the_passage_states(rows, encoded, tokenizer, small):
    config = small.model_copy(update={"mask": 1e-12, "max_length": 512})
    stated = {
        (row["text"][s["start"] : s["end"]].lower(), r["predicate"], row["text"][o["start"] : o["end"]].lower())
        for row in rows
        for r in row["relations"]
        for s, o in [(row["spans"][r["subject"]], row["spans"][r["object"]])]
    }
    predicates = {number: name for name, number in CLASSES.items()}
    batch = make_text_batch(encoded, tokenizer, config, step=1)
    for (row, a, b, c, d), kind in zip(batch.pairs.tolist(), batch.pair_labels.tolist(), strict=True):
        subject, target = tokenizer.decode(batch.input_ids[row, a:b]), tokenizer.decode(batch.input_ids[row, c:d])
        if kind == NO_RELATION:
            assert subject != target
        else:
            assert (subject, predicates[kind], target) in stated
    none = int((batch.pair_labels == NO_RELATION).sum())
    assert 0 < none <= len(batch.pair_labels) - none
    without = make_text_batch(encoded, tokenizer, config.model_copy(update={"no_relation": 0.0}), step=1)
    assert (without.pair_labels != NO_RELATION).all()


def test_a_long_passage_is_cut_and_its_lost_entities_ask_nothing(rows, tokenizer, small):
    row = dict(rows[0])
    row["text"] += " and so on" * 100
    config = small.model_copy(update={"max_length": 16})
    batch = make_text_batch(encode_passages([row], tokenizer, CLASSES), tokenizer, config, step=0)
    assert batch.input_ids.shape[1] <= 16
    assert (batch.pairs[:, 1:] < 16).all()


def test_a_batch_depends_on_seed_and_step_only(encoded, tokenizer, small):
    one, same = (make_text_batch(encoded[:4], tokenizer, small, step=5) for _ in range(2))
    other = make_text_batch(encoded[:4], tokenizer, small, step=6)
    assert torch.equal(one.input_ids, same.input_ids)
    assert one.input_ids.shape != other.input_ids.shape or not torch.equal(one.input_ids, other.input_ids)


def test_classes_are_the_predicates_of_the_shards(corpus):
    assert predicates_of(corpus.train) == ["biolink:causes", "biolink:treats"]
