"""Train embeddings on a link-prediction benchmark, and rank its test triples: filtered MRR and hits@1, 3, 10.

The benchmark is train.txt, valid.txt and test.txt (head, relation, tail, with tabs between) in a folder or an archive. What is
not set is chosen for its size and by a short search on valid.txt; test.txt is only ranked, at the end. With --out each seed's
vectors are kept, and a run that was broken off goes on where it was.

Examples:
  materia embed --triples umls.tar.gz --model complex --seeds 3
  materia embed --triples folder --model distmult --seeds 3 --json
  materia embed --triples folder --model rotate --set dim=256 --set loss=self_adversarial --set negatives=64
  materia embed --triples wn18rr.tar.gz --model complex --preset wn18rr --out vectors
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from rich.progress import Progress

    from kg.embeddings.config import EmbeddingConfig
    from kg.embeddings.encode import EncodedTriples

_MODELS = ("transe", "distmult", "rotate", "complex")
_METRICS = ("mrr", "hits@1", "hits@3", "hits@10")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia embed`."""
    parser.add_argument(
        "--triples", metavar="PATH", required=True, help="folder, tar or zip with train.txt, valid.txt and test.txt"
    )
    parser.add_argument("--model", choices=_MODELS, help="scorer (default: transe, or what --config says)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many seeds to train (default: 1)")
    parser.add_argument("--config", metavar="FILE", help="YAML file of settings, as under embeddings: in a home's")
    parser.add_argument("--preset", metavar="NAME", help="shipped settings for a known benchmark: fb15k-237 or wn18rr")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="one setting; goes before the file and the preset",
    )
    parser.add_argument("--out", metavar="DIR", help="folder to keep vectors, figures and the state of training in")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Train, and print the figures."""
    if options.seeds < 1:
        raise MateriaError("--seeds is below 1", remedy="Give 1 or more")
    config = _config(options)
    if options.out is not None:
        _make_folder(options.out)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from kg.embeddings.benchmark import read_benchmark
    from kg.embeddings.encode import encode_triples

    encoded = encode_triples(read_benchmark(options.triples))
    leaked = _leaked(encoded)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=options.json) as bars:
        report = _train(encoded, config, options, bars) | {"leaked": leaked}
    print(json.dumps(report, indent=1, sort_keys=True) if options.json else _summary(report))
    if leaked["test"]:
        print(
            f"materia: {leaked['test']:,} of {len(encoded.test):,} test triples are training or validation triples too, so "
            "the figures flatter.",
            file=sys.stderr,
        )
    return 0


def _make_folder(out: str) -> None:
    """The folder for vectors, made before hours of training and not after."""
    if not out or "://" in out:
        raise MateriaError("is no local folder", file=f"--out {out}", remedy="Name one on this machine")
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MateriaError(
            f"cannot be made a folder ({error.strerror})", file=f"--out {out}", remedy="Name a place for a folder"
        ) from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise MateriaError("cannot be written to", file=f"--out {out}", remedy="Name another folder")


def _leaked(encoded: EncodedTriples) -> dict[str, int]:
    """How many triples a held-out split shares with those that come before it."""
    import numpy as np

    leaked, before = {}, encoded.train
    for name in ("validation", "test"):
        split = getattr(encoded, name)
        together = np.unique(np.concatenate([before, split]), axis=0)
        leaked[name], before = len(before) + len(split) - len(together), together
    return leaked


def _config(options: argparse.Namespace) -> EmbeddingConfig:
    """Settings of the preset, then of the file, then of --set and --model; the rest stays open."""
    from kg.embeddings.config import parse_embedding_config
    from kg.embeddings.presets import preset
    from pipeline.sources import text_of
    from pipeline.yaml_file import parse_yaml

    given = parse_yaml(text_of(options.config), options.config) if options.config else {}
    if given is not None and not isinstance(given, dict):
        parse_embedding_config(given, options.config)
    values: dict[str, Any] = dict(given or {})
    for setting in options.settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise MateriaError(f"--set {setting} has no value", remedy="Write --set key=value")
        values[key.strip()] = parse_yaml(value, f"--set {key}")
    if options.model:
        values["model"] = options.model
    if options.preset is not None:
        parse_embedding_config(values, options.config or "--set")  # names a scorer that there is
        values = preset(options.preset, str(values.get("model", "transe"))) | values
    return parse_embedding_config(values, options.config or "--set")


def _train(
    encoded: EncodedTriples, config: EmbeddingConfig, options: argparse.Namespace, bars: Progress
) -> dict[str, Any]:
    from kg.embeddings.choose import choose_config
    from kg.embeddings.train import train_encoded

    bar = bars.add_task(f"{config.model}: settings", total=None)
    began = time.perf_counter()
    chosen = choose_config(encoded, config, on_trial=lambda done, total: bars.update(bar, completed=done, total=total))
    report: dict[str, Any] = {"model": config.model, "search_seconds": round(time.perf_counter() - began, 2)}
    seeds: list[dict[str, Any]] = []
    for seed in range(config.seed, config.seed + options.seeds):
        bars.reset(bar, description=f"{config.model}: seed {seed}", total=chosen.epochs)
        folder = Path(options.out) / f"seed-{seed}" if options.out is not None else None
        start = time.perf_counter()
        made = train_encoded(
            encoded,
            chosen.model_copy(update={"seed": seed}),
            on_epoch=lambda epoch, epochs, loss: bars.update(bar, completed=epoch, total=epochs),
            checkpoint=folder / "checkpoint.safetensors" if folder else None,
        )
        if folder:
            made.save(folder)
        figures = {name: made.metrics["test"][name] for name in _METRICS}
        seconds = round(time.perf_counter() - start, 2)
        seeds.append({"seed": seed, **figures, "seconds": seconds, "sha256": made.hash()})
    mean = {name: sum(figures[name] for figures in seeds) / len(seeds) for name in _METRICS}
    seconds = round(time.perf_counter() - began, 2)
    return report | mean | {"seconds": seconds, "seeds": seeds, "counts": made.counts, "config": chosen.model_dump()}


def _summary(report: dict[str, Any]) -> str:
    lines = [f"{report['model']}, {report['counts']['train']:,} training triples, {report['seconds']:.1f} s"]
    rows = [("mean", report), *((f"seed {row['seed']}", row) for row in report["seeds"])]
    lines.append("".join(f"{word:>10}" for word in ("", *_METRICS, "seconds")))
    for name, row in rows:
        lines.append(f"{name:>10}" + "".join(f"{row[m]:>10.4f}" for m in _METRICS) + f"{row['seconds']:>10.1f}")
    return "\n".join(lines)
