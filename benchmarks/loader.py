"""What feeding a training costs: tokens a second, what a step waits for, and memory as the corpus grows.

python benchmarks/loader.py HOME [--steps N]   # HOME: a home with corpus_shards; about two minutes

Made: rows of 128 tokens packed from HOME's train shards, for each family with a tokenizer trained on them (4,096 entries), all
tables made (targets, next sentences, pairs, mentions), in processor time of one process. Streamed: BERT's rows as they arrive. Beside a
model: a BERT of 2 layers of 128, 16 rows a step, one thread; waiting is the time that the training spends in `next`, the first
window left out. Memory: greatest resident size of a process that reads N steps from the shards, once and listed ten times over;
each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

LANGUAGES = {"bert": "masked", "gpt2": "causal", "llama": "causal", "xlnet": "permutation"}


def train_shards(home: Path) -> list:
    from training.data.shards import Shard

    return [Shard.of(path, home) for path in sorted(home.glob("corpus_shards/split=train/*/*.parquet"))]


def make_loader(shards: list, family: str, workers: int):
    from training.data.builder import RowBuilder
    from training.data.config import DataConfig, TokenizerConfig
    from training.data.loader import TextLoader
    from training.data.shards import predicates_of, read_texts
    from training.data.tokenizers import train_tokenizer

    tokenizer = train_tokenizer(family, lambda: read_texts(shards[:4]), TokenizerConfig(), max_length=128)
    builder = RowBuilder(
        tokenizer,
        DataConfig(workers=workers),
        language=LANGUAGES[family],
        classes=predicates_of(shards[:4]),
        has_next=family == "bert",
    )
    return TextLoader(shards, builder, seed=1), len(tokenizer)


def made(shards: list) -> None:
    """Processor time of making rows, in this process: no waiting, no transport, nothing made ahead."""
    from training.data.batches import Position

    for family in LANGUAGES:
        loader, _ = make_loader(shards, family, 0)
        order, builder = loader.order, loader.builder
        begun = time.process_time()
        rows = [builder.rows(order.read(window), order.random(0, window)) for window in range(4)]
        spent = time.process_time() - begun
        tokens, room = sum(len(part.tokens) for part in rows), 128 * sum(map(len, rows))
        begun = time.process_time()
        steps = [
            part.cut(start, start + 16).batch(Position(), pad=0, length=128)
            for part in rows
            for start in range(0, len(part) - 16, 16)
        ]
        cut = time.process_time() - begun
        print(
            f"{family:6} {tokens / spent:9,.0f} tokens a processor second, {tokens / room:.1%} of the rows full; "
            f"joined, cut and padded in {1e3 * cut / len(steps):.2f} ms a step",
            flush=True,
        )


def streamed(shards: list, steps: int) -> None:
    """Tokens a second that arrive, when nothing else is done."""
    for workers in (0, 1, 2):
        loader, _ = make_loader(shards, "bert", workers)
        begun = time.perf_counter()
        tokens = sum(batch.tokens for batch in islice(loader.batches(), steps))
        print(f"{workers} workers {tokens / (time.perf_counter() - begun):9,.0f} tokens/s", flush=True)


def beside_a_model(shards: list, steps: int) -> None:
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.set_num_threads(1)
    for workers in (0, 1):
        loader, vocabulary = make_loader(shards, "bert", workers)
        torch.manual_seed(0)
        model = BertForMaskedLM(
            BertConfig(
                vocab_size=vocabulary, hidden_size=128, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=512, max_position_embeddings=128,
            )
        )  # fmt: skip
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
        batches = loader.batches()
        batch = next(batches)
        waited, begun = 0.0, time.perf_counter()
        for _ in range(steps):
            same = batch.sequence_ids[:, :, None] == batch.sequence_ids[:, None, :]
            states = model.bert(
                batch.input_ids,
                attention_mask=same[:, None],
                token_type_ids=batch.token_type_ids,
                position_ids=batch.position_ids,
            ).last_hidden_state
            logits = model.cls(states.flatten(0, 1)[batch.targets])
            loss = torch.nn.functional.cross_entropy(logits, batch.target_labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            asked = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - asked
        spent = time.perf_counter() - begun
        print(
            f"beside a model, {workers} workers: {1e3 * spent / steps:.1f} ms a step, {1e3 * waited / steps:.2f} ms of it"
            f" waiting ({waited / spent:.2%})",
            flush=True,
        )


def memory(home: Path, steps: int) -> None:
    for times in (1, 10):
        command = [sys.executable, __file__, str(home), "--steps", str(steps), "--times", str(times)]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(
            f"{said['passages']:9,} passages: {said['process']:,.0f} MB, its worker {said['worker']:,.0f} MB, "
            f"after {steps} steps; first batch after {said['first']:.2f} s",
            flush=True,
        )


def one_memory(home: Path, steps: int, times: int) -> None:
    loader, _ = make_loader(train_shards(home) * times, "bert", 1)
    begun = time.perf_counter()
    batches = loader.batches()
    next(batches)
    first = time.perf_counter() - begun
    for _ in islice(batches, steps):
        pass
    del batches
    process, worker = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"passages": loader.order.passages, "process": process, "worker": worker, "first": first}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--steps", type=int, default=300, help="steps of each measurement")
    parser.add_argument("--times", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.times:
        one_memory(arguments.home, arguments.steps, arguments.times)
        return
    shards = train_shards(arguments.home)
    made(shards)
    streamed(shards, arguments.steps)
    beside_a_model(shards, arguments.steps)
    memory(arguments.home, arguments.steps)


if __name__ == "__main__":
    main()
