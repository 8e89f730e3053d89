"""Summary of a study: the best point with its uncertainty, what was spent, and what guard and rungs saved."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from metaopt.guard.guard import DUPLICATE, INVALID
from metaopt.quantities import plural
from metaopt.report.analysis.decisions import find_savings
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.console.best_trial import describe_best, summarise_best
from metaopt.report.formatting import format_count, format_duration, metric_label
from metaopt.report.page.figures.marks import kind_of
from metaopt.storage.study import Study


@dataclass(frozen=True)
class Tile:
    """One figure of the summary.

    Attributes:
        label: what it is.
        value: the figure.
        detail: more about it.
        trial: number of the trial that it is of, or None.
    """

    label: str
    value: str
    detail: str = ""
    trial: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the tile as the page reads it."""
        return asdict(self)


def summarise(study: Study, data: StudyData) -> tuple[list[Tile], list[str]]:
    """Return the tiles, and sentences below them."""
    tiles, sentences = _best(study, data)
    tiles += [_trials(study, data), _spent(study, data)]
    if (rungs := _saved_by_rungs(data)) is not None:
        tiles.append(rungs)
    if study.state.rejected:
        tiles.append(_saved_by_guard(study, data))
    return tiles, sentences


def _best(study: Study, data: StudyData) -> tuple[list[Tile], list[str]]:
    imported = study.best_imported
    best = data.best if imported is None else imported
    if best is None:
        return [Tile(f"Best {metric_label(data.objective.name)}", "none yet")], []
    description = describe_best(data, study.folder, imported)
    error, interval = description["standard_error"], description["interval"]
    score = f"{description['score']:.4g}" + (f" ± {error:.2g}" if error is not None else "")
    detail = f"trial {best.trial}"
    if best.best_epoch:
        detail += f", epoch {best.best_epoch} of {best.epochs}"
    if interval is not None:
        detail += f"; 95 % interval {interval[0]:.4g} to {interval[1]:.4g}"
    title = "Chosen" if "smaller_than" in description else "Best"
    tiles = [Tile(f"{title} {metric_label(data.objective.name)}", score, detail, best.trial)]
    if best.params is not None:
        macs = "" if best.macs is None else f"{format_count(best.macs)} MACs of one input"
        tiles.append(Tile("Parameters of the best", f"{best.params:,}", macs, best.trial))
    if best.seconds:
        epoch = f"{best.seconds / best.epochs:.3g} s for each epoch" if best.epochs else ""
        tiles.append(Tile("Training of the best", format_duration(best.seconds), epoch, best.trial))
    first = summarise_best({key: description[key] for key in description if key not in ("front", "knee")})
    return tiles, [first]


def _trials(study: Study, data: StudyData) -> Tile:
    counts = Counter(kind_of(record) for record in data.records)
    running = sum(trial.status == "running" and not trial.results for trial in study.state.trials)
    if running:
        counts["running or interrupted"] = running
    own = sum(trial.is_own for trial in study.state.trials)
    goal = study.settings["base"] + study.settings["trials"] if study.settings else own
    value = str(own) if own >= goal else f"{own} of {goal}"
    return Tile("Trials", value, ", ".join(f"{count} {kind}" for kind, count in counts.items()))


def _spent(study: Study, data: StudyData) -> Tile:
    state = study.state
    parts = [plural(state.total_epochs, "epoch")] if state.total_epochs else []
    seconds = sum(record.seconds for record in data.records if not record.imported)
    if seconds:
        parts.append(f"{format_duration(seconds)} of training jobs")
    return Tile("Search time", format_duration(state.clock), ", ".join(parts))


def _saved_by_rungs(data: StudyData) -> Tile | None:
    """Return what pauses and early ends saved; None where every trial was fully trained."""
    own = data.without_imported()
    if not data.settings or not own.with_loss or all(record.complete for record in own.with_loss):
        return None
    savings = find_savings(own)
    if savings.full <= 0:
        return None
    unit = data.budget_unit
    share = 1 - savings.trained / savings.full
    detail = (
        f"trained {savings.trained:,} of the {savings.full:,} {unit} of {plural(savings.n_trials, 'full training')}"
    )
    return Tile("Saved by rungs", f"{share:.0%}", detail)


def _saved_by_guard(study: Study, data: StudyData) -> Tile:
    """Return how many proposals were rejected, and about how long their training would have taken."""
    rejected = study.state.rejected
    detail = ", ".join(f"{count:,} {reason}" for reason, count in rejected.most_common(4))
    trained = [record.seconds for record in data.records if record.has_loss and not record.imported]
    n_trainable = sum(count for reason, count in rejected.items() if reason != INVALID)
    if trained and n_trainable:
        saved = format_duration(n_trainable * sum(trained) / len(trained))
        kinds = " and ".join(
            kind
            for kind, is_there in {
                "oversized networks": set(rejected) - {INVALID, DUPLICATE},
                "duplicates": rejected[DUPLICATE],
            }.items()
            if is_there
        )
        detail += f". At the mean of the trials, the training of {n_trainable:,} {kinds} would have taken {saved}"
    return Tile("Rejected by the guard", f"{rejected.total():,}", detail)
