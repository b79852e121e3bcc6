"""Relations between entities of a document, by a trained classifier."""
