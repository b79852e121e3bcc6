"""The smallest model that the trainer can train: it names no backbone, so neither do its tests."""

from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from tests.training.pretraining_home import make_home
from training.data.batches import Position, TextBatch
from training.trainer.config import TrainerConfig
from training.trainer.loop import Trainer


class Schedule(torch.nn.Module):
    """Two objectives in turn, the second with a weight that is learned."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def active(self, step, epoch):
        return ("sum", "odd") if step % 2 else ("sum",)

    def total(self, losses, step):
        return losses["sum"] + self.weight**2 * losses.get("odd", torch.zeros(()))


class Model(torch.nn.Module):
    """Tells the sum of the tokens of a row, and whether it is odd, through dropout."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.words = torch.nn.Embedding(16, 8)
        self.drop = torch.nn.Dropout(0.3)
        self.objectives = torch.nn.ModuleDict({"sum": torch.nn.Linear(8, 1), "odd": torch.nn.Linear(8, 1)})
        self.schedule = Schedule()

    def outcomes(self, text, links, active):
        states = self.drop(torch.tanh(self.words(text.input_ids))).mean(1)
        asked = text.input_ids.sum(1)
        targets = {"sum": asked / 50, "odd": (asked % 2).float()}
        outcomes = {}
        for name in active:
            loss = (self.objectives[name](states)[:, 0] - targets[name]).square().mean()
            outcomes[name] = SimpleNamespace(loss=loss, examples=len(states))
        return outcomes


def batch(number, rows=4):
    ids = torch.randint(16, (rows, 6), generator=torch.Generator().manual_seed(number))
    none = torch.zeros(0, dtype=torch.int64)
    return TextBatch(
        input_ids=ids, token_type_ids=ids, position_ids=ids, sequence_ids=torch.ones_like(ids), sequences=none,
        follows=none, targets=none, target_labels=none, permutation=None, pairs=none, pair_sequences=none,
        pair_labels=none, pair_beliefs=none.float(), mentions=none, mention_entities=none, tokens=ids.numel(),
        position=Position(0, 0, number + 1),
    )  # fmt: skip


def stream(position):
    number = position.row
    while True:
        yield batch(number)
        number += 1


@pytest.fixture
def make_trainer(tmp_path):
    """A trainer of the small model, in a folder below `tmp_path`."""

    def make(run="run", made_from=None, seed=5, on_step=lambda _: None, **settings):
        AcceleratorState._reset_state(reset_partial_state=True)
        values = {"steps": 12, "checkpoint_every": 4, "warmup": 0.0, "tensorboard": False, **settings}
        config = TrainerConfig(**values)
        return Trainer(
            Model(), config, Accelerator(cpu=True), run=tmp_path / run,
            made_from=made_from or {"config": config.model_dump(mode="json")}, seed=seed, on_step=on_step,
        )  # fmt: skip

    return make


@pytest.fixture
def fit():
    """Train on the stream of small batches."""
    return lambda trainer, **words: trainer.fit(stream, lambda number, text: None, **words)


@pytest.fixture(scope="session")
def home(corpus, tmp_path_factory):
    """A home that holds the small corpus."""
    passages = [row for shard in (*corpus.train, *corpus.validation) for row in pq.read_table(shard.path).to_pylist()]
    triples = [row | {"triple_id": f"t{n:03}", "belief": 0.9} for n, row in enumerate(corpus.triples.to_pylist())]
    return make_home(tmp_path_factory.mktemp("home"), passages, triples, corpus.names)
