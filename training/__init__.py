"""Corpora and triples in, models and reports out. Imports `kg` and `pipeline`."""
