"""How reliable each extractor is, learned from what it says of documents that a gold corpus has judged.

Steps: what an extractor says of one document is its best probability x certainty for a claim. That figure, cut to hundredths, is
mapped to the probability that such a claim holds by isotonic regression (Zadrozny and Elkan 2002, doi:10.1145/775047.775151) in its
max-min form (Robertson, Wright and Dykstra 1988, section 1.4), in which the mean of every block is that of a Beta posterior:

    r(x) = max over i <= x of min over j >= x of (true[i..j] + m * rate) / (claims[i..j] + m),   rate = (true + 1) / (claims + 2)

So a higher figure is never worth less, one more right claim never makes any figure worth less, and a block of few claims stays near the
extractor's own rate. m = 5 claims: of 1 to 40 it had the best log loss in five folds of BC5CDR train.

Two extractors of one document are one voice: fusion takes the one that is surest. The surest of several is right less often than it
alone would be, so steps are learned twice: from all that an extractor says, then from the claims on which it is the surest. They hold
for builds that use the same extractors. (Five folds of BC5CDR train: calibration error .012 with the first steps, .007 with the second.)

A denial is judged by itself, as one number: where a document both denies and affirms, annotators mostly found the relation.

Systematic error: a claim of one document is believed (1 - s) * p, so p = r / (1 - s) leaves it at r whatever s is. What s says is how
far belief rises when several documents agree: to 1 - s at most. It is the mean of its posterior given all claims with all their
documents, from a Beta(1, 19) prior, whose mean is the default of the configuration.

Rejected: Platt scaling (the figures of patterns are few and uneven: no logistic curve fits them); a Beta for blocks of equal numbers
of claims (the blocks move when a claim is added, and with them the worth of others).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.gold_claims import GoldClaims
from kg.reliability import Extractor, Step

__all__ = ["learn_extractors", "learn_steps", "learn_systematic_error", "posterior_mean", "surest", "worth"]

_LEVELS = 100
_STRENGTH = 5.0
_ERRORS = np.arange(1, 100) / 200
_PRIOR_OF_ERROR = (1.0, 19.0)
_MOST = 0.999999

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def learn_extractors(claims: GoldClaims) -> dict[str, Extractor]:
    """The reliability of every extractor that affirms a claim of the corpus, by its name."""
    said, denied = claims.said(), claims.said(polarity=False)
    alone = {name: _steps(_of(said, name)) for name in sorted(pc.unique(said["extractor"]).to_pylist())}
    heard = surest(said, alone)
    return {name: _extractor(_of(heard, name), _of(denied, name), steps) for name, steps in alone.items()}


def _extractor(rows: pa.Table, denied: pa.Table, alone: tuple[Step, ...]) -> Extractor:
    """From the claims on which an extractor is the surest, and those it denies; where it never is, its steps `alone` stand."""
    steps = _steps(rows) if rows.num_rows else alone
    error = learn_systematic_error(worth(steps, rows["figure"].to_numpy()), rows)
    wrong = pc.sum(denied["true"]).as_py()
    return Extractor(
        systematic_error=error,
        steps=tuple(
            step.model_copy(update={"probability": min(round(step.probability / (1 - error), 6), _MOST)})
            for step in steps
        ),
        denial=None if wrong is None else posterior_mean(denied.num_rows - wrong, denied.num_rows),
    )


def surest(said: pa.Table, steps: Mapping[str, tuple[Step, ...]]) -> pa.Table:
    """Of each claim of a document the row that is worth most, of equal ones the first by name: the one that fusion hears.

    Args:
        said: as `GoldClaims.said` returns it.
        steps: of each extractor, as they count for a single document.
    """
    parts = [_of(said, name) for name in sorted(steps)]
    values = [worth(steps[name], part["figure"].to_numpy()) for name, part in zip(sorted(steps), parts, strict=True)]
    rows = pa.concat_tables(parts) if parts else said
    claims = rows["claim"].to_numpy()
    order = np.lexsort((np.arange(len(claims)), -np.concatenate([[], *values]), claims))
    return rows.take(pa.array(order[np.diff(claims[order], prepend=-1) != 0]))


def _of(rows: pa.Table, extractor: str) -> pa.Table:
    return rows.filter(pc.equal(rows["extractor"], extractor))


def _steps(rows: pa.Table) -> tuple[Step, ...]:
    return learn_steps(rows["figure"].to_numpy(), rows["true"].to_numpy())


def learn_steps(figures: Floats, true: Flags) -> tuple[Step, ...]:
    """What the figures of an extractor are worth.

    Args:
        figures: in [0, 1), its best figure for each claim of a document.
        true: whether the claim holds.
    """
    edges = np.arange(_LEVELS) / _LEVELS
    levels = np.searchsorted(edges, figures, side="right") - 1
    claims = np.bincount(levels, minlength=_LEVELS)
    held = np.bincount(levels[true], minlength=_LEVELS)
    rate = (int(true.sum()) + 1) / (len(true) + 2)
    # means[i, j] of the block of levels i to j, both included
    first, last = np.arange(_LEVELS)[:, None], np.arange(_LEVELS)[None, :]
    sums = [np.concatenate(([0], np.cumsum(counts))) for counts in (claims, held)]
    count, right = (total[None, 1:] - total[:-1, None] for total in sums)
    means = (right + _STRENGTH * rate) / np.maximum(count + _STRENGTH, _STRENGTH)
    ends = np.where(last >= first, means, np.inf)
    least = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    values = np.where(last >= first, least, -np.inf).max(axis=0).round(6)
    starts = np.flatnonzero(np.diff(values, prepend=-1.0))
    return tuple(
        Step(
            least=float(edges[start]),
            probability=float(values[start]),
            claims=int(claims[start:stop].sum()),
            true=int(held[start:stop].sum()),
        )
        for start, stop in zip(starts, [*starts[1:], _LEVELS], strict=True)
    )


def worth(steps: tuple[Step, ...], figures: Floats) -> Floats:
    """The probability that each figure is worth."""
    places = np.searchsorted([step.least for step in steps], figures, side="right") - 1
    values: Floats = np.array([step.probability for step in steps])[places]
    return values


def learn_systematic_error(probabilities: Floats, rows: pa.Table) -> float:
    """The systematic error of one extractor: the mean of its posterior.

    Args:
        probabilities: that the claim of each document holds, as `learn_steps` and `worth` tell.
        rows: subject, predicate and object of each claim, and whether it holds; a claim of several documents holds where it holds in one.
    """
    names = pa.table({"name": pc.binary_join_element_wise(rows["subject"], rows["predicate"], rows["object"], " ")})
    claims = pc.dictionary_encode(names["name"]).combine_chunks().indices.to_numpy()
    true = np.bincount(claims, weights=rows["true"].to_numpy()) > 0
    log = np.zeros(len(_ERRORS))
    a, b = _PRIOR_OF_ERROR
    for place, error in enumerate(_ERRORS):
        document = np.minimum(probabilities / (1 - error), _MOST)
        belief = (1 - error) * -np.expm1(np.bincount(claims, weights=np.log1p(-document)))
        log[place] = (
            np.log(np.where(true, belief, 1 - belief)).sum() + (a - 1) * np.log(error) + (b - 1) * np.log1p(-error)
        )
    weights = np.exp(log - log.max())
    return round(float(weights @ _ERRORS / weights.sum()), 6)


def posterior_mean(true: int, claims: int) -> float:
    """The share of claims that hold, from a uniform prior: (true + 1) / (claims + 2)."""
    return round((true + 1) / (claims + 2), 6)
