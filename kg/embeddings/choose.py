"""Settings for a graph that nobody tuned: from its size first, then from a short search on its validation triples.

Size gives what is a matter of cost: questions a step, and how many epochs. The search decides what no size tells, how strong
the regularisation and how long the steps. It is successive halving (Jamieson & Talwalkar, AISTATS 2016) over a short
list for each scorer: every member trains for an eighth of the epochs, the best four for a third, two for two thirds. A trial is a whole
short training with its own learning-rate schedule, so nothing of it depends on the clock, and the choice is the same each time.

Cost: up to four times that of the training it serves. On graphs made to test it, what it chose came within .025 of the best
test MRR of all settings ever tried there.

It sees the validation triples, filtered by train and validation, and never the test triples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.defaults import settings_of_size, settings_to_try
from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples
from kg.embeddings.evaluation import validation_mrr
from kg.embeddings.fit import LossNotFiniteError, fit

__all__ = ["OnTrial", "choose_config"]

#: Called after each trial with how many are done and how many there will be.
OnTrial = Callable[[int, int], None]

#: Epochs of a trial as a share of the training's, and how many members go on to it; the first round is of all.
_ROUNDS: Final = ((1 / 8, None), (1 / 3, 4), (2 / 3, 2))
#: With more training triples than this there is no last round, which is a third of the cost.
_MANY_TRIPLES: Final = 50_000

#: Most entities that a question is scored against in a trial; it orders settings as all of them would.
_TRIAL_CANDIDATES: Final = 1024

#: Fewer validation triples than this order nothing.
_LEAST = 10


def choose_config(
    encoded: EncodedTriples, config: EmbeddingConfig, *, on_trial: OnTrial | None = None
) -> EmbeddingConfig:
    """The configuration with everything decided that was not set; as it is where `trials` is 0.

    Where there are fewer than 10 validation triples there is no search, and the size decides alone.
    """
    if not config.trials:
        return config
    open_fields = set(EmbeddingConfig.model_fields) - config.model_fields_set

    def with_settings(base: EmbeddingConfig, settings: dict[str, Any]) -> EmbeddingConfig:
        return base.model_copy(update={key: value for key, value in settings.items() if key in open_fields})

    sized = with_settings(config, settings_of_size(encoded))
    tried = {
        c.model_dump_json(): c
        for c in (with_settings(sized, s) for s in settings_to_try(config.model, len(encoded.entities)))
    }
    members = list(tried.values())[: config.trials]
    if len(members) == 1 or len(encoded.validation) < _LEAST:
        return members[0]
    return _halve(encoded, members, on_trial)


def _halve(encoded: EncodedTriples, members: Sequence[EmbeddingConfig], on_trial: OnTrial | None) -> EmbeddingConfig:
    """The member that is best after the last round; of equals the one listed first."""
    rounds = _ROUNDS if len(encoded.train) <= _MANY_TRIPLES else _ROUNDS[:-1]
    total = sum(min(count or len(members), len(members)) for _, count in rounds)
    done = 0
    for share, count in rounds:
        figures = []
        for member in members[:count]:
            figures.append(_trial(encoded, member, share))
            done += 1
            if on_trial is not None:
                on_trial(done, total)
        order = sorted(range(len(figures)), key=lambda i: -figures[i])
        members = [members[i] for i in order]
    return members[0]


def _trial(encoded: EncodedTriples, config: EmbeddingConfig, share: float) -> float:
    """Validation MRR after a share of the epochs; below all others where the loss is not finite."""
    short = config.model_copy(
        update={
            "epochs": max(1, round(config.epochs * share)),
            "candidates": min(config.candidates, _TRIAL_CANDIDATES),
            "validate_every": 0,
            "patience": 0,
        }
    )
    with deterministic(config.seed, config.threads):
        try:
            model, _ = fit(encoded, short)
        except LossNotFiniteError:
            return -1.0
        return validation_mrr(model, encoded, most=1000)
