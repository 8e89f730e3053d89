"""Fixture of the tests of executors: the head of a Ray cluster to which tests add nodes."""

from collections.abc import Iterator

import pytest

from tests.executors.ray_nodes import RayNode, running_node


@pytest.fixture(scope="package")
def ray_head() -> Iterator[RayNode]:
    """The head of a cluster, with one CPU; its start takes seconds."""
    with running_node() as node:
        yield node
