"""From the passages of a window to rows: encoded, cut, packed, and asked about, by one numpy operation a step for all of them.

Everything that is drawn comes from one generator for each window of each epoch, so the rows of a window do not depend on who makes
them, and an epoch later they are cut, paired, masked and packed in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from training.data.batches import Language
from training.data.encoding import EncodedPassages, encode_passages
from training.data.layout import Layout, lay_out
from training.data.masking import mask_units
from training.data.pairs import mention_table, pair_table
from training.data.permutation import factorisation, spans_to_predict
from training.data.ragged import Integers, aranges, offsets
from training.data.rows import Rows
from training.data.sequences import Pieces, cut_sequences, next_sentences, whole
from training.data.special_tokens import special_tokens, text_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.data.config import DataConfig
    from training.data.graph import GraphIndex

__all__ = ["RowBuilder"]

#: Type of XLNet's token at the end.
_TYPE_OF_LAST = 2


class _Asked(NamedTuple):
    """Tokens as they are shown, the places that predict, what they predict, and ranks of factorisation."""

    shown: Integers
    places: Integers
    labels: Integers
    ranks: Integers | None = None


class RowBuilder:
    """Makes rows for one language objective.

    Args:
        tokenizer: a fast one, with the special tokens of the family.
        config: lengths, packing, shares.
        language: masked, causal or permutation.
        classes: predicates that are classes of relation classification, from class 1 on; 0 is "no relation".
        graph: numbers of entities and beliefs of claims; none where no objective knows the graph.
        has_next: whether sequences have a second part, for next sentence prediction.

    Raises:
        MateriaError: where the tokenizer lacks what the language objective needs.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        config: DataConfig,
        *,
        language: Language,
        classes: Sequence[str] = (),
        graph: GraphIndex | None = None,
        has_next: bool = False,
    ) -> None:
        self.config, self.language, self.graph = config, language, graph
        self.special = special_tokens(tokenizer, language)
        self.has_next = has_next
        self._tokenizer = text_tokenizer(tokenizer)
        self.classes = {name: number for number, name in enumerate(classes, start=1)}
        self._ordinary = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)

    def rows(self, passages: pa.Table, random: np.random.Generator) -> Rows:
        """The rows of a table of passages (columns text, sentences, spans, relations, belief)."""
        encoded = encode_passages(
            passages, self._tokenizer, self.classes, graph=self.graph, whole_entities=self.config.whole_entities
        )
        room = self.config.max_length - self.special.around(2 if self.has_next else 1)
        starts, ends = cut_sequences(encoded, room)
        pieces = (
            next_sentences(encoded, starts, ends, room=room, random=random) if self.has_next else whole(starts, ends)
        )
        layout = lay_out(
            pieces, self.special, max_length=self.config.max_length, packing=self.config.packing, random=random
        )
        tokens, targets = self._tokens(encoded, pieces, layout, random)
        here = layout.begins[:-1] - layout.row_begins[layout.rows]
        lengths = np.diff(layout.begins)
        pairs, beliefs = pair_table(
            encoded,
            pieces,
            layout,
            no_relation=self.config.no_relation if self.classes else 0,
            random=random,
        )
        sequences = np.column_stack([layout.rows, here, here + lengths, pieces.follows[layout.order]])
        return Rows(
            _small(np.diff(layout.row_begins)),
            _small(tokens),
            _small(sequences),
            _small(targets),
            _small(pairs),
            beliefs,
            _small(mention_table(encoded, pieces, layout)),
        )

    def _tokens(
        self, encoded: EncodedPassages, pieces: Pieces, layout: Layout, random: np.random.Generator
    ) -> tuple[Integers, Integers]:
        """The tokens and targets of `Rows`."""
        special = self.special
        sizes = pieces.ends - pieces.starts
        source, target = aranges(pieces.starts, sizes), aranges(layout.places, sizes)
        # Every place that is filled by nothing else holds the token after a piece.
        ids = np.full(layout.begins[-1], special.after, dtype=np.int64)
        ids[target] = encoded.ids[source]
        types = np.zeros_like(ids)
        types[aranges(layout.places, (sizes + 1) * pieces.parts)] = 1
        if special.before is not None:
            ids[layout.begins[:-1]] = special.before
        if special.last is not None:
            ids[layout.begins[1:] - 1] = special.last
            types[layout.begins[1:] - 1] = _TYPE_OF_LAST
        begins_unit = encoded.begins[source].astype(np.int64)
        begins_unit[offsets(sizes)[:-1]] = 1
        units = np.full(len(ids), -1)
        units[target] = np.cumsum(begins_unit) - 1

        sequence = np.repeat(np.arange(len(layout.rows)), np.diff(layout.begins))
        row = layout.rows[sequence]
        everywhere = np.arange(len(ids))
        number = sequence - np.searchsorted(layout.rows, layout.rows)[sequence] + 1
        asked = self._asked(ids, units, sequence, random)
        columns = [asked.shown, types, everywhere - layout.begins[sequence], number]
        if asked.ranks is not None:
            columns.append(asked.ranks)
        places = asked.places
        targets = np.column_stack([row[places], places - layout.row_begins[row[places]], asked.labels])
        return np.column_stack(columns), targets

    def _asked(self, ids: Integers, units: Integers, sequence: Integers, random: np.random.Generator) -> _Asked:
        """What the language objective asks of tokens, given the unit (-1 for special tokens) and sequence of each."""
        config = self.config
        if self.language == "causal":
            places = np.flatnonzero(sequence[1:] == sequence[:-1])
            return _Asked(ids, places, ids[places + 1])
        if self.language == "masked":
            assert self.special.mask is not None
            shown, places = mask_units(
                ids, units, share=config.mask, mask=self.special.mask, ordinary=self._ordinary, random=random
            )
            return _Asked(shown, places, ids[places])
        ordinary = np.flatnonzero(units >= 0)
        predicted = np.zeros(len(ids), dtype=bool)
        predicted[ordinary] = spans_to_predict(
            len(ordinary), share=config.predicted, longest=config.longest_span, random=random
        )
        places = np.flatnonzero(predicted)
        return _Asked(ids, places, ids[places], factorisation(predicted, sequence, random=random))


def _small(table: Integers) -> NDArray[np.int32]:
    return table.astype(np.int32)
