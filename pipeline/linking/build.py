"""Making the arrays of a linking index, in parts, so that millions of names need little more memory than their arrays.

Names are numbered by (scope, vocabulary, CURIE), which is how ties between them are broken. Forms are numbered by (kind, best name
of theirs), so a kind is a range of forms. What is large and passes by once goes through files in a folder beside the index.
Rejected: a dictionary of forms (a Python object for each), which took ten times the memory.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.linking.forms import KINDS, forms_of, kind_of
from pipeline.linking.keys import hash_of
from pipeline.linking.postings import build_postings
from pipeline.linking.spool import Spool
from pipeline.mapped import write_arrays
from pipeline.preference import DEFAULT_PREFERENCE, Preference

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMAT", "build_index"]

#: Name and version of the format, to be raised with any change of forms, weights or arrays.
FORMAT = "linking_index.v1"

_SCOPES = {"preferred": 0, "exact": 1, "narrow": 2, "related": 3, "broad": 4}
_PART = 20_000  # names that are in memory as Python strings at once

_Arrays = dict[str, npt.NDArray[Any]]


def build_index(vocabulary: pa.Table, folder: Path, preference: Preference = DEFAULT_PREFERENCE) -> None:
    """Write the index of a table [VOCABULARY] into a folder; equal names are in the order of the preference."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="build.") as scratch:
        rows = vocabulary.select(["curie", "name", "synonyms", "category", "parents"]).sort_by("curie")
        arrays, categories = _concepts(rows)
        names, full = _names(rows, arrays, preference)
        kinds = np.array([KINDS.index(kind_of(category)) for category in categories], dtype=np.uint8)
        spools = _Forms(Path(scratch))
        exact = spools.read(names, kinds[arrays["category"]][arrays["concept_of"]] if categories else kinds)
        by_exact = np.argsort(exact, kind="stable")
        arrays |= {"exact_keys": exact[by_exact], "exact_names": by_exact.astype(np.int32)}
        starts, lengths = _entries(spools, arrays)
        arrays |= build_postings(spools.text.array(), starts, lengths, arrays["kind_ends"], Path(scratch))
        header: dict[str, Any] = {"categories": categories, "kinds": list(KINDS)}
        header |= {"concepts": len(rows), "names": len(names)}
        if preference.orders:
            header |= {"prefer": preference.orders, "full_names": full}
        write_arrays(folder, FORMAT, arrays, header)


def _packed(strings: pa.Array, name: str) -> _Arrays:
    """An Arrow array of strings as `pipeline.mapped.Strings` reads it."""
    import pyarrow as pa

    strings = strings.cast(pa.large_string())
    _, offsets, data = strings.buffers()
    if not len(strings) or data is None:
        return {name: np.zeros(0, np.uint8), f"{name}_ends": np.zeros(len(strings), np.int64)}
    ends = np.frombuffer(offsets, dtype=np.int64)[strings.offset : strings.offset + len(strings) + 1]
    return {name: np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]], f"{name}_ends": ends[1:] - ends[0]}


def _concepts(rows: pa.Table) -> tuple[_Arrays, list[str]]:
    """Arrays of the concepts, in the order of their CURIEs, and the Biolink classes that their numbers mean."""
    import pyarrow as pa
    import pyarrow.compute as pc

    curies = rows["curie"].combine_chunks()
    parents = rows["parents"].combine_chunks()
    owner = np.repeat(np.arange(len(rows)), pc.fill_null(pc.list_value_length(parents), 0).to_numpy())
    found = pc.index_in(parents.flatten(), value_set=curies)
    known = pc.is_valid(found).to_numpy(zero_copy_only=False)
    counts = np.bincount(owner[known], minlength=len(rows))
    codes = rows["category"].combine_chunks().dictionary_encode()
    kinds: list[str] = codes.dictionary.to_pylist()
    order = sorted(range(len(kinds)), key=kinds.__getitem__)
    renumber = np.empty(len(kinds), dtype=np.uint8)
    renumber[order] = np.arange(len(kinds), dtype=np.uint8)
    arrays = _packed(curies, "curies") | {
        "category": renumber[codes.indices.to_numpy()],
        "parents": found.filter(pa.array(known)).to_numpy(zero_copy_only=False).astype(np.int32),
        "parent_ends": np.cumsum(counts, dtype=np.int64),
    }
    return arrays, [kinds[place] for place in order]


