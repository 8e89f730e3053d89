"""``metaopt.evolve_training``: the given configuration, evolved while it trains."""

from pathlib import Path
from typing import Any

import metaopt
from benchmarks.evolve.run_context import Run
from metaopt.training.evolving.loop import EvolvingLoop

_POPULATION, _CYCLE, _FIXING = 4, 1, 1
_PER_CYCLE = _POPULATION * _CYCLE + 2 * _FIXING  # with the crossover
_RUNUP_SHARE, _FINAL_SHARE = 0.1, 0.25  # of the epochs


def evolve(run: Run) -> None:
    """Evolve; a tenth of the epochs come before the first cycle, and at least a quarter after the last one."""
    _record_epochs(run)
    runup = max(1, round(_RUNUP_SHARE * run.epochs))
    cycles = int((run.epochs * (1 - _FINAL_SHARE) - runup) / _PER_CYCLE)
    run.recorder.begin()
    model = run.task.build(run.task.start)
    parts = [
        (part.x, part.y) if part.weights is None else (part.x, part.y, part.weights)
        for part in (run.data.train, run.data.validation)
    ]
    metaopt.evolve_training(
        model,
        tuple(parts),
        cycles=max(1, cycles),
        population=_POPULATION,
        runup_epochs=runup,
        cycle_epochs=_CYCLE,
        fixing_epochs=_FIXING,
        final_epochs=10 * run.epochs,  # until the budget is spent
        batch_size=run.task.start["batch_size"],
        seed=run.order.seed,
        results=Path(run.order.folder, "evolved"),
        keep_models=False,
        progress=False,
    )


def _record_epochs(run: Run) -> None:
    """Have every epoch of every member recorded, after its validation."""
    measure = EvolvingLoop._measure

    def recorded(loop: Any, logs: dict[str, Any], validation: Any) -> dict[str, float]:
        metrics = measure(loop, logs, validation)
        run.recorder.epoch(loop.model, metrics.get("val_loss", float("nan")))
        return metrics

    EvolvingLoop._measure = recorded  # type: ignore[method-assign]
