"""Stages of a training as the cost model knows them."""

import math
from dataclasses import replace

import pytest

from metaopt.problems.stages import TrainingStages, find_stages
from tests.strategies.staged import HEAD_EPOCHS, PROBLEM


def stages_of(share: float, **changes) -> TrainingStages | None:
    point = {"size": 64, "tuning": {"share": share}, "rate": 0.01}
    blueprint = PROBLEM.blueprint(point, (8, 8, 3), {"label": 4})
    assert blueprint is not None
    return find_stages(blueprint, replace(PROBLEM.training_of(point), **changes))


def test_a_frozen_backbone_has_one_stage_without_end() -> None:
    assert stages_of(0.0) == TrainingStages(math.inf, 0)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_second_stage_trains_the_tuned_part_and_the_head(share) -> None:
    head_macs = 3 * 4
    assert stages_of(share) == TrainingStages(HEAD_EPOCHS, share * 32_000_000 + head_macs)


def test_a_training_without_fine_tuning_has_no_stages() -> None:
    assert stages_of(0.5, fine_tuning=None) is None
