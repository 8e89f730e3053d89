from collections.abc import Iterator

import pytest
from executor_contract import *  # noqa: F403 - the battery
from executor_contract import Scripted

from metaopt.executors import Inline
from metaopt.study.jobs import Trainer


@pytest.fixture
def make_executor() -> type[Inline]:
    return Inline


@pytest.fixture
def executor() -> Iterator[Inline]:
    trainer: Trainer = Scripted()
    with Inline(trainer) as executor:
        yield executor
