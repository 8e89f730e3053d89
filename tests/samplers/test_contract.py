"""The contract of samplers, over every sampler."""

import pytest

from tests.samplers.contract import *  # noqa: F403 - its tests
from tests.samplers.contract import SAMPLERS


@pytest.fixture(params=SAMPLERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param
