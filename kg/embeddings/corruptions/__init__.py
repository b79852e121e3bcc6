"""The family of corruptions, by the name a configuration uses. To add one: one file and one line here."""

from __future__ import annotations

from typing import Final

from kg.embeddings.corruptions.base import Corruption
from kg.embeddings.corruptions.bernoulli import Bernoulli
from kg.embeddings.corruptions.typed import Typed
from kg.embeddings.corruptions.uniform import Uniform

__all__ = ["CORRUPTIONS", "Corruption"]

CORRUPTIONS: Final[dict[str, type[Corruption]]] = {"bernoulli": Bernoulli, "typed": Typed, "uniform": Uniform}
