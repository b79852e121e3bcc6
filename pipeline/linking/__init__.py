"""Linking: from a mention's text to a concept of the vocabularies."""
