"""The mixture: which candidates go into the corpus, how often, and why the others do not (`select_passages`)."""

from __future__ import annotations

from kg.mixture.candidates import Candidates
from kg.mixture.changes import Changes, Known
from kg.mixture.report import taken_in_words
from kg.mixture.selection import Selection, select_passages

__all__ = ["Candidates", "Changes", "Known", "Selection", "select_passages", "taken_in_words"]
