"""What must not enter a corpus, and why: poor text, texts of downstream tests, duplicates.

`clean.py` judges a stream of passages by all of it, in one pass; `quality.py`, `contamination.py` and `duplicates.py` are its parts,
each of use alone. `words.py` is the normal form that texts are compared in. `downstream.py` reads the tests a corpus must not hold.
`checks.py` looks for what should not be left in finished shards, by other means.
"""
