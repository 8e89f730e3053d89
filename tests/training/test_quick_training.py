"""Costs of trials that quick trainings measure."""

import pytest

from metaopt.training.quick_training import TrialCost


@pytest.mark.parametrize(("epochs", "seconds"), [(3, 8.0), (4, 9.0), (6, 29.0)])
def test_epochs_of_the_second_stage_cost_their_own_seconds(epochs, seconds) -> None:
    assert TrialCost(5.0, 1.0, 0, head_epochs=4, tuned_epoch_s=10.0).trial_s(epochs) == seconds


def test_without_stages_all_epochs_cost_the_same() -> None:
    assert TrialCost(5.0, 1.0, 0).trial_s(6) == 11.0
