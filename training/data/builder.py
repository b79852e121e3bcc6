"""From the passages of a window to rows: encoded, cut, packed, and asked about, by one numpy operation a step for all of them.

Everything that is drawn comes from one generator for each window of each epoch, so the rows of a window do not depend on who makes
them, and an epoch later they are cut, paired, masked and packed in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from training.data.batches import NO_RELATION, Language
from training.data.encoding import EncodedPassages, encode_passages
from training.data.masking import mask_units
from training.data.packing import first_fit
from training.data.pairs import Pairs, claimed_pairs, in_pieces, unrelated_pairs
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
        cut = next_sentences(encoded, starts, ends, room=room, random=random) if self.has_next else whole(starts, ends)
        return self._laid_out(encoded, cut, random)

    def _laid_out(self, encoded: EncodedPassages, pieces: Pieces, random: np.random.Generator) -> Rows:
        special = self.special
        before = int(special.before is not None)
        sizes = pieces.ends - pieces.starts
        count = len(pieces.follows)
        lengths = np.bincount(pieces.sequences, sizes + 1, count).astype(np.int64) + special.around(0)
        row, order = self._placed(lengths, random)
        # Sequences in the order of rows; `rank` is where each comes in it.
        rank = np.empty(count, dtype=np.int64)
        rank[order] = np.arange(count)
        lengths, row = lengths[order], row[order]
        begins = offsets(lengths)
        row_lengths = np.bincount(row, lengths).astype(np.int64)
        row_begins = offsets(row_lengths)

        owner = rank[pieces.sequences]
        a_sizes = np.zeros(count, dtype=np.int64)
        a_sizes[owner[pieces.parts == 0]] = sizes[pieces.parts == 0] + 1
        at = begins[owner] + before + np.where(pieces.parts == 1, a_sizes[owner], 0)
        source, target = aranges(pieces.starts, sizes), aranges(at, sizes)
        ids = np.full(begins[-1], special.after, dtype=np.int64)
        types = np.zeros_like(ids)
        ids[target] = encoded.ids[source]
        types[aranges(at, (sizes + 1) * pieces.parts)] = 1
        if special.before is not None:
            ids[begins[:-1]] = special.before
        if special.last is not None:
            ids[begins[1:] - 1] = special.last
            types[begins[1:] - 1] = 2
        sequence = np.repeat(np.arange(count), lengths)
        token_row = np.repeat(row, lengths)
        places = np.arange(len(ids)) - row_begins[token_row]
        columns = [types, np.arange(len(ids)) - begins[sequence], sequence - np.searchsorted(row, row)[sequence] + 1]

        units = np.full(len(ids), -1)
        starts_unit = encoded.begins[source].astype(np.int64)
        starts_unit[offsets(sizes)[:-1]] = 1
        units[target] = np.cumsum(starts_unit) - 1
        shown, predicted, labels, ranks = self._language(ids, units, sequence, begins, random=random)
        if ranks is not None:
            columns.append(ranks)
        table = np.stack([shown, *columns], axis=1)
        here = begins[:-1] - row_begins[row]
        follows = pieces.follows[order]
        pairs, beliefs = self._pairs(encoded, pieces, at - row_begins[row[owner]], owner, row, random=random)
        return Rows(
            row_lengths.astype(np.int32),
            table.astype(np.int32),
            np.stack([row, here, here + lengths, follows], axis=1).astype(np.int32),
            np.stack([token_row[predicted], places[predicted], labels], axis=1).astype(np.int32),
            pairs.astype(np.int32),
            beliefs,
            self._mentions(encoded, pieces, at - row_begins[row[owner]], row[owner]).astype(np.int32),
        )

    def _placed(self, lengths: Integers, random: np.random.Generator) -> tuple[Integers, Integers]:
        """The row of each sequence, rows in random order, and the sequences in the order of rows."""
        shuffled = random.permutation(len(lengths))
        row = np.empty(len(lengths), dtype=np.int64)
        if self.config.packing:
            row[shuffled] = first_fit(lengths[shuffled], self.config.max_length)
            row = random.permutation(int(row.max(initial=-1)) + 1)[row]
        else:
            row[shuffled] = np.arange(len(lengths))
        return row, np.argsort(row, kind="stable")

    def _language(
        self, ids: Integers, units: Integers, sequence: Integers, begins: Integers, *, random: np.random.Generator
    ) -> tuple[Integers, Integers, Integers, Integers | None]:
        """Tokens as they are shown, places that predict, what they predict, and ranks of factorisation."""
        config = self.config
        if self.language == "causal":
            last = np.zeros(len(ids), dtype=bool)
            last[begins[1:] - 1] = True
            places = np.flatnonzero(~last)
            return ids, places, ids[places + 1], None
        if self.language == "masked":
            assert self.special.mask is not None
            shown, places = mask_units(
                ids, units, share=config.mask, mask=self.special.mask, ordinary=self._ordinary, random=random
            )
            return shown, places, ids[places], None
        ordinary = np.flatnonzero(units >= 0)
        picked = np.zeros(len(ids), dtype=bool)
        picked[ordinary] = spans_to_predict(
            len(ordinary), share=config.predicted, longest=config.longest_span, random=random
        )
        places = np.flatnonzero(picked)
        return ids, places, ids[places], factorisation(picked, sequence, random=random)

    def _mentions(self, encoded: EncodedPassages, pieces: Pieces, at: Integers, row: Integers) -> Integers:
        """Linked entities that stand whole in a piece: (mentions, 4), by row."""
        piece, span = in_pieces(encoded.spans[:, 0], pieces.starts, pieces.ends)
        spans = encoded.spans[span]
        inside = (spans[:, 1] <= pieces.ends[piece]) & (spans[:, 1] > spans[:, 0])
        piece, span, spans = piece[inside], span[inside], spans[inside]
        moved = spans + (at - pieces.starts)[piece, None]
        table = np.column_stack([row[piece], moved, encoded.entities[span]])
        return np.asarray(table[np.lexsort((table[:, 1], table[:, 0]))])

    def _pairs(
        self,
        encoded: EncodedPassages,
        pieces: Pieces,
        at: Integers,
        owner: Integers,
        row: Integers,
        *,
        random: np.random.Generator,
    ) -> tuple[Integers, np.ndarray[tuple[int], np.dtype[np.float32]]]:
        """Claimed pairs that stand whole in a piece, and the wanted share of others: (pairs, 7) by row, and beliefs."""
        piece, pairs = _whole_pairs(encoded, pieces, claimed_pairs(encoded))
        if self.config.no_relation and len(self.classes):
            other_piece, others = _whole_pairs(encoded, pieces, unrelated_pairs(encoded))
            wanted = min(len(other_piece), max(1, round(self.config.no_relation * len(piece))))
            taken = np.sort(random.permutation(len(other_piece))[:wanted])
            turned = random.random(wanted) < 0.5
            others = others.at(taken)
            subjects = np.where(turned, others.objects, others.subjects)
            objects = np.where(turned, others.subjects, others.objects)
            others = others._replace(subjects=subjects, objects=objects)
            piece = np.concatenate([piece, other_piece[taken]])
            pairs = pairs.and_others(others)
        shift = (at - pieces.starts)[piece, None]
        sequence = owner[piece]
        table = np.column_stack(
            [
                row[sequence],
                encoded.spans[pairs.subjects] + shift,
                encoded.spans[pairs.objects] + shift,
                sequence,
                pairs.classes,
            ]
        )
        order = np.lexsort((table[:, 6] == NO_RELATION, table[:, 3], table[:, 1], table[:, 0]))
        return table[order], pairs.beliefs[order]


def _whole_pairs(encoded: EncodedPassages, pieces: Pieces, pairs: Pairs) -> tuple[Integers, Pairs]:
    """The pairs of which both ends stand whole in a piece, and the piece of each."""
    piece, chosen = in_pieces(encoded.spans[pairs.subjects, 0], pieces.starts, pieces.ends)
    ends = encoded.spans[np.stack([pairs.subjects[chosen], pairs.objects[chosen]])]
    inside = (
        (ends[..., 1] > ends[..., 0]) & (ends[..., 0] >= pieces.starts[piece]) & (ends[..., 1] <= pieces.ends[piece])
    ).all(axis=0)
    return piece[inside], pairs.at(chosen[inside])
