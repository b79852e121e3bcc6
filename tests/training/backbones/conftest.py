"""Small backbones of every family, and packed rows of any documents for them."""

import pytest
import torch

from training.backbones.config import LANGUAGE_OF, BackboneConfig
from training.backbones.table import make_backbone
from training.data.batches import IGNORE, Position, TextBatch


def pack(rows, language, *, draw):
    """A batch of rows of documents (lists of token numbers), each asking for some of its tokens."""
    width = max(sum(map(len, row)) for row in rows)
    ids, types, places, numbers, ranks = (torch.zeros(len(rows), width, dtype=torch.int64) for _ in range(5))
    sequences, targets, labels = [], [], []
    for r, row in enumerate(rows):
        at = 0
        for n, document in enumerate(row, start=1):
            size = len(document)
            span = slice(at, at + size)
            ids[r, span], numbers[r, span] = torch.tensor(document), n
            places[r, span] = torch.arange(size)
            types[r, at + size // 2 : at + size] = 1
            sequences.append((r, at, at + size))
            asked = sorted(draw.sample(range(1, size - 1), (size - 1) // 2))
            if language == "causal":
                asked = range(size - 1)
            if language == "permutation":
                ranks[r, [at + p for p in asked]] = torch.tensor(draw.sample(range(1, len(asked) + 1), len(asked)))
            targets += [r * width + at + p for p in asked]
            labels += [document[p + (language == "causal")] for p in asked]
            if language == "masked":
                ids[r, [at + p for p in asked]] = 4
            at += size
    empty = torch.zeros(0, dtype=torch.int64)
    return TextBatch(
        ids, types, places, numbers, torch.tensor(sequences), torch.full((len(sequences),), IGNORE),
        torch.tensor(targets), torch.tensor(labels), ranks if language == "permutation" else None,
        empty.reshape(0, 5), empty, empty, empty.float(), empty.reshape(0, 3), empty, int((numbers > 0).sum()),
        Position(),
    )  # fmt: skip


@pytest.fixture(scope="session", name="pack")
def _pack():
    return pack


@pytest.fixture(scope="session")
def tokenizer(make_tokenizer):
    return make_tokenizer()


@pytest.fixture(params=list(LANGUAGE_OF))
def backbone(request, tokenizer):
    """A new backbone of each family without dropout, in double precision where the library has it (two streams do not)."""
    torch.manual_seed(0)
    config = BackboneConfig(family=request.param, layers=2, hidden=16, heads=2, feed_forward=32)
    made = make_backbone(config, tokenizer, 24).eval()
    return made if request.param == "xlnet" else made.double()
