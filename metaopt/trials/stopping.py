"""The hopeless stop: a trial that starts far worse than many others is not trained on."""

from collections.abc import Iterable

from metaopt.trials.objective import Metrics
from metaopt.trials.trial import Trial

EPOCH = 3  # judged once, after the first few epochs
RANK = 5  # the fifth best at that epoch is the measure ...
FACTOR = 2.0  # ... and twice its validation loss is hopeless


def is_hopeless(trial: Trial, epoch: int, metrics: Metrics, others: Iterable[Trial]) -> bool:
    """Whether a trial should end after this epoch.

    Args:
        trial: in training.
        epoch: the epoch that it has just ended, from 1.
        metrics: of that epoch.
        others: every trial of the study; those that got as far are compared at the same epoch.
    """
    if epoch != EPOCH or "val_loss" not in metrics:
        return False
    losses = sorted(
        other.metrics[EPOCH - 1]["val_loss"]
        for other in others
        if other.number != trial.number and len(other.metrics) >= EPOCH and "val_loss" in other.metrics[EPOCH - 1]
    )
    return len(losses) >= RANK and metrics["val_loss"] >= FACTOR * losses[RANK - 1]
