"""Console output of an evolution while training: what each cycle changed."""

from collections.abc import Iterator

from metaopt.evolving import Lineage
from metaopt.evolving.lineage import LOSS
from metaopt.trials.trial import Trial


def describe_evolution_history(lineage: Lineage) -> Iterator[str]:
    """Yield a line for the run-up, each cycle and the final training: the change that won, and the validation loss."""
    if lineage.runup is not None:
        yield f"run-up: validation loss {_loss(lineage.runup)}"
    for cycle in lineage.cycles:
        if cycle.winner is None:
            if cycle.members and all(trial.status == "fail" for trial in cycle.members):
                yield f"cycle {cycle.number}: undone, as all members failed"
            continue
        change = cycle.child.change if cycle.is_crossover_kept and cycle.child is not None else cycle.winner.change
        yield f"cycle {cycle.number}: {change} · validation loss {_loss(cycle.result)}"
    if lineage.final is not None:
        yield f"final training: validation loss {_loss(lineage.final)}"


def _loss(trial: Trial) -> str:
    return f"{trial.metrics[-1][LOSS]:.4g}" if trial.metrics else "not known"
