"""Torch's global state, set for a piece of work and put back after it: seed, threads, deterministic kernels.

On one machine the same seed and number of threads give the same bits; another number may sum in another order. Small models
default to one thread: their operations are so short that a second thread gains little on an idle machine, and on a busy one
the threads wait for each other (measured: 182 s instead of 15 s for the same 100 steps, two cores under other load).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pipeline.parallel import cpu_count

__all__ = ["deterministic"]


@contextmanager
def deterministic(seed: int, threads: int = 0) -> Iterator[None]:
    """Run the block from a seed, with so many threads (0: one a core), and leave torch as it was."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else torch refuses matrix products on a GPU
    before, was_deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads or cpu_count())
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(was_deterministic)
            torch.set_num_threads(before)
