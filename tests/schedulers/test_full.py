"""Full scheduler: every trial is trained to the end."""

from types import SimpleNamespace

from metaopt.schedulers import Done, Full, Propose, Stop, Wait
from tests.schedulers.simulated import SimulatedTrial, Simulation


def simulation(**study) -> Simulation:
    return Simulation(lambda: Full(9), 9, loss=lambda trial, epoch: trial, **study)


def test_every_trial_is_trained_to_r() -> None:
    study = simulation(goal=4).run()
    assert study.decisions == [*[Propose(9)] * 4, Done()]
    assert study.reached(9) == [0, 1, 2, 3]


def test_workers_wait_only_for_the_last_trials() -> None:
    study = simulation(goal=4, slots=3).run()
    first = study.decisions.index(Wait())
    assert study.decisions[:first] == [Propose(9)] * 4
    assert set(study.decisions[first:]) == {Wait(), Done()}


def test_trials_that_another_scheduler_paused_are_stopped() -> None:
    study = simulation(goal=2)
    study.trials = [SimulatedTrial(0, 3, 0, "paused", losses=[0.1] * 3)]
    study.run()
    assert study.decisions == [Propose(9), Stop(0), Done()]


def test_a_raised_goal_gives_more_trials() -> None:
    study = simulation(goal=2).run()
    study.goal = 3
    study.run()
    assert study.decisions[-2:] == [Propose(9), Done()]


def test_an_interrupted_trial_is_complete_at_another_r() -> None:
    """R may be larger now than when the trial began."""
    assert not Full(27).pauses(SimpleNamespace(target_resource=9))
    assert Full(27).rung_levels(None) == (27,)
