"""Evaluation of a retrained model as text: test scores, constraints, and a warning about repeated tests."""

from collections.abc import Iterable, Mapping, Sequence

from metaopt.quantities import size_text
from metaopt.report.analysis.evaluation import JudgedConstraint, Score
from metaopt.report.analysis.seeds import SeedSpread
from metaopt.report.analysis.test_log import TEST_LOG, LogEntry
from metaopt.trials.constraints import IN_BYTES

_TITLES = {
    "test_top3": "top-3 accuracy",
    "test_precision": "precision (macro)",
    "test_balanced_accuracy": "balanced accuracy",
    "test_f1": "F1 (macro)",
    "test_map": "mean average precision",
    "test_mse": "MSE",
    "test_mae": "MAE",
    "test_r2": "R²",
    "test_psnr": "PSNR (dB)",
    "test_ssim": "SSIM",
}
_LOSSES = {"test_accuracy": "cross-entropy", "test_map": "binary cross-entropy", "test_r2": "MSE, standardised"}


def title_scores(names: Iterable[str]) -> dict[str, str]:
    """Return metric → its title, for the test scores of one model."""
    titles = {name: _TITLES.get(name, name.removeprefix("test_").replace("_", " ")) for name in names}
    if "test_loss" in titles:
        titles["test_loss"] = next((title for name, title in _LOSSES.items() if name in titles), "MSE over pixels")
    return titles


def score_lines(scores: Mapping[str, Score]) -> list[str]:
    """Return one aligned line for each score."""
    titles = title_scores(scores)
    width = max(map(len, titles.values()))
    return [
        f"{titles[name]:<{width}}  {score.value:.4f}  (95 % interval {score.low:.4f} to {score.high:.4f})"
        for name, score in scores.items()
    ]


def seed_lines(spread: Mapping[str, SeedSpread]) -> list[str]:
    """Return one aligned line for the spread of each score over the seeds of a training."""
    titles = title_scores(spread)
    width = max(map(len, titles.values()))
    return [
        f"{titles[name]:<{width}}  {each.mean:.4f} ± {each.deviation:.4f}  (lowest {min(each.values):.4f}, highest"
        f" {max(each.values):.4f})"
        for name, each in spread.items()
    ]


def constraint_line(judged: JudgedConstraint) -> str:
    """Return one line about a constraint: met, violated, or unknown."""
    constraint, value = judged.constraint, judged.value
    if judged.is_abstaining:
        _, name = constraint.class_metric or ("", "")
        return f"{constraint.label} is met by abstaining only: the model never predicts class {name}"
    if value is None:
        return f"{constraint.label} cannot be measured on an exported model"
    text = size_text if constraint.name in IN_BYTES else _number_text
    counts = "" if judged.counts is None else f" ({judged.counts[0]:,} of {judged.counts[1]:,} images)"
    measured = judged.measured if constraint.confidence is None else f"the lower bound {judged.measured}"
    if not judged.is_violated:
        return f"{constraint.label} is met: {measured} is {text(value)}{counts}"
    side = "above" if constraint.upper else "below"
    distance = text(constraint.distance(value))
    return f"{constraint.label} is VIOLATED: {measured} is {text(value)}{counts}, {distance} {side} the bound"


def repeated_test_warning(log: Sequence[LogEntry]) -> str:
    """Return a warning to show with the scores of a further test; empty if there was none before.

    Args:
        log: entries of the test log before this test.
    """
    if not log:
        return ""
    last = log[-1]
    name, score = (
        next(iter(last["scores"].items()))
        if "test_accuracy" not in last["scores"]
        else (
            "test_accuracy",
            last["scores"]["test_accuracy"],
        )
    )
    name, accuracy = name.removeprefix("test_").replace("_", " "), score["value"]
    times = "once" if len(log) == 1 else f"{len(log)} times"
    return (
        f"This study was evaluated on its test images {times} before (last on {last['at'][:10]}, {name}"
        f" {accuracy:.4f}). A model, seed or number of epochs that is chosen by test scores has an optimistic test"
        f" score: report the first score, or all of them; {TEST_LOG} has them."
    )


def _number_text(value: float) -> str:
    """Return a count in full, and a score with four digits."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
