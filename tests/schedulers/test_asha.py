"""ASHA: promotions without waiting, with and without stopping."""

import itertools

import pytest

from metaopt.errors import UserError
from metaopt.schedulers import ASHA, Continue, Done, Propose, Stop, Wait
from tests.schedulers.simulated import SimulatedTrial, Simulation


def simulation(resource=9, *, stopping=False, loss=lambda trial, epoch: trial, **study) -> Simulation:
    return Simulation(lambda: ASHA(resource, stopping=stopping), resource, loss=loss, **study)


def paused(number: int, at: int, loss: float) -> SimulatedTrial:
    return SimulatedTrial(number, at, None, "paused", losses=[loss] * at, rungs=[r for r in (1, 3, 9) if r <= at])


def test_rungs_end_at_r() -> None:
    assert ASHA(81).rungs == [1, 3, 9, 27, 81]
    assert ASHA(50, eta=2, min_resource=2).rungs == [3, 6, 12, 25, 50]
    assert ASHA(2).rungs == [2]


def test_the_best_third_is_promoted_from_the_highest_rung() -> None:
    study = simulation(goal=9).run()
    propose = Propose(1)
    assert study.decisions == [
        *[propose] * 3,
        Continue(0, 3),
        *[propose] * 3,  # one of five may go on, and has
        Continue(1, 3),
        *[propose] * 3,
        Continue(2, 3),
        Continue(0, 9),  # the first of the three that reached 3
        *[Stop(number) for number in range(1, 9)],
        Done(),
    ]
    assert [study.reached(resource) for resource in (3, 9)] == [[0, 1, 2], [0]]


def test_a_better_later_trial_is_promoted_as_well() -> None:
    study = simulation(goal=9, loss=lambda trial, epoch: -trial).run()
    assert study.decisions[:5] == [*[Propose(1)] * 3, Continue(2, 3), Propose(1)]
    assert study.decisions[5] == Continue(3, 3)  # the best one of four
    assert len(study.reached(3)) > 3


def test_promoted_trials_keep_their_rank_below() -> None:
    study = simulation()
    study.trials = [paused(0, 3, 0.1), paused(1, 1, 0.2), paused(2, 1, 0.3)]
    assert study.decide() == Propose(1)  # the best third of the lowest rung is trial 0, and it has gone on
    study.trials = [paused(0, 3, 0.25), paused(1, 1, 0.2), paused(2, 1, 0.3)]
    study.cache = {}
    assert study.decide() == Continue(1, 3)


def test_the_order_of_rest_does_not_matter() -> None:
    study = simulation(slots=4)
    study.trials = [SimulatedTrial(number, 1) for number in range(4)]
    assert study.decide() == Propose(1)
    for number in (3, 1, 2):
        study.finish(study.trials[number])
        study.decide()
    assert study.decide() == Continue(1, 3)
    study.finish(study.trials[0])
    assert study.decide() == Continue(0, 3)


def test_a_failed_trial_keeps_its_place() -> None:
    study = simulation()
    study.trials = [SimulatedTrial(0, 1, status="fail"), SimulatedTrial(1, 1, status="fail"), paused(2, 1, 0.5)]
    assert study.decide() == Continue(2, 3)
    study.trials = [SimulatedTrial(0, 3, status="fail", losses=[0.1]), paused(1, 1, 0.2), paused(2, 1, 0.3)]
    study.cache = {}
    assert study.decide() == Propose(1)


def test_a_discarded_trial_counts_and_leaves_its_place_to_the_next() -> None:
    study = simulation()
    discarded = SimulatedTrial(0, 1, status="ok", losses=[0.1], is_discarded=True)
    study.trials = [discarded, paused(1, 1, 0.2), paused(2, 1, 0.3)]
    assert study.decide() == Continue(1, 3)  # the best third of three


def test_a_trial_discarded_after_its_promotion_keeps_its_place_below() -> None:
    study = simulation()
    discarded = SimulatedTrial(0, 3, status="ok", losses=[0.1] * 3, is_discarded=True)
    study.trials = [discarded, paused(1, 1, 0.2), paused(2, 1, 0.3)]
    assert study.decide() == Propose(1)
    study.trials[1:] = [paused(number, 3, number / 10) for number in (1, 2)]
    study.cache = {}
    assert study.decide() == Continue(1, 9)


