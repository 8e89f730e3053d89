"""Peak memory of a piece of work."""

import mmap

import numpy as np
import pytest

from metaopt.training.peak_memory import measured_memory

pytestmark = pytest.mark.slow


def test_the_peak_is_that_of_the_work_and_not_of_earlier_work() -> None:
    with measured_memory() as large, mmap.mmap(-1, 400_000_000) as memory:  # malloc may keep what is freed
        np.frombuffer(memory, np.uint8)[...] = 1
    with measured_memory() as small:
        pass
    assert large.process > small.process + 300_000_000
    assert small.accelerator is None or small.accelerator >= 0
