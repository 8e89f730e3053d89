"""Tests of retrained models: which pairs are tested, and which are not and why."""

from pathlib import Path

import pytest

from metaopt.report.analysis.comparison import compare, group_studies, load_studies
from metaopt.storage.study import Study
from tests.report.searched import log_test, search_study


def compared(*studies: Study) -> dict:
    loaded = load_studies([study.folder for study in studies])
    return compare(loaded, group_studies(loaded))


def test_mcnemar_of_two_models(tmp_path: Path) -> None:
    good, bad = search_study(tmp_path / "good", trials=5, sampler="tpe"), search_study(tmp_path / "bad", trials=5)
    log_test(good, 20, offset=0)
    log_test(bad, 60, offset=10)
    comparison = compared(good, bad)
    (test,) = comparison["models"]["tests"]
    # Images 0 to 19 and 10 to 69 are wrong.
    assert (test["only_first"], test["only_second"], test["images"]) == (50, 10, 400)
    assert not test["exact"]
    assert test["statistic"] == pytest.approx(39**2 / 60)
    assert test["p_value"] == test["p_holm"] < 1e-5
    assert comparison["models"]["measure"] == "accuracy"
    assert comparison["notes"] == []


def test_pairs_are_corrected_together(tmp_path: Path) -> None:
    studies = [search_study(tmp_path / str(seed), trials=5, seed=seed) for seed in range(3)]
    for study, wrong in zip(studies, (20, 40, 60), strict=True):
        log_test(study, wrong)
    tests = compared(*studies)["models"]["tests"]
    assert len(tests) == 3
    assert min(test["p_holm"] for test in tests) == pytest.approx(3 * min(test["p_value"] for test in tests))


def test_missing_model_is_noted(tmp_path: Path) -> None:
    one, other = search_study(tmp_path / "one", trials=5), search_study(tmp_path / "other", trials=5, sampler="tpe")
    log_test(one, 20)
    comparison = compared(one, other)
    assert comparison["models"]["tests"] == []
    assert [study["test"] is None for study in comparison["studies"]] == [False, True]
    (note,) = comparison["notes"]
    assert "other has no retrained model" in note
    assert f"metaopt retrain --results {other.folder}" in note
    assert [test["measure"] for test in comparison["strategies"]["tests"]] == ["val_accuracy"]


def test_missing_predictions_are_noted(tmp_path: Path) -> None:
    one, other = search_study(tmp_path / "one", trials=5), search_study(tmp_path / "other", trials=5, sampler="tpe")
    log_test(one, 20)
    log_test(other, 20, keep=False)
    comparison = compared(one, other)
    assert comparison["models"]["tests"] == []
    assert "The predictions of the retrained model of other were not stored" in comparison["notes"][0]


def test_different_test_images_are_not_tested(tmp_path: Path) -> None:
    one, other = search_study(tmp_path / "one", trials=5), search_study(tmp_path / "other", trials=5, data="mnist")
    log_test(one, 20, test_set="digits")
    log_test(other, 20, test_set="mnist")
    comparison = compared(one, other)
    assert comparison["models"]["tests"] == comparison["strategies"]["tests"] == []
    notes = " ".join(comparison["notes"])
    assert "different data sets, so their validation scores are not comparable" in notes
    assert "different test images and are not tested: one and other" in notes


def test_equal_test_images_of_different_data_are_tested(tmp_path: Path) -> None:
    one, other = (
        search_study(tmp_path / "one", trials=5),
        search_study(tmp_path / "other", trials=5, data="more digits"),
    )
    log_test(one, 20)
    log_test(other, 30)
    comparison = compared(one, other)
    assert len(comparison["models"]["tests"]) == 1
    assert comparison["strategies"]["tests"] == []


def test_equal_data_with_different_decoders_is_tested(tmp_path: Path) -> None:
    one, other = search_study(tmp_path / "one", trials=5), search_study(tmp_path / "other", trials=5, sampler="tpe")
    log_test(one, 20, test_set="on one machine")
    log_test(other, 30, test_set="on another")
    assert len(compared(one, other)["models"]["tests"]) == 1


def test_objectives_may_differ_for_models_only(tmp_path: Path) -> None:
    one, other = (
        search_study(tmp_path / "one", trials=5),
        search_study(tmp_path / "other", trials=5, objective="val_loss"),
    )
    log_test(one, 20)
    log_test(other, 30)
    comparison = compared(one, other)
    assert len(comparison["models"]["tests"]) == 1
    assert comparison["strategies"]["tests"] == []
    assert "different objectives" in comparison["notes"][0]


def test_top3_is_compared_where_all_studies_optimise_it(tmp_path: Path) -> None:
    one = search_study(tmp_path / "one", objective="val_top3", trials=5)
    other = search_study(tmp_path / "other", objective="val_top3", trials=5, sampler="tpe")
    log_test(one, 20)
    log_test(other, 60)
    comparison = compared(one, other)
    assert comparison["models"]["measure"] == "top-3"
    (test,) = comparison["models"]["tests"]
    # The other classes of a misclassified image are equally probable, so that the lower ones are among the top 3.
    assert 0 < test["only_first"] + test["only_second"] < 40
