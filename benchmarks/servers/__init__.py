"""Real servers started on this machine, each a context manager in a file of its own; used by benchmarks and by tests marked `scale`."""