def test_the_index_follows_trials_that_fail_after_promotion() -> None:
    study = simulation(goal=60, slots=6, failing=0.7, seed=3).run()  # each decision is compared with that of a new view
    assert sum(trial.status == "fail" and trial.jobs > 1 for trial in study.trials) > 3


def test_a_good_trial_that_ended_early_counts_at_later_rungs() -> None:
    study = simulation()
    early = SimulatedTrial(0, 1, status="ok", complete=True, losses=[0.1], rungs=[1])
    below = [SimulatedTrial(number, 1, status="ok", losses=[0.9], rungs=[1]) for number in (3, 4, 5, 6, 7, 8)]
    study.trials = [early, paused(1, 3, 0.2), paused(2, 3, 0.3), *below]
    assert study.decide() == Propose(1)  # the best of three at 3 is the one that needs no training
    early.losses = [0.25]
    study.cache = {}
    assert study.decide() == Continue(1, 9)
    early.losses = [0.95]  # it is not among the best of the first rung: two have reached the second
    study.cache = {}
    assert study.decide() == Propose(1)


def test_at_the_goal_one_trial_is_trained_to_r() -> None:
    study = simulation(goal=2).run()
    assert study.decisions == [Propose(1), Propose(1), Continue(0, 3), Continue(0, 9), Stop(1), Done()]

    study = simulation(goal=2)
    study.trials = [paused(0, 1, 0.1), paused(1, 1, 0.2)]
    study.trials[0].fails_at = 2
    study.run()
    assert study.reached(9) == [1]


def test_workers_wait_only_once_the_goal_is_reached() -> None:
    study = simulation(goal=40, slots=7).run()
    first = study.decisions.index(Wait())
    assert sum(isinstance(decision, Propose) for decision in study.decisions[:first]) == 40


def test_thousands_of_trials_halve_at_each_rung() -> None:
    study = Simulation(lambda: ASHA(27), 27, goal=600, slots=25, checked=False).run()
    sizes = [len(study.reached(resource)) for resource in (1, 3, 9, 27)]
    assert sizes[0] == 600
    for lower, upper in itertools.pairwise(sizes):
        assert lower // 3 <= upper <= lower // 3 + lower**0.5  # wrong promotions: Li et al. 2020, section 3.3


def test_with_stopping_a_trial_is_promoted_at_once_or_never() -> None:
    study = simulation(stopping=True, goal=4).run()
    assert study.decisions == [
        Propose(1),
        Continue(0, 3),
        Continue(0, 9),
        *[Propose(1), Stop(1), Propose(1), Stop(2), Propose(1), Stop(3)],
        Done(),
    ]
    study = simulation(stopping=True, goal=3, loss=lambda trial, epoch: -trial).run()
    assert study.reached(9) == [0, 1, 2]


def test_with_stopping_trials_compare_at_equal_resources() -> None:
    study = simulation(stopping=True, loss=lambda trial, epoch: 10 - epoch if trial == 0 else 9 - 0.5 * epoch)
    study.run(until=lambda: len(study.trials) == 2 and len(study.trials[1].losses) >= 3)
    assert study.trials[0].losses[-1] == 1
    assert Continue(1, 3) in study.decisions


def test_with_stopping_trials_without_a_value_end() -> None:
    study = simulation(stopping=True, goal=3, loss=lambda trial, epoch: float("nan")).run()
    assert [decision for decision in study.decisions if isinstance(decision, Stop)] == [Stop(0), Stop(1), Stop(2)]


def test_trials_of_another_scheduler_compete_by_their_value() -> None:
    study = simulation(slots=2)
    study.trials = [SimulatedTrial(0, 9), paused(1, 1, 0.5), paused(2, 1, 0.6), paused(3, 1, 0.7)]
    assert study.decide() == Continue(1, 3)
    study.trials[0].losses, study.trials[0].status, study.trials[0].complete = [0.1] * 9, "ok", True
    assert study.decide() == Propose(1)
    study.trials += [paused(4, 7, 0.0)]  # no rung of ours
    study.goal = 5
    assert study.decide() == Stop(1)


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(UserError, match="value for eta: 1"):
        ASHA(9, eta=1)
