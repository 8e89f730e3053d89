"""Model against model: a test for each pair of retrained models, on the same test images.

McNemar's test compares classifiers; a paired bootstrap of a score of each image compares models of other outputs.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from metaopt.report.analysis.comparison.significance import mcnemar, paired_bootstrap
from metaopt.report.analysis.comparison.studies import ComparedStudy
from metaopt.report.analysis.multiple_testing import holm
from metaopt.report.analysis.predictions import ImageScores, Predictions
from metaopt.terminal.commands import command

ABOUT_MODELS = (
    "McNemar's test compares two trained models on the same test images. It does not compare the strategies that found"
    " them: another seed of the same search finds another model."
)


def compare_models(studies: Sequence[ComparedStudy]) -> tuple[dict[str, Any], list[str]]:
    """Test each pair of retrained models.

    Returns:
        ``about``, ``measure``, ``tests`` (McNemar's) and ``bootstraps``; and a note for each study or pair that is not
        tested.
    """
    # A prediction counts as correct within the top 3 only where all studies optimised that.
    is_top3 = all(study.objective.name == "val_top3" for study in studies)
    notes = [note for study in studies if (note := _note_on_missing_predictions(study)) is not None]
    tests, bootstraps, others = [], [], []
    for first, second in combinations([study for study in studies if study.predictions is not None], 2):
        if isinstance(first.predictions, ImageScores) or isinstance(second.predictions, ImageScores):
            if _have_same_scores(first, second):
                bootstraps.append(_bootstrap_pair(first, second))
            else:
                others.append(f"{first.name} and {second.name}")
        elif _have_same_test_images(first, second):
            tests.append(_test_pair(first, second, 3 if is_top3 else 1))
        else:
            others.append(f"{first.name} and {second.name}")
    if others:
        notes.append(f"These pairs of models have different test images and are not tested: {'; '.join(others)}.")
    for test, adjusted in zip(tests, holm([test["p_value"] for test in tests]), strict=True):
        test["p_holm"] = adjusted
    for test, adjusted in zip(bootstraps, holm([test["p_value"] for test in bootstraps]), strict=True):
        test["p_holm"] = adjusted
    measure = "top-3" if is_top3 else "accuracy"
    return {"about": ABOUT_MODELS, "measure": measure, "tests": tests, "bootstraps": bootstraps}, notes


def _note_on_missing_predictions(study: ComparedStudy) -> str | None:
    """Return why a study has no predictions to test, as one sentence; None where it has some."""
    if study.predictions is not None:
        return None
    retrain = command("retrain", results=study.study.folder)
    if study.test is None:
        return f"{study.name} has no retrained model and therefore no test score: run `{retrain}`."
    return (
        f"The predictions of the retrained model of {study.name} were not stored, are missing or have changed, so"
        f" no test compares it: run `{retrain}` to make them again."
    )


def _have_same_test_images(first: ComparedStudy, second: ComparedStudy) -> bool:
    """Return whether two models predicted the same images in the same order."""
    a, b = first.predictions, second.predictions
    assert isinstance(a, Predictions)
    assert isinstance(b, Predictions)
    # Image decoders of two machines may differ in the last bit of a pixel; the fingerprint of the data set does not.
    is_same = a.test_set == b.test_set or (first.data_fingerprint == second.data_fingerprint != "")
    return is_same and np.array_equal(a.true, b.true)


def _test_pair(first: ComparedStudy, second: ComparedStudy, k: int) -> dict[str, Any]:
    assert isinstance(first.predictions, Predictions)
    assert isinstance(second.predictions, Predictions)
    a, b = first.predictions.correct(k), second.predictions.correct(k)
    test = mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
    return {
        "first": first.name,
        "second": second.name,
        "images": len(a),
        "only_first": test.only_first,
        "only_second": test.only_second,
        "exact": test.is_exact,
        "statistic": test.statistic,
        "p_value": test.p_value,
    }


def _have_same_scores(first: ComparedStudy, second: ComparedStudy) -> bool:
    """Return whether two models without classes have scores of one kind for the same images in the same order."""
    a, b = first.predictions, second.predictions
    if not isinstance(a, ImageScores) or not isinstance(b, ImageScores):
        return False
    is_same = a.test_set == b.test_set or (first.data_fingerprint == second.data_fingerprint != "")
    return is_same and a.measure == b.measure and len(a.scores) == len(b.scores)


def _bootstrap_pair(first: ComparedStudy, second: ComparedStudy) -> dict[str, Any]:
    assert isinstance(first.predictions, ImageScores)
    assert isinstance(second.predictions, ImageScores)
    test = paired_bootstrap(first.predictions.scores, second.predictions.scores)
    return {
        "first": first.name,
        "second": second.name,
        "images": len(first.predictions.scores),
        "measure": first.predictions.measure,
        "difference": test.difference,
        "low": test.low,
        "high": test.high,
        "p_value": test.p_value,
    }
