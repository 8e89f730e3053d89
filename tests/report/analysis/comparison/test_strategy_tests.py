"""Tests of strategies over seeds, and the notes on their limitations."""

from pathlib import Path

import pytest

from metaopt.report.analysis.comparison import compare, group_studies, load_studies
from metaopt.storage.study import Study
from tests.report.searched import log_test, search_study


def compared(*studies: Study) -> dict:
    loaded = load_studies([study.folder for study in studies])
    return compare(loaded, group_studies(loaded))


def test_common_seeds_are_paired(tmp_path: Path) -> None:
    studies = [search_study(tmp_path / f"random{seed}", seed=seed, trials=5) for seed in range(6)]
    studies += [
        search_study(tmp_path / f"tpe{seed}", sampler="tpe", bonus=0.1, seed=seed, trials=5) for seed in range(7)
    ]
    comparison = compared(*studies)
    (test,) = comparison["strategies"]["tests"]
    assert test["seeds"] == [0, 1, 2, 3, 4, 5]
    assert (test["first_better"], test["second_better"]) == (0, 6)
    assert test["median_difference"] < 0  # of accuracies, random − tpe
    assert test["p_holm"] == pytest.approx(2 / 2**6)
    assert test["verdict"] == "tpe is better"


def test_too_few_seeds_have_no_verdict(tmp_path: Path) -> None:
    studies = [
        search_study(tmp_path / f"{s}{seed}", sampler=s, seed=seed) for s in ("random", "tpe") for seed in (0, 1)
    ]
    for study, wrong in zip(studies, (50, 40, 20, 10), strict=True):
        log_test(study, wrong)
        log_test(study, wrong - 4, seed=1)
    tests = compared(*studies)["strategies"]["tests"]
    assert [test["measure"] for test in tests] == ["val_accuracy", "test_accuracy"]
    for test in tests:
        assert test["verdict"] == "nothing can be said (2 of 6 seeds)"
    assert tests[1]["median_difference"] == pytest.approx(-30 / 400)


def test_search_without_feasible_trial_loses(tmp_path: Path) -> None:
    limits = ("params<=3e5",)
    found = search_study(tmp_path / "found", constraints=limits)
    nothing = search_study(tmp_path / "nothing", sampler="tpe", constraints=("params<=1",))
    comparison = compared(found, nothing)
    assert comparison["studies"][1]["best"] is None
    (test,) = comparison["strategies"]["tests"]
    assert (test["first_better"], test["second_better"], test["median_difference"]) == (1, 0, None)
    assert "differ in more than their strategies (constraints)" in comparison["notes"][-1]


def test_limitations_are_noted(tmp_path: Path) -> None:
    a, b, c = (search_study(tmp_path / name, seed=seed, trials=3) for name, seed in (("a", 0), ("b", 1), ("c", 0)))
    assert "All studies are of one strategy with different seeds" in compared(a, b)["notes"][-1]
    t = search_study(tmp_path / "t", sampler="tpe", seed=1, trials=3)
    notes = " ".join(compared(a, c, t)["notes"])
    assert "random and tpe have no seed in common" in notes
    assert "Several studies of random have the same seed: only the first" in notes
