"""Plan of an evolution while training."""

import pytest

from metaopt.errors import UserError
from metaopt.evolving import EvolutionPlan


def test_epochs_and_trials_of_a_plan():
    plan = EvolutionPlan(cycles=3, population=4, runup_epochs=2, cycle_epochs=1, fixing_epochs=1, final_epochs=5)
    assert plan.epochs == 2 + 3 * 2 + 5
    assert plan.trials == 1 + 3 * (4 + 2) + 1
    assert EvolutionPlan(cycles=3, fixing_epochs=0, final_epochs=0, crossover=False).trials == 1 + 3 * 4
    assert EvolutionPlan.read(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"population": 1}, "Invalid value for population: 1. Expected an integer >= 2."),
        ({"cycles": -1}, "Invalid value for cycles: -1. Expected an integer >= 0."),
        ({"runup_epochs": 0}, "Invalid value for runup_epochs: 0. Expected an integer >= 1."),
        ({"cycle_epochs": 1.5}, "Invalid value for cycle_epochs: 1.5. Expected an integer >= 1."),
        ({"final_epochs": True}, "Invalid value for final_epochs: True."),
        ({"fixing_epochs": 0}, "crossover needs fixing epochs"),
    ],
)
def test_a_plan_out_of_range_is_refused(given, message):
    with pytest.raises(UserError, match=message):
        EvolutionPlan(**given)
