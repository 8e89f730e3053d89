"""What is compared, what is refused and why, on studies by the real search loop."""

import json
from pathlib import Path

import pytest

from metaopt.report.analysis.compared_studies import group_contenders, load_contenders
from metaopt.report.analysis.comparison import compare
from metaopt.storage.study import Study
from tests.report.contest import make_study, retrain


def compared(*studies: Study) -> dict:
    contenders = load_contenders([study.folder for study in studies])
    comparison = compare(contenders, group_contenders(contenders))
    json.dumps(comparison, allow_nan=False)
    return comparison


def test_two_retrained_models_are_tested_on_their_test_images(tmp_path: Path) -> None:
    good, bad = make_study(tmp_path / "good", sampler="tpe"), make_study(tmp_path / "bad")
    retrain(good, 20, offset=0)
    retrain(bad, 60, offset=10)
    comparison = compared(good, bad)
    (test,) = comparison["models"]["tests"]
    # Images 0 to 19 and 10 to 69 are wrong.
    assert (test["only_first"], test["only_second"], test["images"]) == (50, 10, 400)
    assert not test["exact"]
    assert test["statistic"] == pytest.approx(39**2 / 60)
    assert test["p_value"] == test["p_holm"] < 1e-5
    assert comparison["models"]["measure"] == "accuracy"
    assert comparison["notes"] == []


def test_several_pairs_are_corrected_together(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / str(seed), seed=seed) for seed in range(3)]
    for study, wrong in zip(studies, (20, 40, 60), strict=True):
        retrain(study, wrong)
    tests = compared(*studies)["models"]["tests"]
    assert len(tests) == 3
    assert min(test["p_holm"] for test in tests) == pytest.approx(3 * min(test["p_value"] for test in tests))


def test_without_a_retrained_model_the_rest_is_shown(tmp_path: Path) -> None:
    one, other = make_study(tmp_path / "one"), make_study(tmp_path / "other", sampler="tpe")
    retrain(one, 20)
    comparison = compared(one, other)
    assert comparison["models"]["tests"] == []
    assert [study["test"] is None for study in comparison["studies"]] == [False, True]
    (note,) = comparison["notes"]
    assert "other has no retrained model" in note
    assert f"metaopt retrain --results {other.folder}" in note
    assert [test["measure"] for test in comparison["strategies"]["tests"]] == ["val_accuracy"]


def test_answers_that_were_not_kept_are_told(tmp_path: Path) -> None:
    one, other = make_study(tmp_path / "one"), make_study(tmp_path / "other", sampler="tpe")
    retrain(one, 20)
    retrain(other, 20, keep=False)
    comparison = compared(one, other)
    assert comparison["models"]["tests"] == []
    assert "The answers of the retrained model of other were not kept" in comparison["notes"][0]


def test_other_test_images_are_refused(tmp_path: Path) -> None:
    one, other = make_study(tmp_path / "one"), make_study(tmp_path / "other", data="mnist")
    retrain(one, 20, test_set="digits")
    retrain(other, 20, test_set="mnist")
    comparison = compared(one, other)
    assert comparison["models"]["tests"] == comparison["strategies"]["tests"] == []
    notes = " ".join(comparison["notes"])
    assert "different data sets, so their validation scores are not comparable" in notes
    assert "one and other were measured on different test images" in notes


def test_the_same_test_images_are_enough_for_mcnemar(tmp_path: Path) -> None:
    one, other = make_study(tmp_path / "one"), make_study(tmp_path / "other", data="digits and more to train on")
    retrain(one, 20)
    retrain(other, 30)
    comparison = compared(one, other)
    assert len(comparison["models"]["tests"]) == 1
    assert comparison["strategies"]["tests"] == []


def test_decoders_that_differ_in_a_bit_make_no_other_test_images(tmp_path: Path) -> None:
    one, other = make_study(tmp_path / "one"), make_study(tmp_path / "other", sampler="tpe")
    retrain(one, 20, test_set="on one machine")
    retrain(other, 30, test_set="on another")
    assert len(compared(one, other)["models"]["tests"]) == 1


def test_other_objectives_are_refused_for_strategies_and_not_for_models(tmp_path: Path) -> None:
    one, other = make_study(tmp_path / "one"), make_study(tmp_path / "other", objective="val_loss")
    retrain(one, 20)
    retrain(other, 30)
    comparison = compared(one, other)
    assert len(comparison["models"]["tests"]) == 1
    assert comparison["strategies"]["tests"] == []
    assert "different objectives" in comparison["notes"][0]


