"""What a model learns, one loss a file. `config` is light; the rest imports torch."""
