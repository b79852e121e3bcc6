"""Vectors of a knowledge graph in the encoder of any task, at the tokens that mention a linked entity."""
