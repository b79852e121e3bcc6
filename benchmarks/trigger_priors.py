"""How often each trigger pattern that says "induces" is right, on a corpus with chemical-disease relations (BC5CDR).

    python benchmarks/trigger_priors.py ../shared/data/annotated/bc5cdr/train.pubtator

Prints, for every pattern, the distinct pairs of a document that it claims, how many of them are annotated, and the precision smoothed
towards that of all patterns, as if each had been seen ten times more: the `probability` of the pattern in `triggers.en.yaml`. Pairs
whose end names no particular harm are counted apart: the last line is `general_factor`, the ratio of both precisions. Precision
against annotations of whole documents is a lower bound: BC5CDR annotates the most specific disease of a paper, and no background.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence

from pipeline.gold_corpus import read_gold_corpus
from pipeline.relations.evaluation import gold_relations
from pipeline.relations.patterns_tier import induction_claims
from pipeline.trigger_patterns import pattern_priors

#: Weight of the precision of all patterns in that of one, in pairs.
STRENGTH = 10


def main(paths: Sequence[str]) -> None:
    """Print the table."""
    corpus = read_gold_corpus(paths)
    gold = {(document, subject, object_) for document, _, subject, object_ in gold_relations(corpus)}
    priors = pattern_priors()
    plain: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    general: set[tuple[str, str, str]] = set()
    for pair, claims in induction_claims(corpus.documents).items():
        for claim in claims:
            if claim.probability < priors[claim.pattern]:
                general.add(pair)
            else:
                plain[claim.pattern].add(pair)
    everything = set().union(*plain.values())
    mean = len(everything & gold) / len(everything)
    print(f"{'pattern':32}{'pairs':>6}{'right':>6}{'estimate':>10}{'in use':>8}")
    for name in sorted(plain, key=lambda name: (-len(plain[name]), name)):
        pairs, right = len(plain[name]), len(plain[name] & gold)
        print(f"{name:32}{pairs:6}{right:6}{(right + STRENGTH * mean) / (pairs + STRENGTH):10.2f}{priors[name]:8}")
    print(f"{'all':32}{len(everything):6}{len(everything & gold):6}{mean:10.2f}")
    precision = len(general & gold) / len(general)
    print(f"{'general ends':32}{len(general):6}{len(general & gold):6}{precision:10.2f}  factor {precision / mean:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
