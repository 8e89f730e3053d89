from collections.abc import Iterator

import pytest

from metaopt.engine.jobs import Trainer
from metaopt.executors import Inline
from tests.executors.executor_contract import *  # noqa: F403 - the battery
from tests.executors.executor_contract import Scripted


@pytest.fixture
def make_executor() -> type[Inline]:
    return Inline


@pytest.fixture
def executor() -> Iterator[Inline]:
    trainer: Trainer = Scripted()
    with Inline(trainer) as executor:
        yield executor
