"""Which types of entity one sequence of tags can hold together: those that nest go into layers, each tagged by itself.

A linear chain gives spans that lie apart. In CMeEE a fifth of the entities lie inside others, almost all of them body parts and
test items inside clinical manifestations, so two layers hold them all: `sym`, and all other types. Two layers give .50 F1 where one
gives .43 (sentences 501 to 1375, learned from 1376 to 4000). English corpora have next to no nested entities, hence one layer.
Rejected: a second chain over what the first left out, inside first, which mixes types that look alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pipeline.ner.labels import Entity

__all__ = ["layers_of"]

#: Share of the entities that must be lost by nesting before a type gets a layer of its own.
_WORTH_A_LAYER = 0.05


def layers_of(documents: Iterable[Sequence[Entity]]) -> list[frozenset[str]]:
    """The types of each layer; together they are all types. A type that holds most others gets a layer, until few are lost.

    >>> layers_of([[(0, 4, "sym"), (0, 2, "bod"), (5, 7, "bod")]])
    [frozenset({'bod'}), frozenset({'sym'})]
    """
    kinds: Counter[str] = Counter()
    lost: dict[tuple[str, str], int] = defaultdict(int)  # (type of the longer, type of the other)
    for entities in documents:
        kinds.update(kind for _, _, kind in entities)
        ordered = sorted(entities)
        for number, one in enumerate(ordered):
            for other in ordered[number + 1 :]:
                if other[0] >= one[1]:
                    break
                longer, shorter = (one, other) if one[1] - one[0] >= other[1] - other[0] else (other, one)
                lost[longer[2], shorter[2]] += 1
    together = set(kinds)
    layers: list[frozenset[str]] = []
    while True:
        nested = Counter({kind: sum(lost[kind, other] for other in together - {kind}) for kind in together})
        if sum(nested.values()) <= _WORTH_A_LAYER * kinds.total():
            break
        kind = min(together, key=lambda k: (-nested[k], k))
        layers.append(frozenset({kind}))
        together.discard(kind)
    return [frozenset(together), *layers]
