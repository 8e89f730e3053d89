"""Choice among the trials of a study: standard error of a score, and the smaller of networks that are as good."""

import math
from collections.abc import Sequence

from metaopt.errors import invalid_value
from metaopt.trials.constraints import is_number
from metaopt.trials.fold_scores import corrected_standard_error
from metaopt.trials.record import Record, best_record

# Metrics that are shares of n independent images.
PROPORTIONS = ("val_accuracy", "val_top3")

BEST, SMALL = "best", "small"
PREFERENCES = (BEST, SMALL)
"""Trial that a study chooses: that with the best score, or a smaller one that is as good within its standard error."""


def binomial_standard_error(proportion: float, n: int) -> float:
    """Return the standard error √(p(1 − p)/n) of a share p of n independent images, e.g. of an accuracy.

    Raises:
        ValueError: n is below 1, or the share is not within 0..1.
    """
    if n < 1 or not 0 <= proportion <= 1:
        raise ValueError(f"Expected a share within 0..1 of at least one image, got {proportion} of {n}.")
    return math.sqrt(proportion * (1 - proportion) / n)


def score_standard_error(record: Record, n_validation: int | None) -> float | None:
    """Return the standard error of a record's score, in the objective's unit; None where it is unknown.

    With cross-validation it is the standard deviation of the folds' scores by √k, which is approximate, as the folds
    share training images; with repeated folds that of ``metaopt.trials.fold_scores.corrected_standard_error``.
    A user's own training may return ``loss_variance``,
    as for hyperopt. Otherwise a share of the validation images has the binomial standard error.

    Args:
        record: record of a trial that succeeded.
        n_validation: number of validation images, or None if unknown.
    """
    replicates = record.replicates
    if len(replicates) >= 2 and all(isinstance(value, int | float) for value in replicates):
        whole = len(replicates) // record.repeats if record.discard is None else record.discard.folds_per_repeat
        return corrected_standard_error(replicates, max(2, whole), record.repeats)
    variance = record.returned.get("loss_variance")  # the key of hyperopt for what a user's function returns
    if variance is not None and is_number(variance) and variance >= 0:
        return math.sqrt(variance)
    if record.objective in PROPORTIONS and n_validation and record.loss is not None:
        return binomial_standard_error(min(max(-record.loss, 0.0), 1.0), n_validation)
    return None


def within_one_standard_error(
    records: Sequence[Record], best: Record, standard_error: float | None
) -> list[Record] | None:
    """Return the other eligible records whose loss is within one standard error of the best; None if it is unknown."""
    if standard_error is None or best.loss is None:
        return None
    bound = best.loss + standard_error
    return [
        record
        for record in records
        if record.is_eligible and record is not best and record.loss is not None and record.loss <= bound
    ]


def check_preference(prefer: str) -> None:
    """Check that a preference is known.

    Raises:
        UserError: It is not, and the message names those that are.
    """
    if prefer not in PREFERENCES:
        raise invalid_value("prefer", prefer, f"Expected {' or '.join(PREFERENCES)}.")


def choose_record(records: Sequence[Record], prefer: str, n_validation: int | None) -> Record | None:
    """Return the record that a study chooses, or None where none is feasible.

    ``small`` is the one-standard-error rule (Breiman et al. 1984, Classification and Regression Trees, section 3.4.3):
    of the trials within one standard error of the best, the network with the fewest parameters. Of equal sizes it is
    the better one, and where the error or a size is unknown, the best.

    Args:
        records: the records.
        prefer: one of ``PREFERENCES``.
        n_validation: number of validation images, or None if unknown.
    """
    best = best_record(records)
    if best is None or prefer == BEST or best.params is None:
        return best
    near = within_one_standard_error(records, best, score_standard_error(best, n_validation)) or []
    sizes = [(each.params, each.result.values, each.trial, each) for each in (best, *near) if each.params is not None]
    return min(sizes, key=lambda size: size[:3])[-1]


def explain_choice(records: Sequence[Record], prefer: str, n_validation: int | None) -> str:
    """Return a sentence on why a study that prefers small networks chose the best one unseen; empty where it compared.

    Args:
        records: the records.
        prefer: one of ``PREFERENCES``.
        n_validation: number of validation images, or None if unknown.
    """
    best = best_record(records)
    if best is None or prefer == BEST:
        return ""
    if best.params is None:
        unknown = f"the number of parameters of trial {best.trial}"
    elif score_standard_error(best, n_validation) is None:
        unknown = f"the standard error of {best.objective} without folds"
    else:
        return ""
    return f"The trial with the best score was chosen rather than a small network, as {unknown} is unknown."
