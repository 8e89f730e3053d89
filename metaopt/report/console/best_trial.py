"""Best trial of a study as JSON and as text, for ``metaopt best`` and the end of a search."""

import math
from pathlib import Path
from typing import Any

from scipy.stats import t as student

from metaopt.report.analysis.statistics import wilson_interval
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.console.front import describe_front, summarise_front
from metaopt.report.formatting import format_count, metric_label
from metaopt.terminal.commands import DEFAULT_RESULTS, command
from metaopt.trials.choice import PROPORTIONS, score_standard_error, within_one_standard_error
from metaopt.trials.record import Record, best_record

# Keys of the record that are part of the description.
_RECORD_KEYS = ("trial", "epochs", "best_epoch", "params", "macs", "seconds", "constraints", "blueprint", "space")


def describe_best(
    study: StudyData, folder: Path = Path(DEFAULT_RESULTS), imported: Record | None = None
) -> dict[str, Any]:
    """Describe the best point, the uncertainty of its score, and how many trials are as good within it.

    Args:
        study: a study with a feasible trial.
        folder: folder of the study, for the commands in the note.
        imported: the trial to describe in a study that has only imported ones.

    Returns:
        A dict for JSON: ``objective``, ``score`` (on validation images), ``standard_error``, ``interval`` (95 %),
        ``within_one_standard_error`` (number of other trials), ``of_trials`` (number of feasible trials),
        ``validation_images``, ``note``, for a smaller network than the best ``smaller_than`` (``trial`` and ``score``
        of the best), under several objectives ``front`` and ``knee``, see ``describe_front``, and of
        the record its trial, epochs, counts and ``space``, the best point.
        Unknown values are None.

    Raises:
        ValueError: No trial is eligible; ``Study.require_best`` raises an error for users.
    """
    best = _require_best(study) if imported is None else imported
    score = study.objective.value(best.result.values[0])
    error = None if best.imported else score_standard_error(best, study.n_validation)
    near = within_one_standard_error(study.records, best, error)
    record = best.to_json()
    return {
        "objective": study.objective.name,
        "score": score,
        "standard_error": error,
        "interval": _interval(best, score, error, study.n_validation),
        "within_one_standard_error": None if near is None else len(near),
        "of_trials": _n_eligible(study),
        "validation_images": study.n_validation,
        "note": _note(study, best, folder),
        **_describe_preference(study, best),
        **({"imported": True, "source": best.source} if best.imported else {}),
        **describe_front(study),
        **{key: record[key] for key in _RECORD_KEYS},
    }


def summarise_best(description: dict[str, Any]) -> str:
    """Return the description of ``describe_best`` as a few sentences."""
    metric = metric_label(description["objective"])
    error = description["standard_error"]
    uncertainty = "" if error is None else f" ± {error:.4f}"
    kind = "Imported trial" if description.get("imported") else "Trial"
    smaller_than = description.get("smaller_than")
    if smaller_than is None:
        text = f"{kind} {description['trial']} has the best {metric}: {description['score']:.4f}{uncertainty}"
    else:
        text = (
            f"Trial {description['trial']} has the fewest parameters, {format_count(description['params'])}, within one"
            f" standard error of the best {metric} (trial {smaller_than['trial']}: {smaller_than['score']:.4f}):"
            f" {description['score']:.4f}{uncertainty}"
        )
    if description["interval"] is not None:
        low, high = description["interval"]
        text += f" (one standard error; 95 % interval {low:.4f} to {high:.4f})"
    text += f". {description['note']}"
    n_near, n_others = description["within_one_standard_error"], description["of_trials"] - 1
    if n_near is not None and n_others > 0:
        text += f" {n_near or 'None'} of the {n_others} other trials {'is' if n_near <= 1 else 'are'}"
        text += " within one standard error of it"
        text += ", so it is uncertain which of them is the best." if n_near else "."
    return text + summarise_front(description)


