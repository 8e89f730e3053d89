"""The contract of samplers, over every sampler."""

import pytest

from tests.marks import with_slow
from tests.samplers.contract import *  # noqa: F403 - its tests
from tests.samplers.contract import SAMPLERS


@pytest.fixture(params=with_slow(SAMPLERS, ["gp"]))
def name(request: pytest.FixtureRequest) -> str:
    return request.param
