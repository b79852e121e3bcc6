"""Vectors for the concepts and predicates of the graph, learned from its triples.

`config` is light. `train`, `ranking` and `scorers` import torch, so import them where they are used.
"""
