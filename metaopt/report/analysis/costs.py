"""Cost of a search: where its seconds went, by activity, by the origin of the trials and by rung."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaopt.report.analysis.rungs import rung_levels
from metaopt.storage.study import Study
from metaopt.trials.record import Record
from metaopt.trials.trial import Trial


@dataclass(frozen=True)
class Cost:
    """Cost of one part of a search.

    Attributes:
        label: what the part is.
        seconds: wall seconds of its jobs, summed over the workers.
        epochs: epochs trained in it.
        trials: number of trials in it.
    """

    label: str
    seconds: float
    epochs: int = 0
    trials: int = 0


def costs_by_activity(study: Study, own: Sequence[Record]) -> list[Cost]:
    """Return how the seconds of the workers were spent: in epochs by the fate of their trial, in jobs around the
    epochs, and outside of jobs.

    The epochs of a trial count with their training and validation. Around them a job builds the network, traces it, and
    reads and writes checkpoints. Outside of jobs a worker waits for a proposal. Where trials report no epochs, all
    seconds of a job count as its training.

    Args:
        study: the study.
        own: its records without imported ones.
    """
    parts: dict[str, Cost] = {}
    in_jobs = in_epochs = 0.0
    for record in own:
        trial = study.state.trials[record.trial]
        in_own_epochs = sum(trial.seconds[trial.copied_epochs :])
        trained = in_own_epochs if trial.metrics else trial.wall_seconds
        label = _fate(record)
        known = parts.get(label, Cost(label, 0.0))
        epochs = known.epochs + trial.epochs - trial.copied_epochs
        parts[label] = Cost(label, known.seconds + trained, epochs, known.trials + 1)
        in_epochs += trained
        in_jobs += max(trained, trial.wall_seconds)
    workers = int(study.settings.get("workers", 1)) if study.settings else 1
    found = [parts[label] for label in _FATES if label in parts]
    found.append(Cost("building, tracing, checkpoints", max(0.0, in_jobs - in_epochs)))
    # The number of workers is that of the latest run; an earlier one may have had another.
    other = max(0.0, study.state.clock * workers - in_jobs)
    found.append(Cost("workers without a job, or in epochs that did not end", other))
    return [cost for cost in found if cost.seconds > 0]


def costs_by_origin(study: Study, own: Sequence[Record]) -> list[Cost]:
    """Return the cost of the trials that no model proposed, the start of a search, and of those that one did."""
    groups = {
        "start, without a model": [record for record in own if not record.model_based],
        "proposed by a model": [record for record in own if record.model_based],
    }
    return [
        Cost(label, sum(_seconds(study, one) for one in members), sum(one.epochs for one in members), len(members))
        for label, members in groups.items()
        if members
    ]


def costs_by_rung(study: Study, own: Sequence[Record]) -> list[Cost]:
    """Return the cost of the training between each two rungs; none where there are no epochs."""
    trials = [study.state.trials[record.trial] for record in own]
    if study.settings.get("budget_unit", "epochs") != "epochs" or not any(trial.metrics for trial in trials):
        return []
    longest = max((trial.epochs for trial in trials), default=0)
    ends = sorted({*rung_levels(own), longest} - {0})
    return [_between(trials, begin, end) for begin, end in zip([0, *ends], ends, strict=False)]


_FATES = (
    "epochs of trials that were fully trained",
    "epochs of trials that were paused or stopped early",
    "epochs of infeasible trials",
    "epochs of failed trials",
)


def _fate(record: Record) -> str:
    if not record.has_loss:
        return _FATES[3]
    if not record.is_feasible:
        return _FATES[2]
    return _FATES[0] if record.complete else _FATES[1]


def _seconds(study: Study, record: Record) -> float:
    return study.state.trials[record.trial].wall_seconds


def _between(trials: Sequence[Trial], begin: int, end: int) -> Cost:
    """Return the cost of the epochs after ``begin`` up to ``end``."""
    seconds, epochs, n_trials = 0.0, 0, 0
    for trial in trials:
        spent = trial.seconds[max(begin, trial.copied_epochs) : end]
        seconds, epochs, n_trials = seconds + sum(spent), epochs + len(spent), n_trials + bool(spent)
    first = f"epochs {begin + 1} to {end}" if end > begin + 1 else f"epoch {end}"
    return Cost(first, seconds, epochs, n_trials)
