"""Whose concept a name means where several vocabularies have one: an order of prefixes for each Biolink class.

Diseases may be wanted from MONDO first and chemicals from ChEBI, so one order for all is not enough. The order of the nearest class above
a concept's own holds; a prefix that it does not name follows, in the order that ships with the project. The matcher ranks homonyms
by it, and the linker puts a homonym of its own order behind the preferred one; which names are homonyms does not depend on it.
Concepts that are merged, which are named by `vocabulary.prefix_order`, are no homonyms any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pipeline.biolink import ancestors_of, parse_category
from pipeline.curies import PREFIX_ORDER, prefix_of

__all__ = ["DEFAULT_PREFERENCE", "Preference"]


class Preference:
    """The rank of a vocabulary among those that hold a class.

    Args:
        orders: Biolink class (`biolink:Disease`, or `Disease`) -> prefixes, the most preferred first; subclasses inherit.
        default: the order of classes that have none, and of the prefixes that an order does not name.

    Raises:
        ValueError: a class is none of Biolink's, is named twice, or its order is empty or names a prefix twice.
    """

    def __init__(
        self, orders: Mapping[str, Iterable[str]] | None = None, default: Iterable[str] = PREFIX_ORDER
    ) -> None:
        self._default = tuple(default)
        self.orders: dict[str, tuple[str, ...]] = {}
        for name, prefixes in (orders or {}).items():
            category, order = parse_category(name), tuple(prefixes)
            if category is None:
                raise ValueError(f"{name} is no class of Biolink")
            if category in self.orders:
                raise ValueError(f"{category} has two orders")
            if not order or len(set(order)) < len(order) or not all(order):
                raise ValueError(f"the order of {name} must name prefixes, each once")
            self.orders[category] = order
        self._places: dict[tuple[str | None, str], int] = {}
        self._governing: dict[str, str | None] = {}

    def governing(self, category: str) -> str | None:
        """The class whose order holds for a class: itself, or the nearest above it; None where the default holds."""
        if category not in self._governing:
            above = (name for name in ancestors_of(category) if name in self.orders)
            self._governing[category] = next(above, None)
        return self._governing[category]

    def place(self, curie: str, category: str) -> int:
        """The rank of a concept's vocabulary for its class, 0 for the most preferred; the last for a prefix that is in no order.

        >>> wanted = Preference({"Disease": ["MONDO", "DOID"]})
        >>> [wanted.place(c, "biolink:Disease") for c in ("MONDO:1", "DOID:1", "MESH:1")], wanted.place("MESH:1", "biolink:Drug")
        ([0, 1, 2], 0)
        """
        key = self.governing(category) if self.orders else None, prefix_of(curie)
        if key not in self._places:
            order = [*dict.fromkeys((*self.orders.get(key[0] or "", ()), *self._default))]
            self._places[key] = order.index(key[1]) if key[1] in order else len(order)
        return self._places[key]

    @property
    def last(self) -> int:
        """More than any rank."""
        named = {prefix for order in self.orders.values() for prefix in order}
        return len(named | {*self._default}) + 1


#: One order for all classes.
DEFAULT_PREFERENCE: Final = Preference()
