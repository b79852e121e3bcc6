"""MeSH tree numbers as a table: `mesh_id`, `mesh_name`, `mesh_tree_number`, one row for each place in the tree.

A tree number such as C04.588.033 says where a descriptor stands: its parent is the descriptor at C04.588, and its
letter and first numbers say what it is (NLM, "MeSH Tree Structures"). A descriptor may stand in several places. The
whole table is read before the first concept is given, because a parent may come after its children; 60,000 rows take
20 MB.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.prefixes import bare_id_to_curie

__all__ = ["TREE_NUMBER", "MeshTree", "tree_parents"]

#: A place in the tree: a letter, two digits, then groups of three.
TREE_NUMBER: Final = re.compile(r"[A-Z][0-9]{2}(\.[0-9]{3})*")
_HEADER = ("mesh_id", "mesh_name", "mesh_tree_number")


class MeshTree:
    """MeSH descriptors with their places in the tree, which give parents and categories."""

    name = "mesh_tree.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By its header."""
        del name
        text = head.decode("utf-8-sig", errors="replace")
        return text.split("\n", 1)[0].rstrip("\r").split("\t") == list(_HEADER)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each descriptor, in the order of their first rows."""
        names: dict[str, str] = {}
        places: dict[str, list[str]] = {}
        holder: dict[str, str] = {}
        for number, line in text_lines(stream, file, set_aside):
            if number == 1 or not line.strip():
                continue
            cells = line.split("\t")
            curie = bare_id_to_curie(cells[0].strip())
            if curie is None or len(cells) != 3 or not cells[1].strip() or not TREE_NUMBER.fullmatch(cells[2].strip()):
                detail = "The row is not a MeSH identifier, a name and a tree number. Correct or remove it."
                set_aside(SetAside(file, f"line {number}", "bad-row", detail))
                continue
            names.setdefault(curie, clean_name(cells[1]))
            places.setdefault(curie, []).append(cells[2].strip())
            holder[cells[2].strip()] = curie
        for curie, numbers in places.items():
            marks = tuple(f"mesh:{number}" for number in numbers)
            yield Concept(curie, names[curie], parents=tree_parents(curie, numbers, holder), marks=marks)


def tree_parents(curie: str, numbers: Iterable[str], holder: Mapping[str, str]) -> tuple[str, ...]:
    """The descriptors that hold the places one step above; `holder` is from tree number to CURIE.

    >>> tree_parents("MESH:D000002", ["D02.705.400"], {"D02.705": "MESH:D009943"})
    ('MESH:D009943',)
    """
    above = (holder.get(number.rpartition(".")[0]) for number in numbers)
    return tuple(dict.fromkeys(parent for parent in above if parent and parent != curie))
