"""Batches: padded as the tokenizer pads, labels that no loss counts, and logits back without the padding."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.finetuning.collate import Collator
from training.tasks.base import Features


def tokenizer(side="right", pad=7):
    return SimpleNamespace(pad_token_id=pad, pad_token_type_id=3, padding_side=side)


def row(ids, labels=0, **more):
    return Features(0, {"input_ids": ids, "attention_mask": [1] * len(ids), **more}, labels, [], [])


def test_each_input_is_padded_with_what_means_nothing_there():
    rows = [row([5, 6, 8], [0, 1, 2], token_type_ids=[0, 1, 1]), row([9], [4], token_type_ids=[0])]
    batch = Collator(tokenizer())(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 8], [9, 7, 7]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["token_type_ids"].tolist() == [[0, 1, 1], [0, 3, 3]]
    assert batch["labels"].tolist() == [[0, 1, 2], [4, -100, -100]]


def test_padding_stands_where_the_tokenizer_puts_it():
    batch = Collator(tokenizer("left"))([row([5, 6, 8], [0, 1, 2]), row([9], [4])])
    assert batch["input_ids"].tolist() == [[5, 6, 8], [7, 7, 9]]
    assert batch["labels"].tolist() == [[0, 1, 2], [-100, -100, 4]]


def test_labels_of_every_kind():
    collate = Collator(tokenizer())
    assert collate([row([1], 3), row([1], 0)])["labels"].tolist() == [3, 0]
    several = collate([row([1], [0.0, 1.0]), row([1], [1.0, 1.0])])["labels"]
    assert several.dtype == torch.float32
    assert several.tolist() == [[0, 1], [1, 1]]
    spans = collate([row([1], {"start_positions": 4, "end_positions": 5})])
    assert (spans["start_positions"].tolist(), spans["end_positions"].tolist(), "labels" in spans) == ([4], [5], False)


def test_places_move_with_the_padding_before_them():
    rows = [
        row([5, 6, 8], {"start_positions": 1, "end_positions": 2}),
        row([9], {"start_positions": 0, "end_positions": 0}),
    ]
    batch = Collator(tokenizer("left"))(rows)
    assert (batch["start_positions"].tolist(), batch["end_positions"].tolist()) == ([1, 2], [2, 2])


def options(*ids):
    return Features(0, {"input_ids": list(ids), "attention_mask": [[1] * len(one) for one in ids]}, 1, [], [])


def test_options_are_padded_along_both_axes():
    batch = Collator(tokenizer())([options([1, 2], [3]), options([4], [5], [6, 8, 9])])
    assert batch["input_ids"].tolist() == [[[1, 2, 7], [3, 7, 7], [7, 7, 7]], [[4, 7, 7], [5, 7, 7], [6, 8, 9]]]
    assert batch["attention_mask"].sum().item() == 3 + 5


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.sampled_from(["left", "right"]))
def test_logits_lose_the_padding_that_inputs_got(lengths, side):
    rows = [row(list(range(1, n + 1))) for n in lengths]
    collate = Collator(tokenizer(side, pad=0))
    ids = collate.inputs(rows)["input_ids"]
    logits = torch.stack([ids.float(), -ids.float()], dim=-1)  # what each token is, as its score
    for found, one in zip(collate.unpadded(logits, rows), rows, strict=True):
        np.testing.assert_array_equal(found[:, 0], one.inputs["input_ids"])


@pytest.mark.parametrize("side", ["left", "right"])
def test_of_options_the_scores_of_those_that_are_there(side):
    rows = [options([1, 2], [3]), options([4], [5], [6])]
    found = Collator(tokenizer(side)).unpadded(torch.tensor([[1.0, 2.0, 9.0], [3.0, 4.0, 5.0]]), rows)
    assert [values.tolist() for values in found] == [[1, 2], [3, 4, 5]]


def test_scores_of_whole_rows_stay_as_they_are():
    rows = [row([1, 2, 3]), row([4])]
    found = Collator(tokenizer()).unpadded(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), rows)
    assert [values.tolist() for values in found] == [[1, 2], [3, 4]]
