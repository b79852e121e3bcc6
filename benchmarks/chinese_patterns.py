"""How often the Chinese trigger patterns are right, and what they find, on CMeIE with its own entities.

    python benchmarks/chinese_patterns.py ../shared/data/chinese/cmeie_first3000.jsonl.gz

Prints precision and recall by predicate, over distinct (sentence, subject, object), then for every pattern the pairs that it claims,
how many of them CMeIE states with its predicate, and the precision smoothed towards that of all patterns of the predicate, as if ten more
pairs had been seen: the `probability` of the pattern in `triggers.zh.yaml`. CMeIE annotates what a page is about, and not every relation of
a sentence, so precision against it is a lower bound. Predicates that CMeIE has no relation for (contraindications, effects) are not judged.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence

from pipeline.claims import documents_with_mentions, sentence_claims
from pipeline.gold_corpus import read_gold_corpus
from pipeline.relations.evaluation import gold_relations
from pipeline.relations.gold_mentions import gold_mentions
from pipeline.relations.schemes import MEANINGS
from pipeline.trigger_patterns import pattern_priors

#: Weight of the precision of a predicate in that of one of its patterns, in pairs.
STRENGTH = 10
_Pair = tuple[str, str, str]


def main(paths: Sequence[str]) -> None:
    """Print both tables."""
    corpus = read_gold_corpus(paths)
    gold: dict[str, set[_Pair]] = defaultdict(set)
    for document, kind, subject, object_ in gold_relations(corpus):
        if kind in MEANINGS:
            gold[MEANINGS[kind].predicate].add((document, subject, object_))
    claimed: dict[str, dict[str, set[_Pair]]] = defaultdict(lambda: defaultdict(set))
    for (document, _, _), text, _, mentions in documents_with_mentions(
        corpus.documents, gold_mentions(corpus.documents)
    ):
        for _, _, claim, subject, object_ in sentence_claims(text, mentions):
            if claim.polarity and not claim.hypothetical:
                claimed[claim.predicate][claim.pattern].add((document, subject.curie, object_.curie))
    priors = pattern_priors("zh")
    print(f"{'predicate':36}{'claimed':>8}{'right':>7}{'gold':>7}{'precision':>11}{'recall':>8}")
    means = {}
    for predicate in sorted(claimed):
        pairs, stated = set().union(*claimed[predicate].values()), gold[predicate]
        right = len(pairs & stated)
        means[predicate] = right / len(pairs)
        recall = f"{right / len(stated):8.3f}" if stated else "       -"
        print(f"{predicate:36}{len(pairs):8}{right:7}{len(stated):7}{means[predicate]:11.3f}{recall}")
    print(f"\n{'pattern':24}{'pairs':>8}{'right':>7}{'estimate':>10}{'in use':>8}")
    for predicate in sorted(claimed):
        for name, pairs in sorted(claimed[predicate].items()):
            right = len(pairs & gold[predicate])
            estimate = (right + STRENGTH * means[predicate]) / (len(pairs) + STRENGTH)
            print(f"{name:24}{len(pairs):8}{right:7}{estimate:10.2f}{priors[name]:8}")


if __name__ == "__main__":
    main(sys.argv[1:])
