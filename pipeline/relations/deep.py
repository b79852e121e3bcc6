"""The deep half of the classifier: a piecewise convolutional network over the passage in which a pair meets, from scratch.

Words and the distances to the two mentions are embedded, convolved over three and over five units, and the maximum is taken before, between
and behind the two mentions (Zeng et al. 2015, doi:10.18653/v1/D15-1203). Trained by AdamW with dropout of units and words.
Alone it is weaker than the features; together they are better than either where thousands of sentences are there to learn
from (DDI), and the mix that training learns leaves it little to say where they are not (CID).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.relations.views import View

__all__ = ["Deep", "deterministic", "train_deep"]

_PAD, _UNKNOWN = 0, 1
_REACH = 30
_WORDS, _PLACES, _FILTERS = 64, 8, 128
_WIDTHS = (3, 5)
_MIN_VIEWS = 3
_BATCH = 64
_RATE = 2e-3
_HIDDEN_WORDS = 0.1


class Deep(nn.Module):
    """Log-probabilities of labels for passages.

    Args:
        words: the units known, in order; others are one.
        labels: number of labels.
    """

    def __init__(self, words: Sequence[str], labels: int) -> None:
        super().__init__()
        self.words = tuple(words)
        self._number = {word: place + 2 for place, word in enumerate(words)}
        self.embed = nn.Embedding(len(words) + 2, _WORDS, padding_idx=_PAD)
        self.place_a = nn.Embedding(2 * _REACH + 1, _PLACES)
        self.place_b = nn.Embedding(2 * _REACH + 1, _PLACES)
        self.convolve = nn.ModuleList(
            nn.Conv1d(_WORDS + 2 * _PLACES, _FILTERS, width, padding=width // 2) for width in _WIDTHS
        )
        self.out = nn.Linear(3 * len(_WIDTHS) * _FILTERS, labels)
        nn.init.normal_(self.embed.weight, std=0.1)

    def numbers(self, view: View) -> npt.NDArray[np.int64]:
        """The units of a passage as numbers."""
        return np.array([self._number.get(unit, _UNKNOWN) for unit in view.units], dtype=np.int64)

    def forward(self, numbers: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """Scores [pairs, labels] of passages [pairs, units], with the places of the two mentions [pairs]."""
        where = torch.arange(numbers.shape[1])[None, :]
        from_a, from_b = (where - a[:, None]), (where - b[:, None])
        near = [offset.clamp(-_REACH, _REACH) + _REACH for offset in (from_a, from_b)]
        embedded = torch.cat([self.embed(numbers), self.place_a(near[0]), self.place_b(near[1])], dim=-1)
        embedded = functional.dropout(embedded, 0.2, self.training)
        channels = embedded.transpose(1, 2)
        hidden = functional.relu(torch.cat([convolve(channels) for convolve in self.convolve], dim=1))
        first, last = torch.minimum(a, b)[:, None], torch.maximum(a, b)[:, None]
        there = numbers != _PAD
        pieces = (there & (where <= first), there & (where > first) & (where < last), there & (where >= last))
        # what a rectifier gives is never below zero, so a piece without units is zero
        pooled = torch.cat([(hidden * piece[:, None, :]).amax(dim=-1) for piece in pieces], dim=1)
        return torch.as_tensor(self.out(functional.dropout(pooled, 0.5, self.training)))

    def log_probabilities(self, views: Sequence[View]) -> npt.NDArray[np.float64]:
        """Log-probabilities of the labels [pairs, labels]."""
        self.eval()
        order = sorted(range(len(views)), key=lambda place: len(views[place].units))
        found = np.zeros((len(views), self.out.out_features))
        with torch.inference_mode():
            for start in range(0, len(order), 4 * _BATCH):
                places = order[start : start + 4 * _BATCH]
                scores = self(*_batch([self.numbers(views[p]) for p in places], [views[p] for p in places]))
                found[places] = functional.log_softmax(scores.double(), dim=1).numpy()
        return found


def train_deep(
    views: Sequence[View],
    labels: npt.NDArray[np.int64],
    count: int,
    *,
    epochs: int,
    seed: int,
    on_step: Callable[[], object] = lambda: None,
) -> Deep:
    """Train the network; the same for the same seed.

    Args:
        views: the pairs.
        labels: the label of each, in [0, count).
        epochs: passes over the pairs.
        seed: of the weights, of dropout and of the order.
        on_step: called after each epoch.
    """
    with deterministic(seed):
        seen = Counter(unit for view in views for unit in set(view.units))
        model = Deep(sorted(unit for unit, number in seen.items() if number >= _MIN_VIEWS), count)
        numbers = [model.numbers(view) for view in views]
        targets = torch.from_numpy(labels)
        optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=1e-2)
        steps = epochs * -(-len(views) // _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
        order = random.Random(seed)  # noqa: S311 - no secret
        for _ in range(epochs):
            model.train()
            for places in _batches([len(n) for n in numbers], order):
                tokens, a, b = _batch([numbers[p] for p in places], [views[p] for p in places])
                hide = (torch.rand(tokens.shape) < _HIDDEN_WORDS) & (tokens != _PAD)
                loss = functional.cross_entropy(model(tokens.masked_fill(hide, _UNKNOWN), a, b), targets[places])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
            on_step()
        return model.eval()


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Torch seeded, on one thread and with deterministic kernels; as it was before afterwards."""
    threads, before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(before)
            torch.set_num_threads(threads)


def _batches(lengths: Sequence[int], order: random.Random) -> list[list[int]]:
    """Places in batches of like length, in random order."""
    places = list(range(len(lengths)))
    order.shuffle(places)
    found = []
    for start in range(0, len(places), 20 * _BATCH):
        chunk = sorted(places[start : start + 20 * _BATCH], key=lambda place: lengths[place])
        found += [chunk[at : at + _BATCH] for at in range(0, len(chunk), _BATCH)]
    order.shuffle(found)
    return found


def _batch(numbers: Sequence[npt.NDArray[np.int64]], views: Sequence[View]) -> tuple[Tensor, Tensor, Tensor]:
    tokens = np.zeros((len(numbers), max(map(len, numbers))), dtype=np.int64)
    for row, line in enumerate(numbers):
        tokens[row, : len(line)] = line
    return torch.from_numpy(tokens), torch.tensor([v.a for v in views]), torch.tensor([v.b for v in views])