def test_strategies_are_compared_over_common_seeds(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / f"random{seed}", seed=seed, trials=5) for seed in range(6)]
    studies += [make_study(tmp_path / f"tpe{seed}", sampler="tpe", gift=0.1, seed=seed, trials=5) for seed in range(7)]
    comparison = compared(*studies)
    (test,) = comparison["strategies"]["tests"]
    assert test["seeds"] == [0, 1, 2, 3, 4, 5]
    assert (test["first_better"], test["second_better"]) == (0, 6)
    assert test["median_difference"] < 0  # of accuracies, random − tpe
    assert test["p_holm"] == pytest.approx(2 / 2**6)
    assert test["verdict"] == "tpe is better"


def test_with_too_few_seeds_nothing_is_said(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / f"{s}{seed}", sampler=s, seed=seed) for s in ("random", "tpe") for seed in (0, 1)]
    for study, wrong in zip(studies, (50, 40, 20, 10), strict=True):
        retrain(study, wrong)
        retrain(study, wrong - 4, seed=1)
    tests = compared(*studies)["strategies"]["tests"]
    assert [test["measure"] for test in tests] == ["val_accuracy", "test_accuracy"]
    for test in tests:
        assert test["verdict"] == "nothing can be said (2 of 6 seeds)"
    assert tests[1]["median_difference"] == pytest.approx(-30 / 400)


def test_a_search_that_found_nothing_within_its_limits_loses(tmp_path: Path) -> None:
    limits = ("params<=3e5",)
    found = make_study(tmp_path / "found", constraints=limits)
    nothing = make_study(tmp_path / "nothing", sampler="tpe", constraints=("params<=1",))
    comparison = compared(found, nothing)
    assert comparison["studies"][1]["best"] is None
    (test,) = comparison["strategies"]["tests"]
    assert (test["first_better"], test["second_better"], test["median_difference"]) == (1, 0, None)
    assert "differ in more than their strategies (limits)" in comparison["notes"][-1]


def test_one_strategy_no_common_seeds_and_a_seed_twice_are_told(tmp_path: Path) -> None:
    a, b, c = (make_study(tmp_path / name, seed=seed, trials=3) for name, seed in (("a", 0), ("b", 1), ("c", 0)))
    assert "All studies are one strategy with different seeds" in compared(a, b)["notes"][-1]
    t = make_study(tmp_path / "t", sampler="tpe", seed=1, trials=3)
    notes = " ".join(compared(a, c, t)["notes"])
    assert "random and tpe have no seed in common" in notes
    assert "Of the studies of random with one seed only the first" in notes


def test_shares_of_trials_that_kept_each_limit(tmp_path: Path) -> None:
    limits = ("params<=2e5", "val_precision>=0.3", "memory<=1e12")
    one, other = make_study(tmp_path / "one", constraints=limits), make_study(tmp_path / "other", sampler="tpe")
    with_limits, without = compared(one, other)["limits"]
    records = one.records
    assert with_limits["trained"] == len(records) == 20
    assert list(with_limits["limits"]) == ["params<=200000", "val_precision>=0.3"]
    kept = sum(record["params"] <= 2e5 for record in records)
    assert with_limits["limits"]["params<=200000"] == {"kept": kept, "of": 20, "share": kept / 20}
    assert with_limits["all"]["kept"] == sum(record["feasible"] for record in records)
    assert without["limits"] == {}


def test_right_means_top_3_where_that_is_what_all_searched_for(tmp_path: Path) -> None:
    one, other = make_study(tmp_path / "one"), make_study(tmp_path / "other", sampler="tpe")
    retrain(one, 20)
    retrain(other, 60)
    contenders = load_contenders([one.folder, other.folder])
    for contender in contenders:
        contender.study.header["objective"] = "val_top3"
    comparison = compare(contenders, group_contenders(contenders))
    assert comparison["models"]["measure"] == "top-3"
    (test,) = comparison["models"]["tests"]
    # Of a mistaken image the other classes are equally probable, so that the lower ones are among the first three.
    assert 0 < test["only_first"] + test["only_second"] < 40