def _names(rows: pa.Table, arrays: _Arrays, preference: Preference) -> tuple[pa.Array, int]:
    """All names in the order of their numbers, and how many are preferred or exact; adds concepts, and each one's preferred name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    n = len(rows)
    synonyms = rows["synonyms"].combine_chunks()
    flat = synonyms.flatten()
    concept = np.repeat(np.arange(n, dtype=np.int32), pc.fill_null(pc.list_value_length(synonyms), 0).to_numpy())
    scopes = pc.index_in(flat.field("scope"), value_set=pa.array(list(_SCOPES)))
    scope = pc.fill_null(scopes, _SCOPES["related"]).to_numpy(zero_copy_only=False).astype(np.uint8)
    place = np.empty(n, dtype=np.uint16)
    for start in range(0, n, _PART):
        part = [rows[column].slice(start, _PART).to_pylist() for column in ("curie", "category")]
        place[start : start + len(part[0])] = [*map(preference.place, *part)]
    concept = np.concatenate([np.arange(n, dtype=np.int32), concept])
    scope = np.concatenate([np.zeros(n, dtype=np.uint8), scope])
    order = np.lexsort((concept, place[concept], scope))
    names = pa.concat_arrays(
        [rows["name"].combine_chunks().cast(pa.large_string()), flat.field("name").cast(pa.large_string())]
    ).take(pa.array(order))
    preferred = np.empty(n, dtype=np.int32)
    preferred[order[:n]] = np.arange(n, dtype=np.int32)
    arrays |= _packed(names, "names") | {"concept_of": concept[order], "preferred": preferred}
    return names, int((scope <= _SCOPES["exact"]).sum())


class _Forms:
    """Every form of every name: its hash, kind, text, the name it is of, and whether a rule made it."""

    def __init__(self, folder: Path) -> None:
        self.key = Spool(folder, np.uint64)
        self.kind = Spool(folder, np.uint8)
        self.name = Spool(folder, np.int32)
        self.made = Spool(folder, np.uint8)
        self.length = Spool(folder, np.int32)
        self.text = Spool(folder, np.uint8)

    def read(self, names: pa.Array, kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
        """Take in the names, whose kinds are given; returns the hashes of their own spellings."""
        exact = np.empty(len(names), dtype=np.uint64)
        for start in range(0, len(names), _PART):
            part = names.slice(start, _PART).to_pylist()
            exact[start : start + len(part)] = [hash_of(name) for name in part]
            found = [
                (" ".join(form), number, made)
                for number, name in enumerate(part, start)
                for form, made in forms_of(name)
            ]
            texts = [text.encode("utf-8", "surrogatepass") for text, _, _ in found]
            number = np.array([number for _, number, _ in found], dtype=np.int32)
            self.key.add(np.array([hash_of(text) for text, _, _ in found], dtype=np.uint64))
            self.kind.add(kinds[number])
            self.name.add(number)
            self.made.add(np.array([made for _, _, made in found], dtype=np.uint8))
            self.length.add(np.array([len(text) for text in texts], dtype=np.int32))
            self.text.add(np.frombuffer(b"".join(texts), dtype=np.uint8))
        return exact


def _entries(forms: _Forms, arrays: _Arrays) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Number the forms; adds what each stands for. Returns where the text of each form is: starts and lengths."""
    key, kind, name, made = (spool.array() for spool in (forms.key, forms.kind, forms.name, forms.made))
    order = np.lexsort((name, made, key, kind))
    key, kind, name, made = key[order], kind[order], name[order], made[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (key[1:] != key[:-1]) | (kind[1:] != kind[:-1])
    begins = np.flatnonzero(new)
    best = np.minimum.reduceat(name, begins) if len(begins) else name
    by_name = np.lexsort((best, kind[begins]))
    number = np.empty(len(begins), dtype=np.int32)
    number[by_name] = np.arange(len(begins), dtype=np.int32)
    # Of each form, each concept once: by the best of its names.
    form = np.repeat(number, np.diff(np.append(begins, len(order))))
    concept = arrays["concept_of"][name]
    by_form = np.lexsort((name, made, concept, form))
    first = np.ones(len(by_form), dtype=bool)
    f, c = form[by_form], concept[by_form]
    first[1:] = (f[1:] != f[:-1]) | (c[1:] != c[:-1])
    kept = by_form[first]
    kept = kept[np.lexsort((name[kept], made[kept], form[kept]))]
    counts = np.bincount(form[kept], minlength=len(begins))
    by_key = np.argsort(key[begins], kind="stable")
    arrays |= {
        "form_keys": key[begins][by_key],
        "forms": number[by_key],
        "entry_ends": np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)]),
        "entries": name[kept],
        "made": made[kept],
        "kind_ends": np.cumsum(np.bincount(kind[begins], minlength=len(KINDS)), dtype=np.int64),
    }
    length = forms.length.array()
    source = order[begins][by_name]
    return (np.cumsum(length, dtype=np.int64) - length)[source], length[source]
