"""Predicted costs of trainings in two stages."""

import math

import numpy as np
import pytest

from metaopt.engine.view import StudyView
from metaopt.problems.stages import TrainingStages
from metaopt.schedulers import Start
from metaopt.strategies import Auto
from metaopt.strategies.points import Metric, Points
from metaopt.strategies.second_stage import SecondStage, Stages
from metaopt.strategies.staged_costs import StagedCosts
from metaopt.strategies.training_costs import Overheads, Seconds, TrainingCosts
from tests.strategies.staged import EPOCHS, HEAD_EPOCHS, MACS, search

METRIC = Metric(np.array([False]), np.array([0]))
FROZEN = TrainingStages()
SMALL, LARGE = TrainingStages(4, 30_000_000), TrainingStages(4, 120_000_000)


def points(*features: float) -> Points:
    return Points(np.array(features)[:, None], np.zeros((len(features), 0)))


def fit(*measured: tuple[TrainingStages, float], start: float = 0.0, entering: float = 0.0) -> StagedCosts:
    """Fit to trials with 0.5 s for an epoch of the first stage, 2 s for the first one, and given ones of the second."""
    known = points(*[0.5] * len(measured)) if measured else Points(np.zeros((0, 1)), np.zeros((0, 0)))
    heads = points(0.5, 0.5, 0.5)
    first = TrainingCosts.fit(heads, [Seconds(2.0, 0.5)] * 3, METRIC, 10, Overheads(start, 0.25))
    stages, seconds = Stages.of([one for one, _ in measured]), np.array([one for _, one in measured])
    return StagedCosts(first, SecondStage.fit(first.inputs(known), stages, seconds, float(first.later[0]), entering))


def test_measured_epochs_of_each_stage_are_charged_in_their_stage() -> None:
    own = [Seconds(2.0, 0.5, 7.0), Seconds(2.0, 0.5, 7.0)]
    found = fit().seconds(points(0.5, 0.5), np.array([0, 5]), np.array([4, 6, 10]), own, Stages.of([SMALL, SMALL]))
    assert found[0] == pytest.approx([3.5, 17.5, 45.5])
    assert found[1, 1:] == pytest.approx([7.25, 35.25])


def test_a_second_stage_is_expected_to_cost_more_before_any_was_measured() -> None:
    stages = Stages.of([FROZEN, SMALL, LARGE])
    found = fit().seconds(points(0.5, 0.5, 0.5), np.full(3, 4), np.array([5]), [None] * 3, stages)[:, 0]
    assert found[0] < 1 < 5 < found[1] < found[2]


def test_the_cost_of_a_second_stage_is_learnt_from_one_trial() -> None:
    found = fit((SMALL, 2.0)).seconds(
        points(0.5, 0.5), np.full(2, 5), np.array([6]), [None] * 2, Stages.of([SMALL, LARGE])
    )[:, 0]
    assert found[0] - 0.25 == pytest.approx(2.0, rel=0.03)
    assert 3.5 < (found[1] - 0.25) / (found[0] - 0.25) < 4.1, "by the ratio of the MACs"


@pytest.mark.parametrize(("begin", "end", "is_charged"), [(0, 4, 0), (0, 5, 1), (3, 5, 1), (4, 5, 1), (5, 6, 0)])
def test_entering_the_second_stage_is_charged_once(begin, end, is_charged) -> None:
    given = points(0.5), np.array([begin]), np.array([end]), [Seconds(2.0, 0.5, 7.0)], Stages.of([SMALL])
    with_features, without = fit(entering=6.0).seconds(*given), fit().seconds(*given)
    assert with_features - without == pytest.approx(6.0 * is_charged)


def test_a_trial_that_is_tuned_from_the_start_has_one_stage() -> None:
    stages = Stages.of([TrainingStages(0, 30_000_000)])
    found = fit(start=1.0, entering=6.0).seconds(
        points(0.5), np.zeros(1), np.array([3, 10]), [Seconds(7, 7, 7)], stages
    )
    assert found[0] == pytest.approx([22.0, 71.0])


def test_frozen_trials_cost_as_without_stages() -> None:
    model = fit()
    given = points(0.2, 0.5), np.array([0, 3]), np.array([5, 10]), [None, Seconds(3.0, 0.7)]
    np.testing.assert_allclose(model.seconds(*given, Stages.of([FROZEN] * 2)), model.first.seconds(*given))


def test_expensive_trainings_are_charged_less_than_their_seconds() -> None:
    given = points(0.5, 0.5), np.zeros(2), np.array([10]), [None] * 2, Stages.of([SMALL, LARGE])
    seconds, costs = fit().seconds(*given)[:, 0], fit().costs(*given)[:, 0]
    assert costs[1] / costs[0] == pytest.approx((seconds[1] / seconds[0]) ** 0.5)


def test_without_measured_time_an_epoch_costs_what_its_macs_say() -> None:
    stages = Stages.of([FROZEN, SMALL])
    found = StagedCosts.equal(10).seconds(points(0.5, 0.5), np.full(2, 5), np.array([6]), [None] * 2, stages)
    assert found[0] == pytest.approx(1)
    assert found[1] == pytest.approx(1 + 30_000_000 / 1.5e6)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory):
    return search(tmp_path_factory.mktemp("study") / "results", trials=25)


@pytest.mark.slow
def test_a_search_knows_what_each_rung_will_take(study) -> None:
    ratios = []
    for trial in study.state.trials:
        wall = 0.0
        taken = [one for one in trial.decisions if one.kind in ("started", "resumed")]
        for decision, result in zip(taken, trial.results, strict=True):
            if decision.reason.get("check") == result.resource:
                ratios.append((result.seconds - wall) / decision.reason["seconds"])
            wall = result.seconds
    assert any(trial.epochs > HEAD_EPOCHS and trial.point["tuning"]["share"] for trial in study.state.trials)
    errors = np.abs(np.log(ratios))
    assert np.median(errors) < math.log(1.05)
    assert (errors > math.log(2)).sum() <= 3, "all but the first ones of the second stage"


def test_decisions_depend_neither_on_the_cache_nor_on_earlier_ones(study) -> None:
    def stages_of(point: dict) -> TrainingStages:
        share = point["tuning"]["share"]
        return TrainingStages(HEAD_EPOCHS, int(share * MACS[point["size"]])) if share else FROZEN

    warm, cold = (StudyView(study.state, study.space, 0, 40, stages_of) for _ in range(2))
    decisions = [Auto(EPOCHS).next(warm), Auto(EPOCHS).next(warm), Auto(EPOCHS).next(cold)]
    assert decisions[0] == decisions[1] == decisions[2]
    assert isinstance(Auto(EPOCHS).next(warm, attempt=2), Start)


@pytest.mark.slow
def test_deterministic_decisions_know_the_stages(tmp_path) -> None:
    first, second = (search(tmp_path / name, trials=12, deterministic=True) for name in "ab")
    vals = [[(trial.vals, trial.epochs) for trial in one.state.trials] for one in (first, second)]
    assert vals[0] == vals[1]
