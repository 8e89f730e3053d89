"""Trials of unequal length made comparable: each as it was after the same number of epochs."""

from collections.abc import Sequence

from metaopt.report.analysis.rungs import has_rungs
from metaopt.report.analysis.scores import limits_of, objective_of, succeeded
from metaopt.trials.constraints import Constraint, violation
from metaopt.trials.record import Record


def at_equal_epochs(records: Sequence[Record]) -> tuple[list[Record], int | None]:
    """Trials of a search over rungs as they were after equally many epochs.

    That many epochs at least half of the trials have trained; the others are left out, but for those that ended by
    themselves before. Of a search without rungs, the records as they are.

    Returns:
        The records, with what they would say had they been trained no longer, and the number of epochs; None for it
        where all is as it was.
    """
    lengths = sorted(record["epochs"] for record in records if is_traced(record))
    if not has_rungs(records) or not lengths:
        return list(records), None
    epochs = lengths[len(lengths) // 2]
    limits = limits_of(records)
    compared = []
    for record in records:
        if not succeeded(record) or (record.get("complete") and record["epochs"] < epochs):
            compared.append(record)
        elif is_traced(record) and record["epochs"] >= epochs:
            compared.append(after(record, epochs, limits))
    return compared, epochs


def is_traced(record: Record) -> bool:
    """Whether the trial reported its epochs."""
    return succeeded(record) and bool(record.get("history")) and bool(record.get("best_epoch"))


def after(record: Record, epochs: int, limits: Sequence[Constraint]) -> Record:
    """A trial as if it had been trained no longer than so many epochs; judged as ``Trial.outcome`` does.

    Args:
        record: of a traced trial.
        epochs: at most as many as it was trained.
        limits: those in force.
    """
    objective = objective_of([record])
    history = {name: values[:epochs] for name, values in record["history"].items()}
    counts = {name: record[name] for name in ("params", "macs") if record.get(name) is not None}
    metrics = [
        {name: values[epoch] for name, values in history.items() if name != "seconds" and values[epoch] is not None}
        for epoch in range(epochs)
    ]
    seconds = history.get("seconds") or [0.0] * epochs
    losses = objective.losses(metrics, seconds)
    measured = [limit for limit in limits if limit.name != "seconds"]
    keeping = [epoch for epoch, values in enumerate(metrics) if violation(measured, values) == 0]
    best = epochs - 1 if objective.last_epoch_only else min(keeping or range(epochs), key=losses.__getitem__)
    values = {**metrics[best], **counts, "seconds": sum(seconds)}
    return record | {
        "loss": losses[best],
        "best_epoch": best + 1,
        "epochs": epochs,
        "history": history,
        "scores": {"best": metrics[best], "end": metrics[-1]},
        "feasible": violation(limits, values) == 0,
    }
