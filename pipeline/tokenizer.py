"""scispaCy's tokenizer, which keeps the names of chemicals whole."""

from __future__ import annotations

import warnings

from scispacy.custom_tokenizer import combined_rule_tokenizer
from spacy.language import Language
from spacy.tokenizer import Tokenizer

__all__ = ["make_tokenizer"]


def make_tokenizer(nlp: Language) -> Tokenizer:
    """The tokenizer for a pipeline, without the warning of a character class in its rules, which says nothing to a user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return combined_rule_tokenizer(nlp)
