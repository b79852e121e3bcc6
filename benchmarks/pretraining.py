"""Joint pretraining beside a plain masked-LM loop: tokens a second, what steps wait for, and memory as the corpus grows.

python benchmarks/pretraining.py HOME [--steps N] [--rounds N]   # HOME: a home with corpus_shards, triples, vocabulary

Joint: masked words, next sentences, link prediction (table) and relation classification over one pass, as `materia pretrain` does it.
Plain: `transformers.Trainer` over BertForMaskedLM and DataCollatorForLanguageModeling, on the same texts, tokenizer and sizes of
the backbone, cut into full rows of the same length beforehand (as the library's run_mlm.py does), with the same number of rows a
step, optimizer, learning rate, threads and precision. Both in turn, each in a process of its own, `rounds` times; of each the best
round counts, since whatever else the machine does only takes away. Processor time is of the process that
trains, without the workers that read. Memory is the greatest resident size of the process that trains, shards listed once and ten times.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SIZES = {
    "2 layers of 128": {"layers": 2, "hidden": 128, "heads": 2, "feed_forward": 512},
    "4 layers of 256": {"layers": 4, "hidden": 256, "heads": 4, "feed_forward": 1024},
}


def sources_of(home: Path, times: int = 1):
    """What a home gives, its shards listed so many times under names of their own."""
    from dataclasses import replace

    from assets.home import open_home
    from assets.models import pretraining_sources

    found = pretraining_sources(open_home(str(home)))
    return replace(found, train=[replace(s, name=f"{n}/{s.name}") for n in range(times) for s in found.train])


def config_of(size: str, steps: int):
    from training.config import PretrainingConfig

    trainer = {"steps": steps, "checkpoint_every": 0, "tensorboard": False, "device": "cpu"}
    return PretrainingConfig(backbone=SIZES[size], trainer=trainer, evaluation={"passages": 1, "entities": 2})


def joint(home: Path, size: str, steps: int, folder: Path, times: int = 1) -> dict:
    from training.pretrain import pretrain

    seen = []
    report = pretrain(
        sources_of(home, times),
        config_of(size, steps),
        out=folder / "model",
        run=folder / "run",
        on_step=lambda step: seen.append((time.perf_counter(), time.process_time())),
    )
    # The first tenth warms up.
    (begun, used), (ended, used_to) = seen[steps // 10 - 1], seen[-1]
    tokens = report["tokens"] * (steps - steps // 10) / steps
    return {
        "tokens_per_second": tokens / (ended - begun),
        "tokens_per_processor_second": tokens / (used_to - used),
        "waiting": report["waiting"],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def plain(home: Path, size: str, steps: int, folder: Path) -> dict:
    import torch
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        DataCollatorForLanguageModeling,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from training.data.shards import read_texts
    from training.data.tokenizers import train_tokenizer

    torch.set_num_threads(1)
    config, sources = config_of(size, steps), sources_of(home)
    length, rows = config.data.max_length, config.data.rows
    tokenizer = train_tokenizer("bert", lambda: read_texts(sources.train), config.tokenizer, max_length=length)
    joined: list[int] = []
    for text in read_texts(sources.train):
        joined += tokenizer(text, add_special_tokens=True)["input_ids"]
        if len(joined) >= (steps + 1) * rows * length:
            break
    blocks = [
        {"input_ids": joined[i : i + length], "attention_mask": [1] * length}
        for i in range(0, len(joined) - length, length)
    ]
    sizes = SIZES[size]
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer), hidden_size=sizes["hidden"], num_hidden_layers=sizes["layers"],
            num_attention_heads=sizes["heads"], intermediate_size=sizes["feed_forward"], hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, max_position_embeddings=length, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip
    seen = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            seen.append((time.perf_counter(), time.process_time()))

    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder), max_steps=steps, per_device_train_batch_size=rows, learning_rate=2e-3,
            warmup_steps=steps // 10, weight_decay=0.01, max_grad_norm=1.0, use_cpu=True, report_to=[], save_strategy="no",
            logging_steps=10, dataloader_num_workers=1, disable_tqdm=True, seed=13,
        ),
        train_dataset=blocks,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15),
        callbacks=[Clock()],
    )  # fmt: skip
    trainer.train()
    (begun, used), (ended, used_to) = seen[steps // 10 - 1], seen[-1]
    tokens = (steps - steps // 10) * rows * length
    return {
        "tokens_per_second": tokens / (ended - begun),
        "tokens_per_processor_second": tokens / (used_to - used),
        "loss": trainer.state.log_history[-2]["loss"],
    }


def alone(home: Path, *words: object) -> dict:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, home, "--one", *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "SIZE", "TIMES"))
    options = parser.parse_args()
    if options.one:
        what, size, times = options.one
        folder = Path(tempfile.mkdtemp(prefix="materia."))
        try:
            if what == "plain":
                print(json.dumps(plain(options.home, size, options.steps, folder)))
            else:
                print(json.dumps(joint(options.home, size, options.steps, folder, int(times))))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    steps = ("--steps", options.steps)
    for size in SIZES:
        rounds = {"joint": [], "plain": []}
        for _ in range(options.rounds):
            for what, found in rounds.items():
                found.append(alone(options.home, what, size, 1, *steps))
        best = {
            what: {key: max(one[key] for one in found) for key in ("tokens_per_second", "tokens_per_processor_second")}
            for what, found in rounds.items()
        }
        for what, figures in best.items():
            print(
                f"{size:<16} {what:<6} {figures['tokens_per_second']:>8,.0f} tokens/s  "
                f"{figures['tokens_per_processor_second']:>8,.0f} tokens/processor second"
            )
        ratios = {key: best["joint"][key] / best["plain"][key] for key in best["joint"]}
        print(f"{size:<16} joint : plain " + ", ".join(f"{key} {ratio:.2f}" for key, ratio in ratios.items()))
        print(f"{size:<16} waiting for the loader: {min(one['waiting'] for one in rounds['joint']):.2%} of step time")
    for times in (1, 10):
        found = alone(options.home, "joint", "2 layers of 128", times, *steps)
        print(f"peak memory, shards listed {times:>2} times: {found['peak_mib']:,.0f} MiB")


if __name__ == "__main__":
    main()
