"""Images that a final training holds out, by purpose."""

from dataclasses import replace

import numpy as np
import pytest

from metaopt.cli.retrain_checks import refuse_flags_of_other_data
from metaopt.cli.retrain_held_out import HeldOut, hold_out_images
from metaopt.data import DataSet, DataSpec, load
from metaopt.errors import UserError
from metaopt.outputs import NumberOutput
from metaopt.trials.constraints import parse_constraints

LIMIT = parse_constraints(["recall[8]>=0.5@90%"])


@pytest.fixture(scope="module")
def data() -> DataSet:
    return load(DataSpec("digits"))


def test_nothing_is_held_out_without_a_purpose(data: DataSet) -> None:
    found, held = hold_out_images((), data, None)
    assert (held, len(found.for_retraining())) == (HeldOut(), len(data.everything()))


@pytest.mark.parametrize(
    ("constraints", "tunes", "limits", "tuning"),
    [(LIMIT, False, 287, 287), ((), True, 0, 143), (LIMIT, True, 287, 143)],
)
def test_each_purpose_has_its_share(data: DataSet, constraints, tunes: bool, limits: int, tuning: int) -> None:
    found, held = hold_out_images(constraints, data, None, tunes=tunes)
    sizes = [0 if images is None else len(images) for images in (held.limits, held.tuning)]
    assert sizes == pytest.approx([limits, tuning], abs=3)
    together = found.calibration()
    assert together is not None
    assert len(found.for_retraining()) + len(together) == len(data.everything())


def test_thresholds_get_images_that_nothing_else_used(data: DataSet) -> None:
    _, held = hold_out_images(LIMIT, data, None, tunes=True)
    assert held.limits is not None
    assert held.tuning is not None
    assert not set(held.limits.rows.tolist()) & set(held.tuning.rows.tolist())  # type: ignore[attr-defined]
    assert set(np.unique(held.tuning.labels["label"])) == set(range(10))


def test_shares_that_make_no_sense_are_errors(data: DataSet) -> None:
    with pytest.raises(UserError, match="--calibration has no effect without"):
        hold_out_images((), data, 0.2)
    with pytest.raises(UserError, match="Invalid value for --calibration: 0"):
        hold_out_images((), data, 0.0, tunes=True)


def test_numbers_have_no_temperature(data: DataSet) -> None:
    refuse_flags_of_other_data(data, mirror=True, temperature=True)
    numbers = replace(data, outputs={"age": NumberOutput(("age",))})
    refuse_flags_of_other_data(numbers, mirror=True, temperature=False)
    with pytest.raises(UserError, match="the targets of digits are of kind number"):
        refuse_flags_of_other_data(numbers, mirror=False, temperature=True)
