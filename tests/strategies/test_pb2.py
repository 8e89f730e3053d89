"""Strategy ``pb2`` on real search loops over virtual trainings."""

import math

import numpy as np
import pytest

from metaopt.spaces import Vals, compile_space
from metaopt.storage.study import Study
from metaopt.strategies.pb2 import PB2, Interval, find_intervals, find_values
from metaopt.strategies.population import Population
from metaopt.trials.result import Result
from metaopt.trials.trial import Trial
from tests.engine.synthetic import findings
from tests.strategies.populations import EPOCHS, SPACE, Trainings, search


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return search(tmp_path_factory.mktemp("pb2") / "results", "pb2")


def test_a_model_selects_once_improvements_are_known(study):
    forks = [trial for trial in study.state.trials if trial.forked_from is not None]
    assert len(forks) == 8
    first = [trial for trial in forks if trial.forked_from[1] == 4]
    assert not any(trial.vals.model_based for trial in first), "no improvement is known after one interval"
    assert all(trial.vals.model_based for trial in forks if trial.forked_from[1] > 8)
    assert study.state.total_epochs == 5 * EPOCHS


@pytest.mark.slow
def test_a_search_resumes_after_any_crash(tmp_path):
    executor = Trainings()
    whole = search(tmp_path / "whole", "pb2", executor)
    for reports in (50, 90):
        folder = tmp_path / str(reports) / "results"
        with pytest.raises(KeyboardInterrupt):
            search(folder, "pb2", Trainings(killed_after=reports))
        executor = Trainings()
        executor.resume_with(Study.load(folder))
        assert findings(search(folder, "pb2", executor)) == findings(whole)


@pytest.mark.parametrize("workers", [3, 7])
def test_workers_share_a_population(tmp_path, workers):
    study = search(tmp_path / "results", "pb2", Trainings(workers, are_equal=False), trials=20)
    assert len(study.records) == 20


def test_improvements_are_per_epoch_and_those_of_forks_begin_at_their_source():
    vals = Vals({"rate": 0.1, "mode": 0})
    source, fork = Trial(0, vals, {}, 8), Trial(1, Vals({"rate": 0.2, "mode": 0}), {}, 8)
    source.results = [Result(4, 4, (-0.5,)), Result(8, 8, (-0.7,))]
    fork.results, fork.forked_from = [Result(8, 8, (-0.9,)), Result(10, 10, (-1.0,))], (0, 4)
    values = {(0, 4): 0.5, (0, 8): 0.7, (1, 8): 0.9, (1, 10): 1.0}
    found = find_intervals([source, fork], values)
    assert [each.vals["rate"] for each in found] == [0.1, 0.2, 0.2]
    assert [(each.end, each.before) for each in found] == [(8, 0.5), (8, 0.5), (10, 0.9)]
    assert [each.improvement for each in found] == pytest.approx([0.05, 0.1, 0.05])


class View:
    """Ranks results as a study does."""

    def result_of_last_epoch(self, number, result):
        return result

    def rank_together(self, results):
        return {name: (float(result.violation > 0), result.violation, *result.values) for name, result in results}


def trial_with(number, *results):
    trial = Trial(number, Vals({"rate": 0.1, "mode": 0}), {}, 8)
    trial.results = list(results)
    return trial


def test_values_are_negative_losses_under_one_objective():
    trials = [trial_with(0, Result(4, 4, (0.5,)), Result(8, 8, (0.2,))), trial_with(1, Result(4, 4, (float("nan"),)))]
    assert find_values(View(), trials) == {(0, 4): -0.5, (0, 8): -0.2}


def test_values_are_shares_of_ranks_where_losses_do_not_compare():
    infeasible = Result(8, 8, (0.2,), violation=0.1)
    trials = [trial_with(0, Result(4, 4, (0.5,)), infeasible), trial_with(1, Result(4, 4, (0.9,)))]
    assert find_values(View(), trials) == {(0, 8): 0.0, (1, 4): 0.5, (0, 4): 1.0}


def test_forks_get_numbers_that_improved_most():
    """Trials with learning rates from 1e-4 to 1; those near 1e-2 improve most in each of four intervals."""
    trials = []
    for number, exponent in enumerate(np.linspace(-4, 0, 17)):
        gain = 0.1 * math.exp(-2 * (exponent + 2) ** 2)
        trial = trial_with(number, *(Result(4 * end, 4 * end, (1 - end * gain,)) for end in (1, 2, 3, 4)))
        trial.vals = Vals({"rate": 10.0**exponent, "mode": 0})
        trials.append(trial)
    view = View()
    view.space, view.trials = compile_space(SPACE), trials
    population = Population(view, trials, size=17, quantile=0.2, resource=EPOCHS)
    strategy = PB2(EPOCHS, interval=4)
    for seed in range(5):
        vals = strategy.explore(population, trials[8], 20, np.random.default_rng(seed))
        assert vals.model_based
        assert -2.7 < math.log10(vals["rate"]) < -1.3


def test_hyperparameters_of_the_architecture_do_not_change(tmp_path):
    def same_mode_and_rate(source, child):
        return source["mode"] == child["mode"]

    strategy = PB2(EPOCHS, check=same_mode_and_rate)
    space = compile_space(SPACE)
    candidates = strategy._candidates(space, Vals({"rate": 0.1, "mode": 0}), np.random.default_rng(0))
    assert candidates[0] == {"rate": 0.1, "mode": 0}
    assert {vals["mode"] for vals in candidates} == {0}
    assert len({vals["rate"] for vals in candidates}) > 100


def test_an_interval_in_training_has_no_improvement():
    assert math.isnan(Interval(Vals(), 8, 0.5).improvement)
