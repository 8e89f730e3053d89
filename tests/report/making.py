"""Records made by the writer from trials of a small problem with conditional hyperparameters, without a search."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from metaopt.report.analysis import StudyData
from metaopt.spaces import Vals
from metaopt.trials.constraints import parse_constraints
from metaopt.trials.objective import find_objective
from metaopt.trials.record import Record
from metaopt.trials.record import make_record as write_record
from metaopt.trials.result import Judge, Result
from metaopt.trials.trial import Trial

EPOCHS = 12


def make_record(
    number: int,
    *,
    score: float | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
    objective: str = "val_accuracy",
    constraints: Sequence[str] = (),
    results: Sequence[Result] | None = None,
    status: str = "ok",
    imported: bool = False,
    parent: int | None = None,
    counts: Mapping[str, int] | None = None,
    clock: float | None = None,
    **changes: Any,
) -> Record:
    """The record of a trial.

    Args:
        number: of the trial; its hyperparameters are drawn by it.
        score: accuracy of its last epoch, which is its best; drawn by default.
        history: metric → value per epoch, in the place of the history that follows from the score.
        objective: name of the objective.
        constraints: in force.
        results: where the trial paused or ended, to be judged; at its last epoch by default.
        status: ``ok``, ``paused`` or ``fail``.
        imported: whether it was trained elsewhere.
        parent: of an evolution.
        counts: ``params`` and ``macs``.
        clock: seconds of search at its end.
        **changes: other attributes of ``Trial``.
    """
    point, vals, drawn_score = draw(number)
    history = _history(drawn_score if score is None else score) if history is None else history
    epochs = len(next(iter(history.values()), ()))
    clock = 12.0 * (number + 1) if clock is None else clock
    end = Result(
        resource=epochs,
        epochs=epochs,
        seconds=10.0,
        clock=clock,
        total_epochs=epochs * (number + 1),
        returned=changes.get("returned", {}),
    )
    trial = Trial(
        number,
        Vals(vals, model_based=number >= 5, parent=parent),
        point,
        target_resource=epochs,
        status=status,  # type: ignore[arg-type]
        complete=status != "paused",
        metrics=[dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)],
        seconds=[1.0] * epochs,
        wall_seconds=10.0 + number % 3,
        ended=clock,
        proposal={"params": 100_000 + number, "macs": 2_000_000} if counts is None else dict(counts),
        imported=imported,
    )
    for name, value in changes.items():
        setattr(trial, name, value)
    judge = Judge((find_objective(objective),), parse_constraints(constraints))
    if not imported:
        trial.results = [trial.judged(judge, result) for result in ([end] if results is None else results)]
    return write_record(trial, 0, judge)


def make_failure(number: int, **changes: Any) -> Record:
    """The record of a trial that diverged in its third epoch."""
    failure = {"cause": "diverged", "error": "The loss is NaN.", "traceback": ""}
    known = {"history": {"val_accuracy": [0.1, 0.2], "val_loss": [2.0, 1.9]}, "results": (), "failure": failure}
    return make_record(number, status="fail", **{**known, **changes})


def make_paused(number: int, epochs: int, **changes: Any) -> Record:
    """The record of a trial that is paused at a rung."""
    history = changes.pop("history", _history(draw(number)[2]))
    return make_record(
        number, status="paused", history={name: values[:epochs] for name, values in history.items()}, **changes
    )


def rung(epochs: int, clock: float = 1.0, total_epochs: int = 1, *, resource: int | None = None) -> Result:
    """A result at a rung, to be judged."""
    return Result(epochs if resource is None else resource, epochs, clock=clock, total_epochs=total_epochs)


def study_of(
    records: Iterable[Record],
    *,
    objective: str = "val_accuracy",
    constraints: Sequence[str] = (),
    budget_unit: str = "epochs",
    n_validation: int | None = None,
) -> StudyData:
    """The data of a study with these records."""
    unit: Any = budget_unit
    return StudyData(tuple(records), find_objective(objective), parse_constraints(constraints), unit, n_validation)


def draw(number: int) -> tuple[dict[str, Any], dict[str, float], float]:
    """Point, vals and accuracy of a trial."""
    rng = np.random.default_rng(number)
    rate = float(np.exp(rng.uniform(math.log(1e-4), math.log(1e-1))))
    kinds = ["max", "avg", "conv"]
    kind, has_extra = kinds[rng.integers(3)], rng.random() < 0.5
    point = {
        "rate": rate,
        "pool": kind,
        "use_BN": bool(rng.integers(2)),
        "extra": float(rng.uniform(0.5, 2)) if has_extra else None,
        "block": {"kind": "residual", "units": int(rng.integers(1, 5))} if rng.random() < 0.6 else {"kind": "plain"},
        "seed_size": 3,
    }
    score = 0.9 - 0.1 * abs(math.log10(rate) + 2.5) - 0.05 * (kind == "max") + 0.01 * rng.normal()
    return point, {"learning_rate": rate, "pool": kinds.index(kind)}, score * (1 - 0.6 * math.exp(-EPOCHS / 3))


def _history(score: float) -> dict[str, list[float]]:
    last = 1 - 0.6 * math.exp(-EPOCHS / 3)
    accuracy = [score * (1 - 0.6 * math.exp(-(epoch + 1) / 3)) / last for epoch in range(EPOCHS)]
    accuracy[-1] = score
    return {
        "val_accuracy": accuracy,
        "val_precision": [value**1.5 for value in accuracy],
        "loss": [1.5 * math.exp(-epoch / 4) + 0.1 for epoch in range(EPOCHS)],
        "train": [1.4 * math.exp(-epoch / 4) for epoch in range(EPOCHS)],
        "val_loss": [1.4 * math.exp(-epoch / 5) + 0.02 * epoch for epoch in range(EPOCHS)],
    }
