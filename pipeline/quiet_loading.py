"""Load models of Hugging Face without its bars and reports, which go over what the terminal shows; and what loading raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet", "unloadable"]


@contextmanager
def quiet() -> Iterator[None]:
    """Without the library's bars and its report of heads that were left behind or are new; then as it was before."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def unloadable() -> tuple[type[Exception], ...]:
    """What the library raises for a folder that holds no complete model of the kind that is asked for."""
    from safetensors import SafetensorError

    return OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, SafetensorError
