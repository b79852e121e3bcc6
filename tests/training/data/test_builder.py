"""Rows: all text once, the layout of each family, targets, pairs and mentions that point at what they mean."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from training.data.batches import IGNORE, NO_RELATION, Position
from training.data.config import DataConfig
from training.data.encoding import encode_passages
from training.data.special_tokens import special_tokens, text_tokenizer

FAMILIES = ["bert", "gpt2", "llama", "xlnet"]
LANGUAGES = {"bert": "masked", "gpt2": "causal", "llama": "causal", "xlnet": "permutation"}
#: So little is masked that nothing is.
CLEAR = {"mask": 1e-12}


def batch_of(builder, passages, seed=0):
    rows = builder.rows(passages, np.random.default_rng(seed))
    return rows.batch(Position(), pad=builder.special.pad, length=builder.config.max_length)


def sequences_of(batch):
    return [batch.input_ids[row, start:end].tolist() for row, start, end in batch.sequences.tolist()]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("packing", [True, False])
def test_every_token_of_every_passage_is_read_once(family, packing, builder, passages, tokenizers):
    made = builder(family, packing=packing, has_next=False, **CLEAR)
    ids = encode_passages(passages, text_tokenizer(tokenizers[family]), {}).ids
    special = set(special_tokens(tokenizers[family], LANGUAGES[family])[:3])
    batch = batch_of(made, passages)
    read = [token for sequence in sequences_of(batch) for token in sequence if token not in special]
    assert sorted(read) == sorted(token for token in ids.tolist() if token not in special)
    assert (len(batch.input_ids) < len(batch.sequences)) == packing


@pytest.mark.parametrize("family", FAMILIES)
def test_each_sequence_has_its_own_special_tokens_positions_and_number(family, builder, passages):
    made = builder(family, **CLEAR)
    before, after, last, pad, _ = made.special
    batch = batch_of(made, passages)
    for row, start, end in batch.sequences.tolist():
        ids, numbers = batch.input_ids[row, start:end], batch.sequence_ids[row, start:end]
        assert before is None or ids[0] == before
        assert ids[-1] == (after if last is None else last) and (last is None or ids[-2] == after)
        assert batch.position_ids[row, start:end].tolist() == list(range(end - start))
        assert (numbers == numbers[0]).all() and numbers[0] > 0
    for row in range(len(batch.input_ids)):
        numbers = batch.sequence_ids[row]
        own = batch.sequences[batch.sequences[:, 0] == row]
        assert sorted(set(numbers[numbers > 0].tolist())) == list(range(1, len(own) + 1))
        assert (batch.input_ids[row][numbers == 0] == pad).all()
    assert batch.tokens == int((batch.sequence_ids > 0).sum())


def test_causal_targets_are_the_next_token_of_the_same_sequence(builder, passages):
    batch = batch_of(builder("gpt2"), passages)
    flat, numbers = batch.input_ids.flatten(), batch.sequence_ids.flatten()
    assert torch.equal(batch.target_labels, flat[batch.targets + 1])
    assert torch.equal(numbers[batch.targets], numbers[batch.targets + 1])
    assert len(batch.targets) == batch.tokens - len(batch.sequences)


def test_permutation_targets_are_shown_and_ranked(builder, passages):
    batch = batch_of(builder("xlnet"), passages)
    assert torch.equal(batch.input_ids.flatten()[batch.targets], batch.target_labels)
    assert torch.equal(batch.permutation.flatten().nonzero()[:, 0], batch.targets)
    assert len(batch.targets) / batch.tokens == pytest.approx(1 / 6, abs=0.03)
    special = torch.isin(batch.target_labels, torch.tensor(builder("xlnet").special[1:3]))
    assert not special.any()


def test_masked_targets_are_what_stood_there_and_no_other_place_changes(builder, passages):
    clear, masked = (batch_of(builder(has_next=False, **settings), passages) for settings in (CLEAR, {"mask": 0.3}))
    assert len(clear.targets) == 0 and torch.equal(clear.sequences, masked.sequences)
    assert torch.equal(clear.input_ids.flatten()[masked.targets], masked.target_labels)
    same = torch.ones(clear.input_ids.numel(), dtype=torch.bool)
    same[masked.targets] = False
    assert torch.equal(clear.input_ids.flatten()[same], masked.input_ids.flatten()[same])
    for row, start, end in masked.mentions.tolist():
        places = row * 64 + torch.arange(start, end)
        assert torch.isin(places, masked.targets).unique().numel() == 1


def test_b_follows_a_about_half_the_time_and_is_labelled_truly(builder, passages, tokenizers):
    made = builder(max_length=128, **CLEAR)
    encoded = encode_passages(passages, text_tokenizer(tokenizers["bert"]), {})
    wholes = ["," + ",".join(map(str, encoded.ids[a:b])) + "," for a, b in pairwise(encoded.passages)]
    labels, chance = [], 0
    for seed in range(6):
        batch = batch_of(made, passages, seed)
        for (row, start, end), label in zip(batch.sequences.tolist(), batch.follows.tolist(), strict=True):
            types, ids = batch.token_type_ids[row, start:end], batch.input_ids[row, start:end]
            assert (label == IGNORE) == (types.sum() == 0) and (types.diff() >= 0).all()
            assert int((ids == tokenizers["bert"].sep_token_id).sum()) == (1 if label == IGNORE else 2)
            inner = ids[~torch.isin(ids, torch.tensor(made.special[:2]))]
            joined = "," + ",".join(map(str, inner.tolist())) + ","
            follows = any(joined in whole for whole in wholes)
            assert follows or label == 1
            labels.append(label)
            chance += follows and label == 1
    asked = [label for label in labels if label != IGNORE]
    assert 0.4 < np.mean(asked) < 0.6
    # Another passage may begin with the same words by chance, where sentences repeat as they do here.
    assert chance / len(asked) < 0.1


def test_pairs_point_at_their_entities_with_the_class_the_passage_states(builder, passages, tokenizers):
    decode = tokenizers["bert"].decode
    stated = {
        (row["text"][s["start"] : s["end"]], r["predicate"], row["text"][o["start"] : o["end"]])
        for row in passages.to_pylist()
        for r in row["relations"]
        for s, o in [(row["spans"][r["subject"]], row["spans"][r["object"]])]
    }
    batch = batch_of(builder(max_length=128, **CLEAR), passages)
    predicates = {1: "biolink:causes", 2: "biolink:treats"}
    rows = zip(batch.pairs.tolist(), batch.pair_labels.tolist(), batch.pair_sequences.tolist(), strict=True)
    for (row, a, b, c, d), kind, sequence in rows:
        subject, target = decode(batch.input_ids[row, a:b]), decode(batch.input_ids[row, c:d])
        assert subject != target if kind == NO_RELATION else (subject, predicates[kind], target) in stated
        own_row, start, end = batch.sequences[sequence].tolist()
        assert own_row == row and start < min(a, c) and max(b, d) < end
    none = int((batch.pair_labels == NO_RELATION).sum())
    assert 0 < none <= len(batch.pair_labels) - none
    without = batch_of(builder(max_length=128, no_relation=0.0), passages)
    assert (without.pair_labels != NO_RELATION).all() and len(without.pairs) == len(batch.pairs) - none


def test_mentions_carry_the_number_of_their_entity(builder, passages, graph, tokenizers):
    batch = batch_of(builder(**CLEAR), passages)
    assert len(batch.mentions) == len(batch.mention_entities) > 50
    for (row, start, end), entity in zip(batch.mentions.tolist(), batch.mention_entities.tolist(), strict=True):
        name = tokenizers["bert"].decode(batch.input_ids[row, start:end])
        assert graph.triples.entities[entity] == "T:" + name.replace(" ", "_") if entity >= 0 else True
    assert (batch.mention_entities >= 0).any()
    assert (batch_of(builder(with_graph=False), passages).mention_entities == -1).all()


def test_a_long_passage_is_cut_at_sentences_where_it_can(builder, passages, tokenizers):
    made = builder("gpt2", max_length=32, name_length=8)
    batch = batch_of(made, passages)
    starts = [tokenizers["gpt2"].decode(s[1:-1]).strip() for s in sequences_of(batch)]
    sentences = {row["text"][s["start"] : s["end"]] for row in passages.to_pylist() for s in row["sentences"]}
    begins = [any(start.startswith(sentence[:12]) for sentence in sentences) for start in starts]
    assert batch.input_ids.shape[1] == 32 and np.mean(begins) > 0.9


def test_rows_depend_on_the_generator_alone(builder, passages):
    made = builder()
    one, same, other = (batch_of(made, passages, seed) for seed in (5, 5, 6))
    assert torch.equal(one.input_ids, same.input_ids) and not torch.equal(one.input_ids[:5], other.input_ids[:5])


def test_a_window_without_text_gives_no_rows(builder, passages):
    for family in FAMILIES:
        assert len(builder(family).rows(passages.slice(0, 0), np.random.default_rng(0))) == 0


def test_unknown_settings_are_errors():
    with pytest.raises(ValueError, match="extra"):
        DataConfig(window_size=3)
    with pytest.raises(ValueError, match="name_length"):
        DataConfig(max_length=16, name_length=24)
