"""Evidence in; graph, sentences and embeddings out. Imports `pipeline`."""
