"""Histories truncated to a budget, so that trials of unequal length can be compared."""

from dataclasses import replace

from metaopt.report.analysis.rungs import has_rungs
from metaopt.report.analysis.study_data import StudyData
from metaopt.trials.record import Record
from metaopt.trials.result import Judge, Result


def truncate_study(study: StudyData) -> tuple[StudyData, int | None]:
    """Truncate the histories of a search over rungs to the same number of epochs.

    At least half of the trials have trained that many epochs. Shorter ones are left out, except those that failed or
    were fully trained with fewer epochs, e.g. by early stopping. A study without rungs is returned unchanged.

    Returns:
        The study with the truncated records, and the number of epochs; None for it where nothing was truncated.
    """
    lengths = sorted(record.epochs for record in study.records if reports_epochs(record))
    if not has_rungs(study.records) or not lengths:
        return study, None
    epochs = lengths[len(lengths) // 2]
    compared = []
    for record in study.records:
        if not record.has_loss or (record.complete and record.epochs < epochs):
            compared.append(record)
        elif reports_epochs(record) and record.epochs >= epochs:
            compared.append(truncate_record(record, epochs, study.judge))
    return study.of_records(compared), epochs


def reports_epochs(record: Record) -> bool:
    """Return whether a trial succeeded and reported its epochs."""
    return record.has_loss and bool(record.history) and record.best_epoch is not None


def truncate_record(record: Record, epochs: int, judge: Judge) -> Record:
    """Return the record that a trial would have if it had been trained for fewer epochs.

    Args:
        record: record of a trial that reports its epochs.
        epochs: number of epochs, at most as many as the trial was trained.
        judge: judge of the study.
    """
    counts = {"params": record.params, "macs": record.macs}
    metrics = [record.metrics(epoch) for epoch in range(1, epochs + 1)]
    result = judge.judge(
        Result(resource=epochs, epochs=epochs),
        metrics,
        record.history["seconds"][:epochs],
        {name: count for name, count in counts.items() if count is not None},
    )
    return replace(
        record,
        result=result,
        results=tuple(earlier for earlier in record.results if earlier.epochs <= epochs),
        epochs=epochs,
        history={name: values[:epochs] for name, values in record.history.items()},
    )
