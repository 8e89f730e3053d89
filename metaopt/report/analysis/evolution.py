"""History of an evolution while training, as pure data: for ``metadata.json``, the figure and the animation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metaopt.evolving import FITNESS, EvolutionPlan, Lineage, trace
from metaopt.evolving.archive_names import name_archives
from metaopt.evolving.lineage import LOSS, Cycle, own_losses
from metaopt.storage.study import Study
from metaopt.trials.trial import Trial

EVOLUTION = "evolution"  # key of the header of such a study


@dataclass(frozen=True)
class Segment:
    """Epochs of one trial on the axis of the network's epochs.

    Attributes:
        trial: number of the trial.
        cycle: its cycle; 0 for the run-up, None for the final training.
        role: ``run-up``, ``member``, ``fixing``, ``crossover`` or ``final``.
        change: its change in words.
        epochs: the last epoch of the network that it copies, if any, and its own ones.
        losses: validation loss after each of them.
        is_kept: whether the network went on from it.
    """

    trial: int
    cycle: int | None
    role: str
    change: str
    epochs: tuple[int, ...]
    losses: tuple[float, ...]
    is_kept: bool


@dataclass(frozen=True)
class EvolutionHistory:
    """All segments in the order of their trials, and what each cycle changed.

    Attributes:
        segments: the segments.
        borders: epoch of the network at the start of each cycle, and of the final training.
        wins: (first epoch, change in words) of each cycle that was not undone.
        undone: numbers of the cycles whose members all failed.
    """

    segments: tuple[Segment, ...]
    borders: tuple[int, ...]
    wins: tuple[tuple[int, str], ...]
    undone: tuple[int, ...]


def read_lineage(study: Study) -> tuple[Lineage, EvolutionPlan] | None:
    """Return the lineage of a study and its plan; None for a study that is no evolution while training."""
    stored = study.header.get(EVOLUTION)
    if not isinstance(stored, Mapping):
        return None
    plan = EvolutionPlan.read(stored["plan"])
    return trace(study.state.trials, plan, FITNESS.get(str(stored.get("fitness")))), plan


def make_history(lineage: Lineage) -> EvolutionHistory:
    """Return the history of a lineage."""
    segments = [] if lineage.runup is None else [_segment(lineage.runup, 0, "run-up", is_kept=True)]
    borders, wins, undone = [], [], []
    for cycle in lineage.cycles:
        borders.append(cycle.origin.epochs)
        if cycle.members and all(trial.status == "fail" for trial in cycle.members):
            undone.append(cycle.number)
        elif cycle.winner is not None:
            wins.append((cycle.origin.epochs, _gain(cycle)))
        kept = {cycle.result.number, None if cycle.winner is None else cycle.winner.number}
        for trial in cycle.members:
            segments.append(_segment(trial, cycle.number, "member", is_kept=trial.number in kept))
        for role, other in (("fixing", cycle.fixing), ("crossover", cycle.child)):
            if other is not None:
                segments.append(_segment(other, cycle.number, role, is_kept=other.number == cycle.result.number))
    if lineage.final is not None:
        borders.append(lineage.final.copied_epochs)
        segments.append(_segment(lineage.final, None, "final", is_kept=True))
    return EvolutionHistory(tuple(segments), tuple(borders), tuple(wins), tuple(undone))


def describe_evolution(study: Study, lineage: Lineage, plan: EvolutionPlan, *, is_over: bool) -> dict[str, Any]:
    """Return the content of ``metadata.json``: per cycle and member the change, losses, fitness and seconds."""
    archives = {number: name for name, number in name_archives(lineage, plan, is_over=False).items()}

    def describe(trial: Trial | None, **more: Any) -> dict[str, Any] | None:
        if trial is None:
            return None
        own = trial.metrics[trial.copied_epochs :]
        return {
            "trial": trial.number,
            "parent": trial.vals.parent,
            "change": trial.change,
            **more,
            "status": trial.status,
            "error": trial.failure.get("error"),
            "epochs": list(range(trial.copied_epochs + 1, trial.epochs + 1)),
            "loss": [metrics.get("loss") for metrics in own],
            LOSS: [metrics.get(LOSS) for metrics in own],
            "seconds": round(trial.wall_seconds, 3),
            "configuration": trial.point,
            "archive": archives.get(trial.number),
        }

    result = lineage.result
    return {
        "schema": 1,
        "seed": study.header.get("seed"),
        **study.header.get(EVOLUTION, {}),
        "runup": describe(lineage.runup),
        "cycles": [
            {
                "cycle": cycle.number,
                "members": [
                    describe(trial, member=member, fitness=cycle.fitness[member])
                    for member, trial in enumerate(cycle.members)
                ],
                "winner": None if cycle.winner is None else cycle.winner.number,
                "fixing": describe(cycle.fixing),
                "crossover": describe(cycle.child, kept=cycle.is_crossover_kept),
                "undone": cycle.is_over(plan) and cycle.winner is None,
                "result": cycle.result.number if cycle.is_over(plan) else None,
            }
            for cycle in lineage.cycles
        ],
        "final": describe(lineage.final),
        "result": None if result is None else result.number,
        "configuration": None if result is None else result.point,
        "complete": is_over,
    }


def _gain(cycle: Cycle) -> str:
    """Return what the network after a cycle has that the one before had not, in words."""
    assert cycle.winner is not None
    if cycle.is_crossover_kept and cycle.child is not None:
        return cycle.child.change
    return cycle.winner.change


def _segment(trial: Trial, cycle: int | None, role: str, *, is_kept: bool) -> Segment:
    copied = trial.copied_epochs
    before = [trial.metrics[copied - 1][LOSS]] if copied else []
    first = copied if copied else 1
    losses = (*before, *own_losses(trial))
    return Segment(trial.number, cycle, role, trial.change, tuple(range(first, first + len(losses))), losses, is_kept)
