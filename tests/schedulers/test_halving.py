"""Successive halving: promotions, failures, early ends and goals."""

import pytest

from metaopt.errors import UserError
from metaopt.schedulers import Continue, Done, Halving, Propose, Stop, Wait
from tests.schedulers.simulated import NEVER, SimulatedTrial, Simulation


def simulation(resource=9, *, loss=lambda trial, epoch: trial, **study) -> Simulation:
    return Simulation(lambda: Halving(resource), resource, loss=loss, **study)


def with_trials(study: Simulation, **changes: dict[int, dict]) -> Simulation:
    """Some trials of it behave as told."""
    make = study.new

    def new(to, bracket):
        trial = make(to, bracket)
        for name, value in changes.get(f"t{trial.number}", {}).items():
            setattr(trial, name, value)
        return trial

    study.new = new
    return study


def test_one_worker_trains_rung_after_rung() -> None:
    study = simulation(goal=9).run()
    propose = Propose(1, 0)
    assert study.decisions == [
        *[propose] * 4,  # the fourth trial is worse than three others, which are all that can go on
        Stop(3),
        propose,
        Stop(4),
        propose,
        Stop(5),
        propose,
        Stop(6),
        propose,
        Stop(7),
        propose,
        Stop(8),
        Continue(0, 3),
        Continue(1, 3),
        Continue(2, 3),
        Stop(1),
        Stop(2),
        Continue(0, 9),
        Done(),
    ]


def test_a_trial_that_cannot_be_promoted_is_stopped_at_once() -> None:
    study = simulation(goal=9, loss=lambda trial, epoch: -trial).run()
    first = [decision for decision in study.decisions if not isinstance(decision, Propose)]
    assert first[:6] == [Stop(number) for number in range(6)]
    assert study.decisions.index(Stop(0)) == 4  # right after the fourth
    assert study.reached(9) == [8]


def test_the_bracket_is_repeated() -> None:
    study = simulation(goal=18).run()
    assert study.reached(9) == [0, 9]
    assert [trial.bracket for trial in study.trials] == [0] * 9 + [1] * 9
    assert study.trained == 2 * (9 + 3 * 2 + 6)
    assert study.charged == 2 * (9 + 9 + 9)


def test_a_free_worker_begins_the_next_bracket() -> None:
    study = simulation(goal=18, slots=2)
    over = [SimulatedTrial(number, 1, 0, "ok", losses=[number], rungs=[1]) for number in range(3, 9)]
    paused = [SimulatedTrial(number, 3, 0, "paused", losses=[number] * 3, rungs=[1, 3]) for number in (1, 2)]
    study.trials = [SimulatedTrial(0, 3, 0, losses=[0], rungs=[1]), *paused, *over]
    for decision in (Stop(2), Propose(1, 1), Propose(1, 1)):
        assert study.decide() == decision
        study.carry_out(decision)
    study.finish(study.trials[0])
    assert study.decide() == Stop(1)  # the older bracket again
    study.run()
    assert study.reached(9) == [0, 9]


def test_the_oldest_bracket_comes_first() -> None:
    study = simulation(goal=18, slots=4)
    study.trials = [SimulatedTrial(number, 1, 0, "paused", losses=[number], rungs=[1]) for number in range(9)]
    study.trials += [SimulatedTrial(9, 1, 1, "paused", losses=[9], rungs=[1])]
    assert study.decide() == Stop(3)


def test_a_rung_of_failed_trials_ends_its_bracket() -> None:
    two_left = {f"t{number}": {"fails_at": 1} for number in range(9) if number not in (4, 6)}
    study = with_trials(simulation(goal=9), **two_left).run()
    assert study.reached(3) == [4, 6]
    assert study.reached(9) == [4]

    none_left = {f"t{number}": {"fails_at": 2} for number in range(3)}
    study = with_trials(simulation(goal=18), **none_left).run()
    assert study.reached(3, bracket=0) == []
    assert study.reached(9) == [9]


def test_a_promoted_trial_that_fails_is_not_replaced() -> None:
    study = with_trials(simulation(goal=9, slots=3), t0={"fails_at": 2}).run()
    assert [trial.number for trial in study.trials if trial.jobs > 1] == [0, 1, 2]
    assert study.reached(9) == [1]


def test_a_trial_that_ended_early_holds_its_places() -> None:
    study = with_trials(simulation(goal=9), t0={"ends_at": 1, "to": 1}).run()
    assert study.trials[0].jobs == 2  # it was trained to the first rung, and ended by itself on the way to the second
    assert study.reached(9) == []  # the only place at R is its own
    assert study.trials[0].losses == [0]
    assert [trial.number for trial in study.trials if trial.jobs > 1] == [0, 1, 2]

    study = simulation(goal=9)
    study.trials = [SimulatedTrial(0, 1, 0, "ok", complete=True, losses=[-1], ends_at=0, rungs=[1])]
    study.run()
    assert [trial.number for trial in study.trials if trial.jobs > 1] == [1, 2]
    assert not study.reached(9)


def test_a_trial_stopped_by_its_loss_is_not_promoted() -> None:
    study = simulation(goal=9)
    study.trials = [SimulatedTrial(0, 1, 0, "ok", complete=False, losses=[-1])]
    study.run()
    assert study.counted == 9
    assert study.reached(9) == [1]


@pytest.mark.parametrize(("goal", "rungs"), [(1, [1, 1, 1]), (2, [2, 1, 1]), (5, [5, 1, 1]), (8, [8, 2, 1])])
def test_a_bracket_cut_by_the_goal_promotes_its_trials(goal, rungs) -> None:
    study = simulation(goal=goal).run()
    assert [len(study.reached(resource)) for resource in (1, 3, 9)] == rungs
    # A later run with more trials leaves it alone, as some of them have gone on.
    study.goal += 9
    study.cache = {}
    study.run()
    assert [len(study.reached(resource, bracket=1)) for resource in (1, 3, 9)] == [9, 3, 1]
    assert len(study.trials) == goal + 9


def test_a_raised_goal_fills_an_undecided_rung() -> None:
    study = simulation(goal=5)
    study.run(until=lambda: len(study.trials) == 5)
    study.goal, study.cache = 9, {}
    study.run()
    assert [len(study.reached(resource)) for resource in (1, 3, 9)] == [9, 3, 1]


def test_a_rejected_trial_is_replaced_in_its_bracket() -> None:
    study = with_trials(simulation(goal=18, slots=9), t8={"refused": True}).run()
    assert sorted(trial.bracket for trial in study.trials if trial.status != "rejected") == [0] * 9 + [1] * 9
    assert [len(study.reached(resource, 0)) for resource in (1, 3, 9)] == [9, 3, 1]


def test_trials_of_no_bracket_are_stopped_at_the_end() -> None:
    study = simulation(goal=1, slots=2)
    study.trials = [SimulatedTrial(0, 4, None, "paused", losses=[1.0] * 4, ends_at=NEVER)]
    study.trials += [SimulatedTrial(1, 9, None, "running")]
    assert study.decide() == Wait()
    study.finish(study.trials[1])
    study.run()
    assert study.decisions[-2:] == [Stop(0), Done()]


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(UserError, match="value for eta: 1"):
        Halving(9, eta=1)
    with pytest.raises(UserError, match="above the full resource, epochs 2"):
        Halving(2, min_resource=3)
