import math

import pytest

pytestmark = pytest.mark.slow  # imports Keras


def rate(schedule, step: int) -> float:
    import keras

    return float(keras.ops.convert_to_numpy(schedule(keras.ops.convert_to_tensor(step, "int64"))))


def test_each_cycle_falls_along_half_a_cosine() -> None:
    from metaopt.training.schedule import CosineCycles

    schedule = CosineCycles(0.2, steps=10, ends=(1, 3, 9))  # cycles of 10, 20 and 60 steps
    expected = {
        0: 0.2,
        5: 0.1,
        9: 0.1 * (1 + math.cos(0.9 * math.pi)),
        10: 0.2,
        15: 0.1 * (1 + math.sqrt(0.5)),
        20: 0.1,
        30: 0.2,
        60: 0.1,
        89: 0.1 * (1 + math.cos(math.pi * 59 / 60)),
        90: 0.0,
        1000: 0.0,
    }
    for step, value in expected.items():
        assert rate(schedule, step) == pytest.approx(value, abs=1e-7), step


def test_steps_beyond_the_range_of_float32_are_exact() -> None:
    from metaopt.training.schedule import CosineCycles

    schedule = CosineCycles(1.0, steps=2**25, ends=(1, 2))
    assert rate(schedule, 2**25 - 1) < 1e-6
    assert rate(schedule, 2**25) == 1.0


@pytest.mark.parametrize("ends", [(), (0, 3), (3, 3), (4, 2)])
def test_ends_that_do_not_ascend_raise(ends) -> None:
    from metaopt.training.schedule import CosineCycles

    with pytest.raises(ValueError, match="ascend"):
        CosineCycles(0.1, 5, ends)


def test_a_resumed_optimizer_continues_the_schedule() -> None:
    """One weight whose gradient is 1 goes down by the sum of the rates; a second optimizer takes over in the middle."""
    import keras
    import numpy as np

    from metaopt.problems.training_config import Training
    from metaopt.training.compiling import make_optimizer

    training = Training("SGD", 0.5, schedule="cosine")
    weight = keras.Variable(np.zeros(1, np.float32))
    first = make_optimizer(training, steps=4, cycles=(1, 3))
    gradient = [keras.ops.ones(1)]
    for _ in range(5):
        first.apply(gradient, [weight])
    second = make_optimizer(training, steps=4, cycles=(1, 3))
    second.build([weight])
    for ours, theirs in zip(second.variables, first.variables, strict=True):
        ours.assign(theirs)
    for _ in range(7):
        second.apply(gradient, [weight])
    rates = [0.25 * (1 + math.cos(math.pi * n / 4)) for n in range(4)]
    rates += [0.25 * (1 + math.cos(math.pi * n / 8)) for n in range(8)]
    assert float(keras.ops.convert_to_numpy(weight.value)[0]) == pytest.approx(-sum(rates), rel=1e-5)
