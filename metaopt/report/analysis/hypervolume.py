"""Hypervolume of a search with several objectives, each time that a trial paused or ended."""

from dataclasses import dataclass

import numpy as np

from metaopt.report.analysis.rungs import rung_results
from metaopt.report.analysis.study_data import StudyData
from metaopt.trials.hypervolume import compute_hypervolume
from metaopt.trials.objective import scale_losses
from metaopt.trials.record import Record

_MARGIN = 0.1  # of the reference point beyond the worst result, so that the ends of the front count


@dataclass(frozen=True)
class HypervolumePoint:
    """State of a search when a trial paused or ended.

    Attributes:
        trial: number of the trial.
        clock: seconds of search by then.
        n_trials: number of trials that had paused or ended.
        share: hypervolume of the feasible results by then, 0 to 1.
    """

    trial: int
    clock: float
    n_trials: int
    share: float


def hypervolume_trajectory(study: StudyData) -> list[HypervolumePoint]:
    """Return the hypervolume of the feasible results so far, in the order of time.

    It is the share of the box between the best and the worst of all feasible results in each objective, with counts by
    their logarithm; the reference point is a tenth beyond the worst. It compares the moments of one study, not studies:
    each has its own box.

    Args:
        study: a study with several objectives; imported trials are ignored.
    """
    stops = sorted(
        ((record, result) for record in study.records if _counts(record) for result in rung_results(record)),
        key=lambda stop: (stop[1].clock, stop[1].total_epochs, stop[0].trial),
    )
    stops = [(record, result) for record, result in stops if result.is_feasible and result.has_loss]
    if not stops:
        return []
    scaled = scale_losses(np.array([result.values for _, result in stops]), study.objectives)
    reference = np.full(scaled.shape[1], 1 + _MARGIN)
    whole = float(np.prod(reference))
    points, trials, share = list[HypervolumePoint](), set[int](), 0.0
    front = scaled[:0]
    for (record, result), values in zip(stops, scaled, strict=True):
        trials.add(record.trial)
        if not (front <= values).all(axis=1).any():  # most results are dominated
            front = np.vstack([front[~(values <= front).all(axis=1)], values])
            share = compute_hypervolume(front, reference) / whole
        points.append(HypervolumePoint(record.trial, result.clock, len(trials), share))
    return points


def _counts(record: Record) -> bool:
    return record.status == "ok" and not record.imported
