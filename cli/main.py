"""The command `materia`: one parser, one file a command. Problems become one sentence and exit status 1."""

from __future__ import annotations

import argparse
import errno
import importlib
import sys
from collections.abc import Sequence

from pipeline.errors import MateriaError

__all__ = ["main"]

#: Command, and what it does in one line. Each lives in `cli/<name>.py` with `add_arguments` and `run`; it is imported only
#: when it is called, so that `materia status` does not wait for torch.
COMMANDS = {
    "build": "read the literature and bring every table, graph, corpus and model up to date",
    "plan": "how long a build would take, how much memory and disk, and how many workers",
    "inspect": "what would be read of files: format, counts, first rows, what is set aside",
    "read": "what extraction makes of a sentence or a paper: mentions, links with reasons, claims",
    "status": "how much there is of everything, what was set aside, what each stage cost",
    "corpus": "look at the corpus, count it, or export it as a dataset with a data card",
    "trace": "from a line of a corpus shard back to triples, evidence, sentences, papers and files",
    "affected": "what rests on a paper, a file or a concept: claims, corpus rows, shards, models",
    "history": "every version of a shard of the corpus: rows added and removed, and why",
    "retract": "take papers out of graph and corpus, as retracted; or undo it",
    "query": "ask the graph a SPARQL question",
    "validate": "what in the graph is malformed or against the Biolink model, and what to do",
    "serve": "a read-only SPARQL endpoint with a query page, on this machine",
    "explain": "why a claim is believed: all evidence for and against it, and its belief step by step",
    "diff": "what two builds know differently, and why",
    "export": "the graph in a format that other programs read",
    "neighbours": "the concepts nearest to a concept by its vector",
    "evaluate": "scores of the trained models, or of extraction against gold annotations",
    "train": "train a recogniser of entities, a linker, or a classifier of relations",
    "pretrain": "pretrain a language model on the corpus and the graph together; stop and go on",
    "ablate": "does the graph help? arms that differ in one thing, judged alike, and a page of result",
    "finetune": "fine-tune a pretrained encoder for a task: entities, relations, questions, records",
    "embed": "train knowledge-graph embeddings on a benchmark, and rank its test triples",
    "calibrate": "learn how reliable extractors are; judge whether beliefs mean what they say",
    "ui": "open Dagster's web interface on this home",
    "doctor": "what is installed, what is missing, what to do about it",
}


def parser(commands: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """The parser with the given commands' own arguments loaded."""
    top = argparse.ArgumentParser(
        prog="materia",
        description="From medical literature to a knowledge graph, to corpora, to language models that know the graph.",
        epilog="examples:\n  materia build\n  materia status --json\n  materia build --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"materia {_version()}")
    below = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        sub = below.add_parser(name, help=text, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in commands:
            module = importlib.import_module(f"cli.{name}")
            first, _, rest = (module.__doc__ or "").strip().partition("\n\n")
            sub.description, sub.epilog = first, rest
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
            sub.add_argument(
                "--home",
                metavar="DIR",
                help="folder where everything lives (default: $MATERIA_HOME, or ./materia-home)",
            )
    return top


def _version() -> str:
    from importlib.metadata import version

    return version("materia")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 a problem (said in one sentence), 2 words not understood."""
    given = list(sys.argv[1:] if words is None else words)
    wanted = [word for word in given if word in COMMANDS][:1]
    options = parser(wanted).parse_args(given, argparse.Namespace(words=given))
    try:
        return int(options.run(options) or 0)
    except MateriaError as error:
        print(f"materia: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(
            "materia: the disk is full. Free some space, then run this again; what was complete is kept.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("materia: stopped; what was complete is kept, and the next build goes on from there.", file=sys.stderr)
        return 130


if __name__ == "__main__":  # torchrun starts it as a module
    sys.exit(main())
