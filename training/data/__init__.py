"""From corpus shards and triples to batches of tensors: the same batches for any number of workers and ranks."""