def summarise_search(study: StudyData, folder: Path) -> str:
    """Return the summary that a search prints at its end: the best trial, and the next commands.

    Args:
        study: a study with a feasible trial.
        folder: folder of the study.

    Raises:
        ValueError: No trial is eligible; ``Study.require_best`` raises an error for users.
    """
    best = _require_best(study)
    metric, score = metric_label(study.objective.name), study.objective.value(best.result.values[0])
    epoch = f" at epoch {best.best_epoch} of {best.epochs}" if best.best_epoch else ""
    error = score_standard_error(best, study.n_validation) if best.replicates else None
    value = f"{score:.4f}" if error is None else f"{score:.4f} ± {error:.4f}, the mean of {len(best.replicates)} folds"
    smaller = "" if not _describe_preference(study, best) else ", the smallest within one standard error of the best"
    return (
        f"{'' if smaller else 'best '}{metric} {value}, by trial {best.trial}{epoch}{smaller}."
        f"{summarise_front(describe_front(study))}{f' {study.choice_note}' if study.choice_note else ''}\n"
        f"{_bias(_n_eligible(study), is_of_function=study.is_of_function)}{_next_steps(study, folder)}\n"
        f"See also `{command('best', results=folder)}` and `{command('report', results=folder)}`."
    )


def _require_best(study: StudyData) -> Record:
    if study.best is None:
        raise ValueError("Expected a study with an eligible trial; no record is feasible and trained in this study.")
    return study.best


def _n_eligible(study: StudyData) -> int:
    return sum(record.is_eligible for record in study.records)


def _next_steps(study: StudyData, folder: Path) -> str:
    """Return the end of a sentence on the bias of the best score; a Python function cannot be retrained."""
    if study.is_of_function:
        return "."
    return f"; run `{command('retrain', results=folder)}` for an unbiased test score."


def _bias(n_scores: int, images: str = "", is_of_function: bool = False) -> str:
    """Return the beginning of a sentence on the bias of the best score."""
    if is_of_function:
        best = f"the best of {n_scores} trials" if n_scores > 1 else "one trial"
        return f"This is {best}, and optimistic if the function is random or scores validation data"
    if n_scores > 1:
        return f"This is the best of {n_scores} validation scores{images} and therefore optimistic"
    return f"This is the validation score{images} at the best epoch and therefore optimistic"


def _interval(best: Record, score: float, error: float | None, n: int | None) -> list[float] | None:
    if error is None:
        return None
    folds = len(best.replicates)
    is_share = best.objective in PROPORTIONS
    if is_share and n and not folds:
        return list(wilson_interval(min(max(score, 0.0), 1.0), n))
    # Student's t instead of 1.96, as the spread of a few folds is known badly.
    half = float(student.ppf(0.975, folds - 1)) * error
    low, high = (0.0, 1.0) if is_share else (-math.inf, math.inf)
    return [max(low, score - half), min(high, score + half)]


def _describe_preference(study: StudyData, best: Record) -> dict[str, Any]:
    """Return ``smaller_than``, the trial with the best score, where a smaller network was chosen."""
    top = best_record(study.records)
    if best.imported or top is None or top.trial == best.trial:
        return {}
    return {"smaller_than": {"trial": top.trial, "score": study.objective.value(top.result.values[0])}}


def _note(study: StudyData, best: Record, folder: Path) -> str:
    if best.imported:
        return (
            f"It was imported from {best.source}, as were all trials of this study: its score was measured elsewhere,"
            " on other validation images or under other conditions. Run a search to train trials of this study."
        )
    images = "" if study.n_validation is None else f" on {study.n_validation:,} images"
    if folds := len(best.replicates):
        images += f" of {folds} folds"
    note = f"{_bias(_n_eligible(study), images, study.is_of_function)}{_next_steps(study, folder)}"
    note += f" {study.choice_note}" if study.choice_note else ""
    if best.inherited:
        note += f" The trial started from weights of trial {best.inherited['trial']}; `retrain` starts from scratch."
    return note
