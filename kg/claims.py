"""What a claim is: its name, which evidence speaks for it, and which other claims contradict it; in Python and in SQL."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from pipeline.hashing import hash_fields

__all__ = ["OPPOSED_PREDICATES", "SUPPORTS_SQL", "TRIPLE_ID_SQL", "opposed_predicates_table", "triple_id"]

#: Predicates that cannot both hold of one subject and object, each pair once. These are the pairs that Biolink Model
#: 4.4.4 declares by `opposite_of`, less those that are inverses (broad and narrow match), parts of one description
#: (input and output), true of one pair in different settings (active ingredient and excipient), or half of a pair whose
#: other half the model lacks (enabled by; prevented by). Not here on purpose: treats against causes or exacerbates. A drug
#: may treat a condition in some patients and cause it in others.
OPPOSED_PREDICATES: Final = (
    ("biolink:ameliorates_condition", "biolink:exacerbates_condition"),
    ("biolink:contraindicated_in", "biolink:treats"),
    ("biolink:decreases_sensitivity_to", "biolink:increases_sensitivity_to"),
    ("biolink:disrupts", "biolink:enables"),
    ("biolink:has_decreased_amount", "biolink:has_increased_amount"),
    ("biolink:has_part", "biolink:lacks_part"),
    ("biolink:negatively_correlated_with", "biolink:positively_correlated_with"),
    ("biolink:preventative_for_condition", "biolink:promotes_condition"),
)

#: `triple_id` as a DuckDB expression over the columns subject, predicate and object.
TRIPLE_ID_SQL: Final = "sha256(subject || chr(31) || predicate || chr(31) || object)"

#: Whether a row of evidence speaks for its claim, as a DuckDB expression over the row's polarity, its direction and the claim's.
SUPPORTS_SQL: Final = "({evidence}.polarity AND coalesce({evidence}.direction = {claim}.direction, true))"


def triple_id(subject: str, predicate: str, object_: str) -> str:
    """The name of a claim: SHA-256 (hex) of its three CURIEs."""
    return hash_fields(subject, predicate, object_)


def opposed_predicates_table() -> pa.Table:
    """The opposed predicates in both directions: predicate, other."""
    pairs = [*OPPOSED_PREDICATES, *((b, a) for a, b in OPPOSED_PREDICATES)]
    return pa.table({"predicate": [a for a, _ in pairs], "other": [b for _, b in pairs]})
