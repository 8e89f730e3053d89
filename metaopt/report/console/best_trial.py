"""The best trial in words and numbers, as ``python -m metaopt best`` prints it."""

import math
from collections.abc import Sequence
from typing import Any

from scipy.stats import t as student

from metaopt.report.analysis.scores import describe_metric, eligible, objective_of
from metaopt.report.analysis.statistics import (
    PROPORTIONS,
    score_standard_error,
    wilson_interval,
    within_one_standard_error,
)
from metaopt.trials.record import Record, best_record

_KEPT = ("trial", "epochs", "best_epoch", "params", "macs", "seconds", "constraints", "blueprint", "space")


def describe_best(records: Sequence[Record], n_validation: int | None = None) -> dict[str, Any]:
    """The best hyperspace, what its score is worth, and how many trials are as good by it.

    Args:
        records: of the study; one that keeps the limits is among them.
        n_validation: images in the validation set, all folds' together; None if that is not known.

    Returns:
        For JSON: ``objective``, ``score`` (on validation images), ``standard_error``, ``interval`` (95 %),
        ``within_one_standard_error`` (how many other trials), ``of_trials`` (how many succeeded within the limits),
        ``validation_images``, ``note``, and of the record its trial, epochs, counts and ``space``, the best point. None
        stands where a number cannot be told.

    Raises:
        ValueError: no record may be the best; see ``Study.require_best`` for what to say then.
    """
    best = best_record(records)
    if best is None:
        raise ValueError("none of the records may be the best")
    objective = objective_of([best])
    score = objective.value(best["loss"])
    error = score_standard_error(best, n_validation)
    near = within_one_standard_error(records, best, error)
    candidates = sum(map(eligible, records))
    return {
        "objective": objective.name,
        "score": score,
        "standard_error": error,
        "interval": _interval(best, score, error, n_validation),
        "within_one_standard_error": None if near is None else len(near),
        "of_trials": candidates,
        "validation_images": n_validation,
        "note": _note(best, candidates, n_validation),
        **{key: best[key] for key in _KEPT if key in best},
    }


def summarise_best(description: dict[str, Any]) -> str:
    """What ``describe_best`` found, in a few sentences for a person."""
    metric = describe_metric(description["objective"])
    error = description["standard_error"]
    spread = "" if error is None else f" ± {error:.4f}"
    text = f"Trial {description['trial']} has the best {metric}: {description['score']:.4f}{spread}"
    if description["interval"] is not None:
        low, high = description["interval"]
        text += f" (one standard error; 95 % interval {low:.4f} to {high:.4f})"
    text += f". {description['note']}"
    near, others = description["within_one_standard_error"], description["of_trials"] - 1
    if near is not None and others > 0:
        text += f" {near or 'None'} of the {others} other trials {'is' if near <= 1 else 'are'}"
        text += " within one standard error of it"
        text += ", so which of them is really the best is open." if near else "."
    return text


def _interval(best: Record, score: float, error: float | None, n: int | None) -> list[float] | None:
    if error is None:
        return None
    folds = len(best.get("replicates") or [])
    is_share = best["objective"] in PROPORTIONS
    if is_share and n and not folds:
        return list(wilson_interval(min(max(score, 0.0), 1.0), n))
    # So few folds tell their own spread badly, hence Student's t and not 1.96.
    half = float(student.ppf(0.975, folds - 1)) * error
    low, high = (0.0, 1.0) if is_share else (-math.inf, math.inf)
    return [max(low, score - half), min(high, score + half)]


def _note(best: Record, candidates: int, n_validation: int | None) -> str:
    images = "the validation images" if n_validation is None else f"the {n_validation:,} validation images"
    if folds := len(best.get("replicates") or []):
        images += f" of {folds} folds"
    if best.get("imported") or math.isnan(best["loss"]) or candidates == 1:
        return f"It was measured on {images} at its best epoch, so it is optimistic."
    note = (
        f"It is the best of {candidates} trials, each at its best epoch, on {images} that chose it, so it is"
        " optimistic; `python -m metaopt retrain` measures the model once on test images."
    )
    if inherited := best.get("inherited"):
        note += f" It started from weights of trial {inherited['trial']}; `retrain` starts from scratch."
    return note
