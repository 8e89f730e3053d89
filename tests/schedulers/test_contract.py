"""The contract of schedulers, over every scheduler."""

import pytest

from metaopt.schedulers import SCHEDULERS
from tests.schedulers.contract import *  # noqa: F403 - its tests


@pytest.fixture(params=SCHEDULERS, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param
