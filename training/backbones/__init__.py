"""Language models to train, one file a family. `config` is light; the rest imports transformers, so import it where used."""
