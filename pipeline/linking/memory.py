"""What annotated mentions teach a linker: names that people wrote for a concept, and how often they meant it.

A remembered mention is one more name of its concept, found by the same index as the vocabulary's own; what a spelling meant in
the past, how often, and how common its concept is, are features. A short form that its document defines is remembered as
its long form, because it means that in this document only. A folder of JSON and mapped arrays, no pickle.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import MateriaError
from pipeline.linking.gold import GoldDocument
from pipeline.linking.index import LinkingIndex
from pipeline.linking.readings import READINGS, readings_of
from pipeline.name_forms import normal_form

__all__ = ["MEMORY_FEATURES", "Memory", "build_memory"]

#: Features that a memory adds, with the words that explain them.
MEMORY_FEATURES: dict[str, str] = {
    "remembered_name": "a name remembered from annotated mentions",
    "remembered_share": "meant by this spelling before",
    "remembered_times": "meant by this spelling many times",
    "remembered_otherwise": "this spelling meant others before",
    "concept_seen": "a concept often meant before",
}
_FORMAT = "materia_memory.v1"
_FILE = "memory.json"
_LONG = list(READINGS).index("long_form")


class Memory:
    """Remembered mentions, opened from a folder; pickled as its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            assert content["format"] == _FORMAT
            self.meant: dict[str, dict[str, int]] = content["meant"]
        except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
            raise MateriaError(
                f"holds no remembered mentions ({type(error).__name__})",
                file=str(folder),
                remedy="Train the linker again",
            ) from error
        self.index = LinkingIndex.open(folder / "names")
        self.seen: Counter[str] = Counter()
        for counts in self.meant.values():
            self.seen.update(counts)

    def __reduce__(self) -> tuple[type[Memory], tuple[Path]]:
        return Memory, (self.folder,)

    def features(
        self, texts: Sequence[str], rows: npt.NDArray[np.int64], curies: Sequence[str]
    ) -> npt.NDArray[np.float32]:
        """The features of pairs but for the first, which the caller knows [n, len(MEMORY_FEATURES)].

        Args:
            texts: what is looked up.
            rows: the text of each pair.
            curies: the concept of each pair.
        """
        meant = [self.meant.get(_key(text), {}) for text in texts]
        totals = [sum(counts.values()) for counts in meant]
        found = np.zeros((len(rows), len(MEMORY_FEATURES)), np.float32)
        for place, (row, curie) in enumerate(zip(rows.tolist(), curies, strict=True)):
            if totals[row]:
                count = meant[row].get(curie, 0)
                found[place, 1:4] = (count / totals[row], math.log1p(count) / 4, not count)
            found[place, 4] = math.log1p(self.seen[curie]) / 6
        return found


def _key(text: str) -> str:
    return " ".join(normal_form(text))


def build_memory(documents: Iterable[GoldDocument], folder: Path, categories: Mapping[str, str]) -> Memory:
    """Remember the mentions of documents whose concept is known.

    Args:
        documents: gold documents; of mentions with several concepts, nothing is learned.
        folder: where to write.
        categories: Biolink class of each concept that can be linked to.
    """
    meant: dict[str, Counter[str]] = defaultdict(Counter)
    written: dict[str, Counter[str]] = defaultdict(Counter)
    for document in documents:
        for readings, right in zip(readings_of(document.text, document.queries), document.right, strict=True):
            if len(right) != 1:
                continue
            (curie,) = right
            text = next((reading.text for reading in readings if reading.kind == _LONG), readings[0].text)
            if (key := _key(text)) and curie in categories:
                meant[key][curie] += 1
                written[curie][text] += 1
    rows = []
    for curie in sorted(written):
        first, *others = sorted(written[curie], key=lambda text: (-written[curie][text], text))
        synonyms = [{"name": text, "scope": "exact"} for text in others]
        rows.append({"curie": curie, "name": first, "synonyms": synonyms, "category": categories[curie], "parents": []})
    synonym = pa.list_(pa.struct([("name", pa.string()), ("scope", pa.string())]))
    schema = pa.schema(
        [
            ("curie", pa.string()),
            ("name", pa.string()),
            ("synonyms", synonym),
            ("category", pa.string()),
            ("parents", pa.list_(pa.string())),
        ]
    )
    LinkingIndex.build(pa.Table.from_pylist(rows, schema), folder / "names")
    content = {"format": _FORMAT, "meant": {key: dict(sorted(counts.items())) for key, counts in sorted(meant.items())}}
    (folder / _FILE).write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    return Memory(folder)
