"""Masking of whole words and whole entities (Devlin et al., NAACL 2019; Cui et al., 2021).

Each unit is chosen on its own, so the share of tokens is that of units on the average. Of those chosen 80% become the mask token,
10% another token, 10% stay.
"""

from __future__ import annotations

import numpy as np

from training.data.ragged import Integers

__all__ = ["mask_units"]


def mask_units(
    ids: Integers, units: Integers, *, share: float, mask: int, ordinary: Integers, random: np.random.Generator
) -> tuple[Integers, Integers]:
    """Mask tokens.

    Args:
        ids: (tokens,) token numbers.
        units: (tokens,) number of the unit that each stands in, from 0; -1 for special tokens, which stay.
        share: of the units that are chosen.
        mask: number of the mask token.
        ordinary: numbers of the tokens that may stand for another, which are all but the special ones.
        random: where chance comes from.

    Returns:
        The masked (tokens,), and the places that are to be predicted, ascending.
    """
    count = int(units.max(initial=-1)) + 1
    chosen, fate = random.random(count) < share, random.random(count)
    places = np.flatnonzero((units >= 0) & np.append(chosen, False)[units])
    fates = fate[units[places]]
    other = ordinary[random.integers(len(ordinary), size=len(places))]
    masked = ids.copy()
    masked[places] = np.where(fates < 0.8, mask, np.where(fates < 0.9, other, ids[places]))
    return masked, places
