"""What vocabularies teach about words: how rare each is, which are used for one another ("renal", "kidney"), which may be left out.

Both are a frozen snapshot that ships with the project (`words.json.gz`): a link must not change because some other concept got a synonym.
The snapshot was made by `learn_words` from the vocabularies MEDIC, DOID, HP and MeSH's names. Two words can stand for one
another where concepts have names that differ in these words alone; a word can be left out where concepts have a name with it
and the same name without it ("Calcification, Pathologic").
"""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from pipeline.name_forms import normal_form

__all__ = ["RAREST", "WordKnowledge", "learn_words", "save_words", "shipped_words"]

_SHIPPED = "words.json.gz"
#: Weight of a word that the snapshot does not have.
RAREST = 9.0


@dataclass(frozen=True, slots=True)
class WordKnowledge:
    """Weights of words and substitutions of one word for another.

    Attributes:
        rarity: word in normal form -> inverse document frequency over names, in nats; a word not in it is rare.
        pairs: (word, word) in alphabetical order -> how well one stands for the other, in (0, 1].
        optional: word -> share of the concepts with it in a name that have the same name without it.
    """

    rarity: dict[str, float]
    pairs: dict[tuple[str, str], float]
    optional: dict[str, float]

    def weight(self, word: str) -> float:
        """The weight of a word in normal form."""
        return self.rarity.get(word, RAREST)

    def places(self) -> dict[str, int]:
        """The words that have substitutes, each with its row of `matrix`."""
        return {word: n for n, word in enumerate(sorted({word for pair in self.pairs for word in pair}))}

    def matrix(self) -> npt.NDArray[np.float32]:
        """How well the word of a row stands for that of a column; the last row and column are for all other words, and zero."""
        places = self.places()
        matrix = np.zeros((len(places) + 1, len(places) + 1), np.float32)
        for (one, other), score in self.pairs.items():
            matrix[places[one], places[other]] = matrix[places[other], places[one]] = score
        return matrix


def learn_words(names: Iterable[Sequence[str]]) -> WordKnowledge:
    """Weights and substitutions from the names of concepts, one sequence a concept.

    The score of a pair that c concepts show is c / (c + 4); a share is held down in the same way where few concepts show it.
    """
    frequency: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    holding: Counter[str] = Counter()
    without: Counter[str] = Counter()
    total = 0
    for one in names:
        forms = sorted({frozenset(normal_form(name)) for name in one}, key=sorted)[:60]
        total += len(forms)
        for form in forms:
            frequency.update(form)
        if len(forms) > 1:
            holding.update(set().union(*forms))
            known = set(forms)
            without.update({word for form in forms for word in form if len(form) > 1 and form - {word} in known})
        seen: set[tuple[str, str]] = set()
        for place, first in enumerate(forms):
            for second in forms[place + 1 :]:
                left, right = first - second, second - first
                if len(left) == 1 and len(right) == 1 and first & second:
                    a, b = sorted((*left, *right))
                    seen.add((a, b))
        together.update(seen)
    pairs = {
        pair: round(count / (count + 4), 3)
        for pair, count in together.items()
        if count >= 3 and not any(len(word) < 3 or word.isdigit() for word in pair)
    }
    rarity = {word: round(math.log((total + 1) / count), 2) for word, count in frequency.items() if count >= 3}
    optional = {word: round(count / (holding[word] + 4), 2) for word, count in without.items() if count >= 3}
    return WordKnowledge(dict(sorted(rarity.items())), dict(sorted(pairs.items())), dict(sorted(optional.items())))


def save_words(words: WordKnowledge) -> bytes:
    """The snapshot as it is shipped: gzipped JSON, the same bytes for the same words."""
    pairs = [[one, other, score] for (one, other), score in words.pairs.items()]
    content = {"format": "materia_words.v1", "rarity": words.rarity, "pairs": pairs, "optional": words.optional}
    return gzip.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)


@cache
def shipped_words() -> WordKnowledge:
    """The snapshot that ships with the project."""
    content = json.loads(gzip.decompress((files(__package__) / _SHIPPED).read_bytes()))
    return WordKnowledge(content["rarity"], {(a, b): score for a, b, score in content["pairs"]}, content["optional"])
