"""The losses of a study's trials at all rungs, as arrays."""

import numpy as np

from metaopt.samplers import Observation
from metaopt.spaces import Vals
from metaopt.strategies.study_curves import CurveReader
from metaopt.trials.result import Result
from metaopt.trials.trial import Trial


def observation(number: int, *losses: float, **constraints: float) -> Observation:
    """A trial with a loss at the resources 1, 3, 9, …"""
    results = tuple(
        Result(
            resource=3**rung, epochs=3**rung, values=(loss,), constraints=constraints, total_epochs=10 * number + rung
        )
        for rung, loss in enumerate(losses)
    )
    return Observation(number, Vals(), results)


TRIALS = [Trial(number, Vals(), {}, 9) for number in range(4)]


def test_each_loss_has_its_trial_resource_and_arrival() -> None:
    curves = CurveReader().read([observation(0, 0.5, 0.4), observation(2, 0.7)], TRIALS)
    assert curves.numbers.tolist() == [0, 2]
    assert curves.trials.tolist() == [0, 0, 1]
    assert curves.resources.tolist() == [1, 3, 1]
    assert curves.values.tolist() == [0.5, 0.4, 0.7]
    assert curves.arrivals.tolist() == [0, 1, 20]
    assert curves.distances.shape == (3, 0)


def test_a_failed_trial_has_a_row_without_a_loss_at_its_target() -> None:
    curves = CurveReader().read([Observation(1, Vals())], TRIALS)
    assert (curves.numbers.tolist(), curves.resources.tolist(), curves.arrivals.tolist()) == ([1], [9], [np.inf])
    assert np.isnan(curves.values).all()
    assert not curves.has_loss


def test_without_trials_there_are_no_losses() -> None:
    assert len(CurveReader().read([], TRIALS)) == 0


def test_a_reader_of_a_growing_study_reads_as_a_new_one() -> None:
    """Trials go on, and a constraint is measured later on."""
    grown = CurveReader()
    first, second = observation(0, 0.5), observation(1, 0.6)
    for observations in (
        [first],
        [first, second],
        [observation(0, 0.5, 0.3), second, observation(3, 0.2)],
        [
            observation(0, 0.5, 0.3),
            observation(1, 0.6, 0.4, seconds=-1.0),
            observation(3, 0.2, memory=2.0, seconds=1.0),
        ],
    ):
        one, other = grown.read(observations, TRIALS), CurveReader().read(observations, TRIALS)
        for name in ("numbers", "trials", "resources", "values", "arrivals", "distances"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert one.distances.shape == (5, 2)
