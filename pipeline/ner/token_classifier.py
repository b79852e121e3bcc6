"""A token classifier of Hugging Face as a recogniser: one that `materia finetune` wrote, or anyone's.

A word has the tag of its first piece. A model fine-tuned here says in its configuration that I begins nothing (`piece_tags: IOB2`); of
others it may, since nothing tells IOB1 from IOB2. (For spans that end
after any piece see `word_tags`.)

Texts are read one by one, a long one's windows together: the last digits of a probability depend on what stands in a batch beside
it, and would on which documents a build reads anew. Batches of 16 texts would spare a processor 3% of the passes through 6 layers of
384, and 18% of those through 2 of 128, with which 65 abstracts a second are read. One thread for the same reason: a build has a process
a core. Weights are read from safetensors alone; nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError
from pipeline.finders import FoundSpan
from pipeline.ner.tag_sequences import TagSequences, probabilities
from pipeline.ner.windows import Window, cut_windows, most_central
from pipeline.ner.word_tags import stripped
from pipeline.quiet_loading import quiet

__all__ = ["PIECE_TAGS", "TokenClassifierFinder", "decode_spans"]

#: The setting in a model's configuration that says by which scheme pieces have tags.
PIECE_TAGS: Final = "piece_tags"
_BATCH = 16
_LONGEST = 512


def decode_spans(
    text: str,
    offsets: Sequence[Sequence[tuple[int, int]]],
    words: Sequence[Sequence[int | None]],
    logits: Sequence[NDArray[np.float32]],
    tags: TagSequences,
) -> list[FoundSpan]:
    """The spans that a model finds in a text, in order, none over another; how sure it is of a span is the mean over its words.

    Args:
        offsets, words: of the tokens of each window, as for `most_central`.
        logits: of each window, (tokens, tags).
    """
    tokens = most_central(offsets, words)
    scores = np.stack([logits[t.window][t.token] for t in tokens]) if tokens else np.zeros((0, 1))
    path = tags.likeliest(scores)
    sure = probabilities(scores)[np.arange(len(path)), path] if path else scores[:0, 0]
    found = []
    for first, last, kind in tags.spans(path):
        start, end = stripped(text, tokens[first].start, tokens[last].end)
        if start < end:
            found.append(FoundSpan(start, end, kind, float(sure[first : last + 1].mean())))
    return found


class TokenClassifierFinder:
    """A folder that `AutoModelForTokenClassification` loads, with a fast tokenizer.

    Args:
        folder: what `save_pretrained` wrote.
        name: as `finders.finder_name` gives it.

    Raises:
        MateriaError: it is another kind of model, needs more than extraction can give it, or has no safetensors.
    """

    def __init__(self, folder: Path, name: str) -> None:
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        _check(folder)
        self.name = name
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        if not self._tokenizer.is_fast:
            raise MateriaError(
                "has a tokenizer without offsets", file=str(folder), remedy="Save the model with a fast tokenizer"
            )
        with quiet():
            self._model = AutoModelForTokenClassification.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True
            ).eval()
        config = self._model.config
        strict = getattr(config, PIECE_TAGS, None) == "IOB2"
        labels = [str(config.id2label[number]) for number in range(config.num_labels)]
        self._tags = TagSequences(labels, strict=strict)
        longest = int(getattr(config, "max_position_embeddings", None) or _LONGEST)
        # RoBERTa's positions begin after its padding's, so two are never used; what was trained here was trained at the tokenizer's length.
        longest -= 0 if strict else 2
        self._length = min(int(self._tokenizer.model_max_length), longest, _LONGEST)

    def find(self, texts: Sequence[str]) -> list[list[FoundSpan]]:
        """The spans of each text."""
        with _one_thread():
            return [self._spans(text) if text.strip() else [] for text in texts]

    def _spans(self, text: str) -> list[FoundSpan]:
        (windows,) = cut_windows([text], self._tokenizer, self._length)
        logits = [row for some in _batches(windows) for row in self._logits(some)]
        return decode_spans(text, [w.offsets for w in windows], [w.words for w in windows], logits, self._tags)

    def _logits(self, windows: Sequence[Window]) -> NDArray[np.float32]:
        """(windows, tokens, tags) of windows of one length."""
        import torch

        inputs = {name: torch.tensor([window.inputs[name] for window in windows]) for name in windows[0].inputs}
        with torch.inference_mode():
            logits: NDArray[np.float32] = self._model(**inputs).logits.float().numpy()
        return logits


def _batches(windows: Sequence[Window]) -> Iterator[Sequence[Window]]:
    """Windows of one length in a row: all of a text but its last are, so that none is padded."""
    for _, same in groupby(windows, lambda window: len(window.offsets)):
        some = [*same]
        yield from (some[first : first + _BATCH] for first in range(0, len(some), _BATCH))


def _check(folder: Path) -> None:
    kinds = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures") or []
    if not any(str(kind).endswith("ForTokenClassification") for kind in kinds):
        raise MateriaError(
            f"is a {', '.join(map(str, kinds)) or 'model'}, not a token classifier",
            file=str(folder),
            remedy="Give a model fine-tuned for entity_recognition, or another that finds entities",
        )
    if (folder / "graph_fusion.json").exists():
        raise MateriaError(
            "was fine-tuned with vectors of the graph, for which texts must be linked before they are read",
            file=str(folder),
            remedy="Fine-tune it without `graph` for use in extraction",
        )
    if not any(folder.glob("*.safetensors")):
        raise MateriaError(
            "has no weights as safetensors, and pickled ones are not read",
            file=str(folder),
            remedy="Load it where you trust it, and save it again: model.save_pretrained(folder)",
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
