"""Importance by PED-ANOVA: a hyperparameter that decides, one that does not, conditional ones, and too few trials."""

import builtins
import sys

import numpy as np
import pytest

from metaopt.report.analysis.features import Feature, extract_features
from metaopt.report.analysis.importance import MAX_TRIALS, has_optuna, importances
from metaopt.report.analysis.statistics import MIN_TRIALS
from tests.report.making import make_record

pytestmark = pytest.mark.skipif(not has_optuna(), reason="needs optuna")


def features_of(points: list[dict]) -> list[Feature]:
    return extract_features([make_record(trial, point=point) for trial, point in enumerate(points)]).varying


def test_what_decides_the_score_is_most_important() -> None:
    rng = np.random.default_rng(0)
    points = [{"good": rng.random(), "idle": rng.random(), "kind": int(rng.integers(2))} for _ in range(200)]
    found = importances(features_of(points), np.array([(point["good"] - 0.3) ** 2 for point in points]))
    assert found[0].name == "good"
    assert found[0].share > 0.7
    assert sum(each.share for each in found) == pytest.approx(1)


def test_conditional_hyperparameters_and_none_have_an_importance() -> None:
    rng = np.random.default_rng(1)
    points = [
        {"branch": {"rate": rng.random()} if trial % 2 else "off", "drop": None if trial % 3 else rng.random()}
        for trial in range(120)
    ]
    losses = np.array([point["branch"]["rate"] if isinstance(point["branch"], dict) else 1.0 for point in points])
    found = {each.name: each.share for each in importances(features_of(points), losses)}
    assert set(found) == {"branch", "branch.rate", "drop"}
    assert found["branch.rate"] > found["drop"]


def test_too_few_trials_and_equal_losses_have_none() -> None:
    points = [{"x": trial / 30} for trial in range(30)]
    few = MIN_TRIALS - 1
    assert importances(features_of(points[:few]), np.arange(float(few))) == []
    assert importances(features_of(points), np.zeros(30)) == []


def test_many_trials_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    import optuna

    counted: list[int] = []
    added = optuna.study.Study.add_trials
    monkeypatch.setattr(
        optuna.study.Study, "add_trials", lambda study, trials: counted.append(len(trials)) or added(study, trials)
    )
    n = MAX_TRIALS + 200
    feature = Feature("x", [trial / n for trial in range(n)], high=1.0)
    assert importances([feature], np.arange(float(n)))[0].share == 1.0
    assert counted == [MAX_TRIALS]


def test_optuna_is_not_needed_for_the_other_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from metaopt.report.analysis.ranked_features import RankedFeatures
    from metaopt.report.page.figures import importance

    monkeypatch.setattr(importance, "has_optuna", lambda: False)
    monkeypatch.setitem(sys.modules, "optuna", None)
    panel = importance.importance_panel(RankedFeatures([], [], [], [], np.zeros(0)))
    assert panel.message == "The importance is computed by Optuna, which is not installed: pip install optuna."
    with pytest.raises(ModuleNotFoundError):
        builtins.__import__("optuna")
