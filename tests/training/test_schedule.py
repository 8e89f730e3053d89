import math
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # imports Keras


def value_at(schedule, step: int) -> float:
    import keras

    return float(keras.ops.convert_to_numpy(schedule(keras.ops.convert_to_tensor(step, "int64"))))


def test_each_cycle_falls_along_half_a_cosine() -> None:
    from metaopt.training.schedule import AnnealedCycles

    schedule = AnnealedCycles(0.2, steps=10, ends=(1, 3, 9))  # cycles of 10, 20 and 60 steps
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
        assert value_at(schedule, step) == pytest.approx(value, abs=1e-7), step


def test_a_cooldown_falls_in_the_last_fifth_of_each_cycle() -> None:
    from metaopt.training.schedule import AnnealedCycles

    schedule = AnnealedCycles(0.2, steps=10, ends=(1, 3), only_cooldown=True)  # cycles of 10 and 20 steps
    expected = {0: 0.2, 8: 0.2, 9: 0.1, 10: 0.2, 26: 0.2, 27: 0.15, 28: 0.1, 29: 0.05, 30: 0.0, 99: 0.0}
    for step, value in expected.items():
        assert value_at(schedule, step) == pytest.approx(value, abs=1e-7), step
    again = AnnealedCycles.from_config(schedule.get_config())
    assert value_at(again, 28) == pytest.approx(0.1)


def test_steps_beyond_the_range_of_float32_are_exact() -> None:
    from metaopt.training.schedule import AnnealedCycles

    schedule = AnnealedCycles(1.0, steps=2**25, ends=(1, 2))
    assert value_at(schedule, 2**25 - 1) < 1e-6
    assert value_at(schedule, 2**25) == 1.0


@pytest.mark.parametrize("ends", [(), (0, 3), (3, 3), (4, 2)])
def test_ends_that_do_not_ascend_raise(ends) -> None:
    from metaopt.training.schedule import AnnealedCycles

    with pytest.raises(ValueError, match="ascend"):
        AnnealedCycles(0.1, 5, ends)


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


def restarting(first_s: float, factor: int, rate: float = 1.0) -> tuple[Any, Any]:
    """Return a schedule over seconds, and the function from a position in seconds to the learning rate."""
    import keras

    from metaopt.training.schedule import CosineRestarts, CyclesInSeconds

    schedule = CosineRestarts(rate, CyclesInSeconds(first_s, factor))
    optimizer = keras.optimizers.SGD(schedule)
    schedule.bind(optimizer)

    def rate_at(seconds: float) -> float:
        schedule.begin_epoch([seconds], steps=1)
        return value_at(schedule, 0)

    return schedule, rate_at


@pytest.mark.parametrize(
    ("first", "factor", "restarts"),
    [
        (400, 2, [400, 1200, 2800, 6000, 12400]),  # Zela et al. 2018; the largest budget is 10,800 s
        (10, 2, [10, 30, 70, 150]),  # Loshchilov & Hutter 2017, section 4.1: T_0 = 10, T_mult = 2
        (1, 2, [1, 3, 7, 15, 31, 63, 127]),  # T_0 = 1, T_mult = 2
        (50, 1, [50, 100, 150, 200]),  # T_0 = 50, T_mult = 1
        (1, 3, [1, 4, 13, 40]),
    ],
)
def test_restarts_are_those_of_the_papers(first: float, factor: int, restarts: list[int]) -> None:
    _, rate_at = restarting(first, factor, rate=0.05)
    start = 0
    for end in restarts:
        length = end - start
        assert rate_at(start) == pytest.approx(0.05, rel=1e-6)
        for share in (0.25, 0.5, 0.75):  # eq. 5 of Loshchilov & Hutter with a lowest rate of 0
            expected = 0.025 * (1 + math.cos(math.pi * share))
            assert rate_at(start + share * length) == pytest.approx(expected, rel=1e-4)
        assert rate_at(end - 1e-3 * length) < 1e-6
        start = end


def test_rates_within_an_epoch_follow_the_epoch_before() -> None:
    schedule, _ = restarting(8.0, 2)
    schedule.begin_epoch([], steps=4)  # no duration is known yet
    assert [value_at(schedule, step) for step in range(4)] == [1.0] * 4
    schedule._optimizer.iterations.assign(4)
    schedule.begin_epoch([2.0], steps=4)
    expected = [(1 + math.cos(math.pi * seconds / 8)) / 2 for seconds in (2.0, 2.5, 3.0, 3.5)]
    assert [value_at(schedule, step) for step in range(4, 8)] == pytest.approx(expected)
    schedule._optimizer.iterations.assign(8)
    schedule.begin_epoch([2.0, 5.0], steps=4)  # a restart after 8 seconds
    expected = [(1 + math.cos(math.pi * share)) / 2 for share in (7 / 8, 0.25 / 16, 1.5 / 16, 2.75 / 16)]
    assert [value_at(schedule, step) for step in range(8, 12)] == pytest.approx(expected, abs=1e-6)


def test_positions_of_long_trainings_stay_exact() -> None:
    _, rate_at = restarting(400, 2)
    assert rate_at(400 * (2**20 - 1)) == pytest.approx(1.0)  # thirteen years
    assert rate_at(3e9) == pytest.approx(0.0, abs=1e-6)  # beyond all cycles


@pytest.mark.parametrize(("first_s", "factor"), [(0, 2), (-1, 2), (math.nan, 2), (math.inf, 2), (400, 0)])
def test_cycles_without_length_raise(first_s: float, factor: int) -> None:
    with pytest.raises(ValueError, match="first_s and factor"):
        restarting(first_s, factor)


@pytest.mark.parametrize("scaled", [False, True])
def test_the_schedule_of_an_optimizer_is_found(scaled: bool) -> None:
    import keras

    from metaopt.problems.training_config import Training
    from metaopt.training.compiling import make_optimizer
    from metaopt.training.schedule import CosineRestarts, CyclesInSeconds, find_schedule

    def wrapped(optimizer: Any) -> Any:
        return keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer

    timed = make_optimizer(Training(schedule="cosine"), 5, CyclesInSeconds(400, 2))
    assert isinstance(find_schedule(wrapped(timed)), CosineRestarts)
    assert [each.name for each in timed.variables][1:] == ["position", "advance", "epoch_start"]
    assert find_schedule(wrapped(make_optimizer(Training(), 5, CyclesInSeconds(400, 2)))) is None
